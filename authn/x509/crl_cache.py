"""Lists of revoked certificates, fetched where certificates say they are, and kept for a while."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urljoin, urlsplit

from cryptography import x509

from ams.service.logs import get_logger
from ams.service.outgoing import Answer, Outgoing, OutgoingError, TooLong
from authn.x509.crl import Crl, CrlUnusable
from authn.x509.refusals import RevocationUnknown

#: Longest list that is read, in bytes.
MOST_CRL_BYTES: Final = 8 * 1024 * 1024
#: Longest time for fetching one, redirects included, in seconds: a server answers within 15.
FETCH_SECONDS: Final = 5.0
#: How long a list is kept before it is asked for again, however long it holds: authorities publish
#: new ones long before the old ones end.
MOST_AGE: Final = timedelta(hours=1)
#: How long a failure is remembered, so that nobody waits for the same server again and again.
FAILURE_AGE: Final = timedelta(seconds=10)
#: Lists that are kept, and their bytes altogether.
MOST_LISTS: Final = 256
MOST_BYTES: Final = 64 * 1024 * 1024
#: Redirects that are followed for one list; they may not leave its host.
MOST_REDIRECTS: Final = 3

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

log = get_logger()


def _now() -> datetime:
    return datetime.now(UTC)


#: A URL, and the authority whose list should be there.
_Place: TypeAlias = tuple[str, x509.Certificate]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was at a place: a list that counts, or the reason why there is none."""

    crl: Crl | None
    reason: str
    look_again: datetime


class CrlCache:
    """Finds lists; who asks for the same one at the same time shares one request.

    Args:
        outgoing: makes the requests.
        clock: the time.
    """

    def __init__(self, outgoing: Outgoing, *, clock: Callable[[], datetime] = _now) -> None:
        self._outgoing = outgoing
        self._clock = clock
        self._found: OrderedDict[_Place, _Found] = OrderedDict()
        self._bytes = 0
        self._searches: dict[_Place, asyncio.Task[_Found]] = {}

    async def get(self, url: str, issuer: x509.Certificate) -> Crl:
        """The list of `issuer` at `url`, which holds now.

        Raises:
            RevocationUnknown: there is none.
        """
        place = (url, issuer)
        found = self._found.get(place)
        if found is None or found.look_again <= self._clock():
            # Who gives up waiting must not end it for the others.
            found = await asyncio.shield(self._search(place))
        else:
            self._found.move_to_end(place)
        if found.crl is None:
            raise RevocationUnknown(found.reason)
        return found.crl

    async def close(self) -> None:
        """Ends what is being fetched."""
        searches = list(self._searches.values())
        for search in searches:
            search.cancel()
        await asyncio.gather(*searches, return_exceptions=True)

    def _search(self, place: _Place) -> "asyncio.Task[_Found]":
        search = self._searches.get(place)
        if search is None:
            search = asyncio.create_task(self._look(place))
            self._searches[place] = search
            search.add_done_callback(lambda _: self._searches.pop(place))
        return search

    async def _look(self, place: _Place) -> _Found:
        former = self._found.get(place)
        url, issuer = place
        try:
            found = self._fresh(await self._load(url, issuer), former)
        except RevocationUnknown as unknown:
            log.warning("a CRL can't be used", url=url, reason=unknown.detail or unknown.message)
            found = self._failed(unknown.reason, former)
        self._keep(place, found)
        return found

    def _fresh(self, crl: Crl, former: _Found | None) -> _Found:
        now = self._clock()
        # An older one may have been put in the way of the new one.
        if former and former.crl and crl.made < former.crl.made and now < former.crl.valid_until:
            crl = former.crl
        return _Found(crl, "", min(crl.valid_until, now + MOST_AGE))

    def _failed(self, reason: str, former: _Found | None) -> _Found:
        """While the list from before holds it is better than none."""
        now = self._clock()
        crl = former.crl if former else None
        if crl is None or crl.valid_until <= now:
            return _Found(None, reason, now + FAILURE_AGE)
        return _Found(crl, "", min(crl.valid_until, now + FAILURE_AGE))

    def _keep(self, place: _Place, found: _Found) -> None:
        former = self._found.pop(place, None)
        self._bytes -= _size(former)
        self._found[place] = found
        self._bytes += _size(found)
        while len(self._found) > MOST_LISTS or self._bytes > MOST_BYTES:
            _, oldest = self._found.popitem(last=False)
            self._bytes -= _size(oldest)

    async def _load(self, url: str, issuer: x509.Certificate) -> Crl:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                answer = await self._fetch(url)
        except TooLong as error:
            raise RevocationUnknown("Unable to read CRL Data", error.reason) from error
        except (OutgoingError, TimeoutError) as error:
            reason = error.reason if isinstance(error, OutgoingError) else "no answer in time"
            raise RevocationUnknown(f"Could not access CRL {url}", reason) from error
        try:
            return Crl(answer.body, issuer, self._clock())
        except ValueError as error:
            detail = f"HTTP status {answer.status}: {error}"
            raise RevocationUnknown("Unable to parse CRL Data", detail) from error
        except CrlUnusable as error:
            raise RevocationUnknown(f"CRL {url} {error.reason}") from error

    async def _fetch(self, url: str) -> Answer:
        host = _host(url)
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._outgoing.fetch(
                "GET",
                url,
                schemes=("http", "https"),
                max_bytes=MOST_CRL_BYTES,
                timeout_seconds=FETCH_SECONDS,
            )
            if answer.status not in _REDIRECTS:
                return answer
            url = _joined(url, answer.headers.get("location", ""))
            if _host(url) != host:
                raise OutgoingError("it is said to be on another host")
        raise OutgoingError("too many redirects")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise OutgoingError("it is said to be nowhere") from error


def _size(found: _Found | None) -> int:
    return found.crl.size if found and found.crl else 0
