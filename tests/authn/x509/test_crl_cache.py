"""What is kept of lists of revoked certificates, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ams.service.outgoing import Outgoing
from authn.x509 import crl_cache
from authn.x509.crl_cache import FAILURE_AGE, MOST_AGE, CrlCache
from authn.x509.refusals import RevocationUnknown
from tests.authn.authority import DAY, Authority, new_key
from tests.authn.crl_server import CrlServer
from tests.eventually import eventually

MINUTE = timedelta(minutes=1)


class Clock:
    """The time of day, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def cache(outgoing: Outgoing, clock: Clock) -> AsyncIterator[CrlCache]:
    cache = CrlCache(outgoing, clock=clock)
    yield cache
    await cache.close()


async def test_list_is_fetched_once_while_it_holds(
    cache: CrlCache, root: Authority, crl_server: CrlServer, clock: Clock
) -> None:
    url = crl_server.publish("/a", root.crl(valid=(-DAY, 10 * MINUTE)))
    for _ in range(3):
        await cache.get(url, root.certificate)
    clock.ahead = 9 * MINUTE
    await cache.get(url, root.certificate)
    assert crl_server.requests["/a"] == 1
    clock.ahead = 11 * MINUTE
    crl_server.publish("/a", root.crl(valid=(-DAY, DAY)))
    await cache.get(url, root.certificate)
    assert crl_server.requests["/a"] == 2


async def test_list_is_asked_for_again_long_before_it_ends(
    cache: CrlCache, root: Authority, crl_server: CrlServer, clock: Clock
) -> None:
    """A certificate that has been revoked meanwhile is on the new one."""
    client = root.issue().certificate
    url = crl_server.publish("/a", root.crl(valid=(-DAY, 30 * DAY)))
    assert not (await cache.get(url, root.certificate)).revokes(client)
    crl_server.publish("/a", root.crl(revoked=[client], valid=(-DAY / 2, 30 * DAY)))
    clock.ahead = MOST_AGE
    assert (await cache.get(url, root.certificate)).revokes(client)


async def test_list_that_holds_serves_while_its_server_is_away(
    cache: CrlCache, root: Authority, crl_server: CrlServer, clock: Clock
) -> None:
    url = crl_server.publish("/a", root.crl(valid=(-DAY, 2 * MOST_AGE)))
    await cache.get(url, root.certificate)
    crl_server.withdraw("/a")
    clock.ahead = MOST_AGE
    for _ in range(3):
        await cache.get(url, root.certificate)
    assert crl_server.requests["/a"] == 2
    clock.ahead = 2 * MOST_AGE
    with pytest.raises(RevocationUnknown, match="Unable to parse CRL Data"):
        await cache.get(url, root.certificate)


async def test_older_list_does_not_replace_a_newer_one(
    cache: CrlCache, root: Authority, crl_server: CrlServer, clock: Clock
) -> None:
    client = root.issue().certificate
    url = crl_server.publish("/a", root.crl(revoked=[client], valid=(-DAY, DAY)))
    await cache.get(url, root.certificate)
    crl_server.publish("/a", root.crl(valid=(-2 * DAY, DAY)))
    clock.ahead = MOST_AGE
    assert (await cache.get(url, root.certificate)).revokes(client)


async def test_failure_is_remembered_for_a_moment(
    cache: CrlCache, root: Authority, crl_server: CrlServer, clock: Clock
) -> None:
    url = crl_server.url("/a")
    for _ in range(3):
        with pytest.raises(RevocationUnknown):
            await cache.get(url, root.certificate)
    assert crl_server.requests["/a"] == 1
    crl_server.publish("/a", root.crl())
    clock.ahead = FAILURE_AGE
    await cache.get(url, root.certificate)


async def test_list_of_one_authority_says_nothing_to_another(
    cache: CrlCache, root: Authority, crl_server: CrlServer
) -> None:
    other = Authority.root("Trusted CA", key=new_key())
    url = crl_server.publish("/a", other.crl())
    await cache.get(url, other.certificate)
    with pytest.raises(RevocationUnknown, match="not signed by the issuer"):
        await cache.get(url, root.certificate)


async def test_all_who_ask_at_the_same_time_share_one_request(
    cache: CrlCache, root: Authority, crl_server: CrlServer
) -> None:
    crl_server.publish("/a", root.crl())
    url = crl_server.hold("/a")
    asking = [asyncio.create_task(cache.get(url, root.certificate)) for _ in range(20)]
    await eventually(lambda: crl_server.requests["/a"] == 1)
    # One of them goes away; the others don't mind.
    asking[0].cancel()
    crl_server.release("/a")
    lists = await asyncio.gather(*asking[1:])
    assert len(set(lists)) == 1
    assert crl_server.requests["/a"] == 1


async def test_server_that_does_not_answer_is_given_up(
    cache: CrlCache, root: Authority, crl_server: CrlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crl_cache, "FETCH_SECONDS", 0.1)
    url = crl_server.hold("/a")
    with pytest.raises(RevocationUnknown, match="Could not access CRL") as refused:
        await cache.get(url, root.certificate)
    assert refused.value.message.endswith(url)


async def test_list_that_is_too_long_is_not_read(
    cache: CrlCache, root: Authority, crl_server: CrlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    crl = root.crl(revoked=range(1, 100))
    monkeypatch.setattr(crl_cache, "MOST_CRL_BYTES", len(crl) - 1)
    url = crl_server.publish("/a", crl)
    with pytest.raises(RevocationUnknown, match="Internal Error: Unable to read CRL Data"):
        await cache.get(url, root.certificate)


async def test_oldest_lists_make_room_for_new_ones(
    cache: CrlCache, root: Authority, crl_server: CrlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    crl = root.crl()
    urls = [crl_server.publish(f"/{number}", crl) for number in range(4)]
    for limit, most in (("MOST_LISTS", 3), ("MOST_BYTES", 3 * len(crl))):
        with monkeypatch.context() as limited:
            limited.setattr(crl_cache, limit, most)
            for url in urls:
                await cache.get(url, root.certificate)
            crl_server.requests.clear()
            for url in urls[1:]:
                await cache.get(url, root.certificate)
            assert not crl_server.requests
            await cache.get(urls[0], root.certificate)
            assert list(crl_server.requests) == ["/0"]


async def test_closing_ends_what_is_being_fetched(
    cache: CrlCache, root: Authority, crl_server: CrlServer
) -> None:
    asking = asyncio.create_task(cache.get(crl_server.hold("/a"), root.certificate))
    await eventually(lambda: crl_server.requests["/a"] == 1)
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
