"""The public keys of an issuer of tokens, fetched from where it publishes them."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from ams.service.errors import Unavailable
from ams.service.json_web_keys import NoKeySet, PublicKey, read_key_set
from ams.service.logs import get_logger
from ams.service.outgoing import Outgoing, OutgoingError
from ams.service.strict_json import NotJson, read_object

#: How old keys may be before they are fetched again, in seconds: so long a key that its owner has
#: withdrawn may count.
REFRESH_SECONDS: Final = 300.0
#: Shortest time from one fetch to the next, in seconds, whatever keys are asked for.
PAUSE_SECONDS: Final = 10.0
#: Longest wait for one document of an issuer, in seconds.
FETCH_SECONDS: Final = 5.0
#: Longest document of an issuer, in bytes.
MAX_DOCUMENT_BYTES: Final = 262_144

KEYS_AWAY: Final = "The keys of the token's issuer can't be fetched, try again later"

#: Fetches the present keys of an issuer, by their names.
Fetch = Callable[[], Awaitable[Mapping[str, PublicKey]]]

_OK: Final = 200

log = get_logger()


class FetchError(Exception):
    """An issuer gives no keys; the message says why."""


class RemoteKeys:
    """Keys of one issuer, from memory as long as that will do.

    Known keys are renewed now and then, for which one who asks has to wait; they go on if it fails.
    An unknown one is waited for by all. However many ask for however many unknown ones, there is
    one fetch at a time, and a pause after it.

    Args:
        issuer: whose keys, for the log.
        fetch: raises FetchError if there are none to be had.
        clock: seconds from any start.
    """

    def __init__(
        self, issuer: str, fetch: Fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, PublicKey] = {}
        self._version = 0
        self._asked = -math.inf
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> PublicKey | None:
        """The key of a name; None if the issuer has no such key.

        Raises:
            Unavailable: it is not known, and whether it exists can't be found out now.
        """
        key = self._keys.get(key_id)
        due = self._renew_after(PAUSE_SECONDS if key is None else REFRESH_SECONDS)
        if self._fetching is not None and (due or key is None):
            await asyncio.shield(self._fetching)
            key = self._keys.get(key_id)
        if key is None and self._failed:
            raise Unavailable(KEYS_AWAY)
        return key

    def version(self) -> int:
        """Another number whenever the keys are others. Has them renewed in time; nobody waits."""
        self._renew_after(REFRESH_SECONDS)
        return self._version

    async def close(self) -> None:
        """Ends a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _renew_after(self, seconds: float) -> bool:
        """Begins to fetch the keys if that was so long ago; whether it was."""
        now = self._clock()
        due = now - self._asked >= seconds
        if due and self._fetching is None:
            self._asked = now
            self._fetching = asyncio.create_task(self._renew())
        return due

    async def _renew(self) -> None:
        try:
            keys = await self._fetch()
            if keys != self._keys:
                self._keys = keys
                self._version += 1
            self._failed = False
        except FetchError as error:
            self._failed = True
            log.warning(
                "keys of an issuer can't be fetched", issuer=self._issuer, reason=str(error)
            )
        finally:
            self._fetching = None


def published_at(outgoing: Outgoing, url: str, algorithms: Collection[str]) -> Fetch:
    """Fetches the set of keys at a URL; those for these algorithms count."""

    async def fetch() -> Mapping[str, PublicKey]:
        return await _key_set(outgoing, url, algorithms)

    return fetch


def discovered(outgoing: Outgoing, issuer: str, algorithms: Collection[str]) -> Fetch:
    """Fetches the keys of an OpenID Connect issuer, from where its discovery document says."""

    async def fetch() -> Mapping[str, PublicKey]:
        url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
        try:
            document = read_object(await _document(outgoing, url))
        except NotJson as error:
            raise FetchError(f"discovery: {error}") from error
        if document.get("issuer") != issuer:
            raise FetchError("discovery: it is the document of another issuer")
        keys_url = document.get("jwks_uri")
        if not isinstance(keys_url, str):
            raise FetchError("discovery: it does not say where the keys are")
        return await _key_set(outgoing, keys_url, algorithms)

    return fetch


async def _key_set(
    outgoing: Outgoing, url: str, algorithms: Collection[str]
) -> Mapping[str, PublicKey]:
    try:
        return read_key_set(await _document(outgoing, url), algorithms)
    except NoKeySet as error:
        raise FetchError(f"keys: {error}") from error


async def _document(outgoing: Outgoing, url: str) -> bytes:
    try:
        answer = await outgoing.fetch(
            "GET",
            url,
            headers={"Accept": "application/json"},
            max_bytes=MAX_DOCUMENT_BYTES,
            timeout_seconds=FETCH_SECONDS,
        )
    except OutgoingError as error:
        raise FetchError(error.reason) from error
    if answer.status != _OK:
        raise FetchError(f"the answer is {answer.status}")
    return answer.body
