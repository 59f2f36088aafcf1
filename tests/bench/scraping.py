"""What scraping costs those who publish: runs with it and without it, by turns."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

import httpx

from tests.bench.load import Load, Ratios, compare
from tests.exporter import PAGE_SECONDS

#: Pairs of runs, one with and one without scraping.
PAIRS: Final = 10
#: Seconds of one, in which a broker is scraped some times.
SECONDS: Final = 5


class Scraper:
    """Asks for a page at once, and then again and again.

    Args:
        url: of the page.
        interval: seconds from one scrape to the next; the next waits for the last to end.
    """

    def __init__(self, url: str, interval: float) -> None:
        self._url = url
        self._interval = interval
        self._took: list[float] = []
        self._failures: list[Exception] = []

    def __str__(self) -> str:
        return f"{len(self._took)} scrapes of {statistics.median(self._took) * 1000:.0f} ms"

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Scrapes meanwhile.

        Raises:
            httpx.HTTPError: a scrape failed.
        """
        over = Event()
        thread = Thread(target=self._work, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _work(self, over: Event) -> None:
        try:
            # As Prometheus does: one connection that is kept, and a page that is compressed if it
            # can be.
            with httpx.Client(timeout=PAGE_SECONDS, trust_env=False) as client:
                while True:
                    answer = client.get(self._url).raise_for_status()
                    seconds = answer.elapsed.total_seconds()
                    self._took.append(seconds)
                    if over.wait(max(0.0, self._interval - seconds)):
                        return
        except httpx.HTTPError as error:
            self._failures.append(error)


def cost_of(scraper: Scraper, load: Load, seconds: int = SECONDS) -> Ratios:
    """What a scraper leaves of a load, by runs of so many seconds."""

    def scraped() -> float:
        with scraper.at_work():
            return load.rate(seconds)

    return compare(scraped, lambda: load.rate(seconds), PAIRS)
