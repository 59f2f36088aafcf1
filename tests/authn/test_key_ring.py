"""The keys that AuthN signs with: they take turns, and all processes have the same ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from ams.service.authn_settings import AuthnSettings
from ams.service.settings import SettingsError
from ams.service.token_box import TokenBox
from authn import key_ring
from authn.errors import DatabaseFailure, InternalFailure
from authn.key_ring import AHEAD_SECONDS, CLOCKS_SECONDS, KeyRing
from authn.store import signing_keys
from authn.store.store import Store, migrate
from tests.mariadb import MariaDB
from tests.node import TOKEN_KEY

SIGNS = 7200
LIVES = 900


class Clock:
    """Shows the time that a test wants it to be."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(key_ring, "RELOAD_SECONDS", 0.0)
    return Clock()


@pytest_asyncio.fixture(params=["sqlite", "mariadb"])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> AuthnSettings:
    url = f"sqlite://{tmp_path}/authn.db"
    if request.param == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb")
        url = server.create_database()
    settings = AuthnSettings(database_url=url, signing_key_seconds=SIGNS, token_seconds=LIVES)
    await migrate(settings)
    return settings


@pytest_asyncio.fixture
async def store(settings: AuthnSettings) -> AsyncIterator[Store]:
    async with Store(settings) as store:
        yield store


def ring_on(
    store: Store, settings: AuthnSettings, clock: Clock, *keys: str, **changes: object
) -> KeyRing:
    box = TokenBox(keys or [TOKEN_KEY], "authn.token_keys")
    return KeyRing(store, box, settings.model_copy(update=changes), clock)


async def published(ring: KeyRing) -> list[str]:
    keys: list[dict[str, Any]] = json.loads(await ring.published())["keys"]
    assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in keys)
    return [key["kid"] for key in keys]


async def test_processes_that_start_together_have_one_key(
    settings: AuthnSettings, clock: Clock
) -> None:
    async def start() -> list[str]:
        async with Store(settings) as store:
            ring = ring_on(store, settings, clock)
            signer = await ring.signer()
            assert [signer.key_id] == await published(ring)
            return [signer.key_id]

    started = await asyncio.gather(*(start() for _ in range(4)))
    assert all(keys == started[0] for keys in started)


async def test_a_key_is_published_before_it_signs_and_until_its_last_token_ends(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    ring, other = (ring_on(store, settings, clock) for _ in range(2))
    first = (await ring.signer()).key_id
    clock.forward(SIGNS - CLOCKS_SECONDS - AHEAD_SECONDS - 1)
    assert await published(ring) == [first]
    clock.forward(1)
    both = await published(ring)
    assert both[0] == first
    assert len(both) == 2
    assert await published(other) == both
    clock.forward(AHEAD_SECONDS - 1)
    assert (await ring.signer()).key_id == first
    clock.forward(1)
    assert (await ring.signer()).key_id == both[1]
    assert (await other.signer()).key_id == both[1]
    clock.forward(LIVES + CLOCKS_SECONDS)
    assert await published(ring) == both
    clock.forward(1)
    assert await published(ring) == await published(other) == both[1:]


async def test_keys_take_turns_on_and_on(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    ring = ring_on(store, settings, clock)
    signers = set()
    for _ in range(40):
        signers.add((await ring.signer()).key_id)
        assert 1 <= len(await published(ring)) <= 2
        clock.forward(SIGNS / 10)
    assert 3 <= len(signers) <= 5


async def test_keys_of_a_process_that_slept_long_take_over_in_order(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    ring = ring_on(store, settings, clock)
    first = (await ring.signer()).key_id
    clock.forward(100 * SIGNS)
    assert (await ring.signer()).key_id == first
    clock.forward(AHEAD_SECONDS)
    assert (await ring.signer()).key_id != first


async def test_a_key_outlives_the_longest_token_that_it_has_signed(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    """Also one of a process with other settings, or of before they were changed."""
    ring = ring_on(store, settings, clock)
    first = (await ring.signer()).key_id
    await ring_on(store, settings, clock, token_seconds=4 * LIVES).signer()
    clock.forward(SIGNS - CLOCKS_SECONDS)
    await ring.signer()
    clock.forward(AHEAD_SECONDS)
    assert (await ring.signer()).key_id != first
    clock.forward(4 * LIVES)
    assert first in await published(ring)
    clock.forward(CLOCKS_SECONDS + 1)
    assert first not in await published(ring)


async def test_the_database_alone_gives_no_key_away(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    signer = await ring_on(store, settings, clock).signer()
    async with store.reading():
        (stored,) = await signing_keys.list_all()
    raw = signer.private.private_bytes_raw()
    assert raw.hex() not in repr(stored)
    assert TokenBox([TOKEN_KEY]).decrypt(stored.secret_ciphertext) == raw.hex()


async def test_with_other_token_keys_nothing_is_signed_and_nothing_is_made(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    """What other processes have signed can still be checked."""
    ring = ring_on(store, settings, clock)
    await ring.check()
    keys = await published(ring)
    await ring.check()
    other = ring_on(store, settings, clock, Fernet.generate_key().decode())
    with pytest.raises(SettingsError, match=r"authn\.token_keys"):
        await other.check()
    with pytest.raises(InternalFailure):
        await other.signer()
    assert await published(other) == keys


async def test_token_keys_are_changed_like_those_of_other_secrets(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    first = (await ring_on(store, settings, clock).signer()).key_id
    both = ring_on(store, settings, clock, Fernet.generate_key().decode(), TOKEN_KEY)
    await both.check()
    assert (await both.signer()).key_id == first


async def test_keys_that_were_stolen_are_replaced_at_once(
    store: Store, settings: AuthnSettings, clock: Clock
) -> None:
    """The next one too, which is published already, and by one process for all."""
    rings = [ring_on(store, settings, clock) for _ in range(2)]
    await rings[0].signer()
    clock.forward(SIGNS - CLOCKS_SECONDS - AHEAD_SECONDS)
    stolen = await published(rings[1])
    assert len(stolen) == 2
    new = await ring_on(store, settings, clock).replace()
    assert new not in stolen
    for ring in rings:
        assert (await ring.signer()).key_id == new
        assert await published(ring) == [new]
    clock.forward(SIGNS - CLOCKS_SECONDS - AHEAD_SECONDS - 1)
    assert await published(rings[0]) == [new]


async def test_of_two_who_replace_keys_at_once_one_has_the_last_word(
    settings: AuthnSettings, clock: Clock
) -> None:
    async def replace() -> str:
        async with Store(settings) as store:
            return await ring_on(store, settings, clock).replace()

    new = await asyncio.gather(*(replace() for _ in range(2)))
    async with Store(settings) as store:
        (left,) = await published(ring_on(store, settings, clock))
    assert left in new


async def test_memory_goes_on_while_the_database_is_away(
    store: Store, settings: AuthnSettings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = ring_on(store, settings, clock)
    first = (await ring.signer()).key_id

    def away(_: Store) -> AbstractAsyncContextManager[None]:
        raise DatabaseFailure("away")

    reading: Callable[[Store], AbstractAsyncContextManager[None]] = away
    monkeypatch.setattr(Store, "reading", reading)
    assert (await ring.signer()).key_id == first
    assert await published(ring) == [first]
    with pytest.raises(DatabaseFailure):
        await ring_on(store, settings, clock).signer()
