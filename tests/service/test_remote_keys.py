"""Keys of issuers: when they are fetched, which of them count, and what if they don't come."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
import pytest_asyncio

from ams.service import remote_keys
from ams.service.errors import Unavailable
from ams.service.json_web_keys import PublicKey
from ams.service.outgoing import Outgoing
from ams.service.remote_keys import (
    PAUSE_SECONDS,
    REFRESH_SECONDS,
    FetchError,
    RemoteKeys,
    discovered,
    published_at,
)
from ams.service.settings_sections import OutgoingSettings
from tests.authn.target import Answer, Target
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.signing import Signer

ALGORITHMS = ("EdDSA",)
DISCOVERY = "/.well-known/openid-configuration"


class Issuer:
    """Publishes `keys`, as often as it is asked; an error, if there is one."""

    def __init__(self, *names: str) -> None:
        self.publish(*names)
        self.asked = 0
        self.away = False
        self.slow: asyncio.Event | None = None

    def publish(self, *names: str) -> None:
        self.keys = {n: PublicKey(Signer(n).key.public_key(), frozenset(ALGORITHMS)) for n in names}

    async def __call__(self) -> Mapping[str, PublicKey]:
        self.asked += 1
        if self.slow:
            await self.slow.wait()
        if self.away:
            raise FetchError("away")
        return self.keys


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_many_who_ask_at_once_share_one_fetch(clock: Clock) -> None:
    issuer = Issuer("a")
    issuer.slow = asyncio.Event()
    keys = RemoteKeys("issuer", issuer, clock)
    asking = [asyncio.ensure_future(keys.find(name)) for name in ["a", "b", "c"] * 10]
    await eventually(lambda: issuer.asked)
    asking[0].cancel()  # It takes nothing from the others.
    issuer.slow.set()
    found = await asyncio.gather(*asking[1:])
    assert [key is not None for key in found] == [False, False, *[True, False, False] * 9]
    assert issuer.asked == 1


async def test_unknown_keys_are_looked_for_now_and_then(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = RemoteKeys("issuer", issuer, clock)
    assert await keys.find("a")
    issuer.publish("a", "b")
    clock.now += PAUSE_SECONDS - 1
    assert await keys.find("b") is None
    assert issuer.asked == 1
    clock.now += 1
    assert await keys.find("b")
    assert issuer.asked == 2


async def test_a_key_that_is_withdrawn_counts_no_more_after_a_while(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = RemoteKeys("issuer", issuer, clock)
    assert await keys.find("a")
    issuer.publish("b")
    clock.now += REFRESH_SECONDS - 1
    assert await keys.find("a")
    assert issuer.asked == 1
    clock.now += 1
    assert await keys.find("a") is None
    assert await keys.find("b")
    assert issuer.asked == 2


async def test_while_known_keys_are_renewed_only_one_has_to_wait(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = RemoteKeys("issuer", issuer, clock)
    assert await keys.find("a")
    clock.now += REFRESH_SECONDS
    issuer.slow = asyncio.Event()
    waiting = asyncio.ensure_future(keys.find("a"))
    await eventually(lambda: issuer.asked == 2)
    assert await keys.find("a")
    assert not waiting.done()
    issuer.slow.set()
    assert await waiting


async def test_known_keys_go_on_while_unknown_ones_cannot_be_judged(clock: Clock) -> None:
    issuer = Issuer("a")
    keys = RemoteKeys("issuer", issuer, clock)
    assert await keys.find("a")
    issuer.away = True
    clock.now += PAUSE_SECONDS
    for _ in range(2):
        with pytest.raises(Unavailable):
            await keys.find("b")
    assert issuer.asked == 2
    clock.now += 100 * REFRESH_SECONDS
    assert await keys.find("a")
    assert issuer.asked == 3
    issuer.away = False
    clock.now += PAUSE_SECONDS
    assert await keys.find("b") is None


async def test_a_fetch_that_is_under_way_ends_with_the_process() -> None:
    issuer = Issuer("a")
    issuer.slow = asyncio.Event()
    keys = RemoteKeys("issuer", issuer)
    asking = asyncio.ensure_future(keys.find("a"))
    await eventually(lambda: issuer.asked)
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


@pytest.fixture(scope="module")
def target(certificates: Certificates) -> Iterator[Target]:
    with Target(certificates) as target:
        yield target


@pytest_asyncio.fixture
async def outgoing(certificates: Certificates) -> AsyncIterator[Outgoing]:
    settings = OutgoingSettings(
        allow_private_addresses=["127.0.0.0/8"], ca_file=str(certificates.ca)
    )
    outgoing = Outgoing(settings)
    yield outgoing
    await outgoing.close()


async def fetched(outgoing: Outgoing, target: Target) -> set[str]:
    url = f"https://127.0.0.1:{target.port}/keys"
    return set(await published_at(outgoing, url, ALGORITHMS)())


async def test_only_keys_that_may_check_signatures_count(
    outgoing: Outgoing, target: Target
) -> None:
    good = Signer("good").public
    odd = {
        "encrypting": {**good, "use": "enc"},
        "signing": {**good, "key_ops": ["sign"]},
        "other algorithm": {**good, "alg": "ES256"},
        "algorithm of a list": {**good, "alg": ["EdDSA"]},
        "secret": {"kty": "oct", "k": "c2VjcmV0", "alg": "EdDSA"},
        "other curve": {**good, "crv": "X25519"},
        "curve of a list": {**good, "crv": ["Ed25519"]},
        "cut off": {**good, "x": good["x"][:-2]},
        "number": {**good, "x": 1},
        "nothing": {},
    }
    keys = [{**members, "kid": name} for name, members in odd.items()]
    nameless = [{k: v for k, v in good.items() if k != "kid"}, {**good, "kid": 1}, "key", None]
    target.says({"keys": [*keys, *nameless, good]})
    assert await fetched(outgoing, target) == {"good"}


async def test_a_private_key_that_is_published_counts_as_its_public_one(
    outgoing: Outgoing, target: Target
) -> None:
    target.says({"keys": [{**Signer("a").public, "d": "AAAA"}]})
    assert await fetched(outgoing, target) == {"a"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"{}", 404), "404"),
        (Answer(b"{}"), "lists no keys"),
        (Answer(b'{"keys": {}}'), "lists no keys"),
        (Answer(b'{"keys": [], "keys": []}'), "twice"),
        (Answer(b"<html>"), "no JSON"),
        (Answer(b"[" * 100_000), "no JSON"),
        (Answer(b"\xff"), "no JSON"),
        (Answer(b" " * (remote_keys.MAX_DOCUMENT_BYTES + 1)), "too long"),
        (Answer(b"", 302, {"Location": "/elsewhere"}), "302"),
    ],
)
async def test_what_is_no_set_of_keys_is_a_failure(
    outgoing: Outgoing, target: Target, answer: Answer, reason: str
) -> None:
    target.answer = answer
    with pytest.raises(FetchError, match=reason):
        await fetched(outgoing, target)


async def test_an_openid_issuer_says_where_its_keys_are(outgoing: Outgoing, target: Target) -> None:
    issuer = f"https://127.0.0.1:{target.port}/realm/"
    target.says({"issuer": issuer, "jwks_uri": f"{issuer}keys"})
    target.by_path = {"/realm/keys": _json_of(Signer("a"))}
    try:
        assert set(await discovered(outgoing, issuer, ALGORITHMS)()) == {"a"}
        assert target.asked[-2].path == f"/realm{DISCOVERY}"
    finally:
        target.by_path = {}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"issuer": "https://other.example.org"}, "of another issuer"),
        ({"issuer": None}, "of another issuer"),
        ({"jwks_uri": None}, "where the keys are"),
        ({"jwks_uri": "http://127.0.0.1:1/keys"}, "scheme"),
        ({"jwks_uri": "https://10.0.0.1/keys"}, "not allowed"),
        ({"jwks_uri": "file:///etc/passwd"}, "scheme"),
    ],
)
async def test_discovery_leads_nowhere_else(
    outgoing: Outgoing, target: Target, members: dict[str, object], reason: str
) -> None:
    issuer = f"https://127.0.0.1:{target.port}"
    target.says({"issuer": issuer, "jwks_uri": f"{issuer}/keys", **members})
    with pytest.raises(FetchError, match=reason):
        await discovered(outgoing, issuer, ALGORITHMS)()


def _json_of(*signers: Signer) -> Answer:
    return Answer(json.dumps({"keys": [signer.public for signer in signers]}).encode())
