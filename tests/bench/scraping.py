"""What scraping costs those who publish: rounds with it and without it, by turns."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final, NamedTuple

import httpx

from tests.bench.load import Load
from tests.exporter import PAGE_SECONDS

#: Pairs of rounds, one with and one without scraping. What comes first changes with each: a machine
#: that becomes slower on the way, or a log that becomes longer, must not count for one side.
PAIRS: Final = 10


class Cost(NamedTuple):
    """The rate with scraping by that without, of each pair."""

    ratios: list[float]
    scrapes: int
    seconds: float

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    def __str__(self) -> str:
        first, _, third = statistics.quantiles(self.ratios, n=4)
        return (
            f"half of {len(self.ratios)} pairs {first:.3f} to {third:.3f},"
            f" {self.scrapes} scrapes of {self.seconds * 1000:.0f} ms"
        )


class Scraper:
    """Asks for a page at once, and then again and again.

    Args:
        url: of the page.
        interval: seconds from one scrape to the next; the next waits for the last to end.
    """

    def __init__(self, url: str, interval: float) -> None:
        self._url = url
        self._interval = interval
        self.took: list[float] = []
        self._failures: list[Exception] = []

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
                    self.took.append(seconds)
                    if over.wait(max(0.0, self._interval - seconds)):
                        return
        except httpx.HTTPError as error:
            self._failures.append(error)


def cost_of(scraper: Scraper, load: Load, seconds: int, pairs: int = PAIRS) -> Cost:
    """What a scraper costs under a load, by rounds of so many seconds, after one that warms up."""

    def scraped() -> float:
        with scraper.at_work():
            return load.rate(seconds)

    def alone() -> float:
        return load.rate(seconds)

    alone()
    scraper.took.clear()
    ratios = []
    for number in range(pairs):
        order: list[Callable[[], float]] = [scraped, alone]
        first, second = order if number % 2 else order[::-1]
        rates = {first: first(), second: second()}
        ratios.append(rates[scraped] / rates[alone])
    return Cost(ratios, len(scraper.took), statistics.median(scraper.took))
