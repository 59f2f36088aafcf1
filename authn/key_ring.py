"""The keys that AuthN signs tokens with: all processes of a database share them.

A key takes over from another when that has signed for long enough. It is published some time
before, so that whoever keeps the published keys for a while knows it by then; and it stays
published until the last token that it has signed has expired. Nobody has to be the one who sees to
this: each process does when it looks at the keys, and the numbers of keys, which are unique, decide
who was first.
"""

import asyncio
import hashlib
import json
import math
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ams.service.authn_settings import AuthnSettings
from ams.service.logs import get_logger
from ams.service.settings import SettingsError
from ams.service.token_box import TokenBox, TokenKeyError
from authn.errors import DatabaseFailure, InternalFailure
from authn.store import signing_keys
from authn.store.records import SigningKey
from authn.store.store import Store

ALGORITHM: Final = "EdDSA"
#: How long keys are published before they sign, in seconds; less where keys sign for less than
#: twice as long. Brokers keep what is published for five minutes.
AHEAD_SECONDS: Final = 600.0
#: How long a process goes by what it has read, in seconds.
RELOAD_SECONDS: Final = 5.0
#: By how much clocks of AuthN's hosts, and of those who check tokens, may differ, in seconds.
CLOCKS_SECONDS: Final = 60.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Key:
    """A key in memory; without `private` it can't be read with the keys of the settings."""

    id: str
    public: str
    signs_from: datetime
    private: Ed25519PrivateKey | None


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs now."""

    key_id: str
    private: Ed25519PrivateKey


class KeyRing:
    """Keys that sign, one after the other.

    Args:
        store: where they are kept.
        box: what keeps their private halves secret there.
        settings: how long keys sign, and tokens live.
        clock: the time of day.
    """

    def __init__(
        self,
        store: Store,
        box: TokenBox,
        settings: AuthnSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._box = box
        self._token_seconds = settings.token_seconds
        self._signs = timedelta(seconds=settings.signing_key_seconds)
        self._ahead = min(timedelta(seconds=AHEAD_SECONDS), self._signs / 2)
        self._clock = clock
        self._keys: list[_Key] = []
        self._published = b""
        self._read = -math.inf
        self._reading = asyncio.Lock()

    async def check(self) -> None:
        """Changes nothing.

        Raises:
            SettingsError: there are keys, and none that these settings can read.
            DatabaseFailure: the database does not answer.
        """
        async with self._store.reading():
            keys = await signing_keys.list_all()
        if keys and not any(self._opened(key).private for key in keys):
            raise SettingsError(
                ["authn.token_keys: none of the keys that tokens are signed with is readable by it"]
            )

    async def published(self) -> bytes:
        """The public keys as JSON (RFC 7517), those included that do not sign yet, or no more.

        Raises:
            DatabaseFailure: they are not known, and the database does not answer.
        """
        await self._look()
        return self._published

    async def signer(self) -> Signer:
        """The key that signs now.

        Raises:
            DatabaseFailure: it is not known, and the database does not answer.
            InternalFailure: there is none that can be read.
        """
        await self._look()
        now = self._clock()
        for key in reversed(self._keys):
            if key.private is not None and key.signs_from <= now:
                return Signer(key.id, key.private)
        raise InternalFailure("Backend error")

    async def replace(self) -> str:
        """Has a new key sign from now on, and none of the others count any more.

        Other processes know it as soon as they read the keys again.

        Returns:
            Name of the new key.

        Raises:
            DatabaseFailure: the database does not answer; everything is as it was.
        """
        new = await self._store.write(self._replace)
        self._take([new])
        return self._keys[0].id

    async def _replace(self) -> SigningKey:
        """Changes all keys, within a transaction."""
        former = await signing_keys.list_all()
        number = former[-1].number + 1 if former else 1
        new = replace(self._next([], self._clock()), number=number)
        await signing_keys.delete(former)
        await signing_keys.insert(new)
        return new

    async def _look(self) -> None:
        """Reads the keys if it was long ago that they were read, and keeps them up."""
        if time.monotonic() < self._read + RELOAD_SECONDS:
            return
        async with self._reading:
            if time.monotonic() < self._read + RELOAD_SECONDS:
                return
            try:
                self._take(await self._kept_up())
            except DatabaseFailure as error:
                if not self._keys:
                    raise
                log.warning("signing keys can't be read; memory goes on", error=error.message)
            self._read = time.monotonic()

    async def _kept_up(self) -> Sequence[SigningKey]:
        async with self._store.reading():
            keys = await signing_keys.list_all()
        now = self._clock()
        if self._wants_next(keys, now) or self._retired(keys, now) or self._short(keys, now):
            keys = await self._store.write(self._keep_up)
        return keys

    async def _keep_up(self) -> Sequence[SigningKey]:
        """What is due, within a transaction; another process may have done it meanwhile."""
        keys, now = await signing_keys.list_all(), self._clock()
        await signing_keys.delete(self._retired(keys, now))
        await signing_keys.let_tokens_live(self._short(keys, now), self._token_seconds)
        if self._wants_next(keys, now):
            await signing_keys.insert(self._next(keys, now))
        return await signing_keys.list_all()

    def _wants_next(self, keys: Sequence[SigningKey], now: datetime) -> bool:
        return not keys or keys[-1].signs_from + self._signs - self._ahead <= now

    def _retired(self, keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
        """Those of which no token is valid any more."""
        return [
            key
            for key, successor in pairwise(keys)
            if now - successor.signs_from > timedelta(seconds=key.token_seconds + CLOCKS_SECONDS)
        ]

    def _short(self, keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
        """Those that will sign tokens that live longer than is noted of them."""
        gone = {key.number for key, successor in pairwise(keys) if successor.signs_from <= now}
        return [
            key
            for key in keys
            if key.number not in gone and key.token_seconds < self._token_seconds
        ]

    def _next(self, keys: Sequence[SigningKey], now: datetime) -> SigningKey:
        private = Ed25519PrivateKey.generate()
        return SigningKey(
            number=keys[-1].number + 1 if keys else 1,
            public_key=json.dumps(_public(private)),
            secret_ciphertext=self._box.encrypt(private.private_bytes_raw().hex()),
            token_seconds=self._token_seconds,
            # The first has nobody to take over from. Clocks that are behind must find it signing.
            signs_from=now + (self._ahead if keys else -timedelta(seconds=CLOCKS_SECONDS)),
        )

    def _take(self, keys: Sequence[SigningKey]) -> None:
        known = {key.public: key for key in self._keys}
        self._keys = [known.get(key.public_key) or self._opened(key) for key in keys]
        self._published = json.dumps(
            {"keys": [json.loads(key.public_key) for key in keys]}
        ).encode()

    def _opened(self, stored: SigningKey) -> _Key:
        private = None
        try:
            raw = bytes.fromhex(self._box.decrypt(stored.secret_ciphertext))
            private = Ed25519PrivateKey.from_private_bytes(raw)
        except TokenKeyError as error:
            log.error("a signing key can't be used", number=stored.number, error=str(error))
        key_id = json.loads(stored.public_key)["kid"]
        return _Key(key_id, stored.public_key, stored.signs_from, private)


def _public(private: Ed25519PrivateKey) -> dict[str, str]:
    """A key as it is published; its name follows from it (RFC 7638)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _text(private.public_key().public_bytes_raw())}
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    name = _text(hashlib.sha256(canonical.encode()).digest())
    return {**members, "kid": name, "use": "sig", "alg": ALGORITHM}


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def replace_keys(settings: AuthnSettings) -> str:
    """Does `KeyRing.replace` on the database of these settings.

    Raises:
        SettingsError: the settings don't suffice.
        DatabaseError: the database can't be used.
        ServiceError: it does not answer.
    """
    if not settings.token_keys:
        raise SettingsError(["authn.token_keys: AuthN needs at least one key"])
    box = TokenBox((key.get_secret_value() for key in settings.token_keys), "authn.token_keys")
    async with Store(settings) as store:
        await store.check_version()
        return await KeyRing(store, box, settings).replace()
