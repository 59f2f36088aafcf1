"""Who sends a request: an API token, or a bearer token. For more see `ams.client.authn`."""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator
from threading import Lock
from typing import NamedTuple

import httpx

from ams.client.errors import ClientError

#: The part of its life after which a token that expires is renewed.
RENEW_AFTER = 0.8
#: How long a token that could not be renewed is sent before the next try, in seconds.
RETRY_SECONDS = 10.0


class Token(NamedTuple):
    """A token, and how long it is valid, in seconds; forever if it does not expire by itself."""

    text: str
    seconds: float = math.inf


class _Held(NamedTuple):
    """A token that was fetched; both times are those of `time.monotonic`."""

    text: str
    renew_at: float
    expires_at: float


class TokenAuth(httpx.Auth, ABC):
    """Sends a token, and asks for a new one when the broker refuses it, once a request.

    A token that expires is renewed before it does. While that fails, it is sent on as long as it is
    valid.

    May be shared by threads, event loops and clients.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, _Held] = {}
        self._lock = Lock()

    @abstractmethod
    def fetch(self, host: str) -> Token:
        """A token for the broker on a host; may block."""

    @abstractmethod
    def header(self, token: str) -> tuple[str, str]:
        """Name and value of the header that carries a token."""

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        host = request.url.host
        token = self._fresh(host) or self._renewed(host)
        response = yield self._signed(request, token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            newer = self._newer(host, token)
            if newer != token:
                yield self._signed(request, newer)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        host = request.url.host
        token = self._fresh(host) or await asyncio.to_thread(self._renewed, host)
        response = yield self._signed(request, token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            newer = await asyncio.to_thread(self._newer, host, token)
            if newer != token:
                yield self._signed(request, newer)

    def _fresh(self, host: str) -> str:
        """The token that is there; empty if there is none, or it is to be renewed."""
        held = self._tokens.get(host)
        return held.text if held is not None and time.monotonic() < held.renew_at else ""

    def _renewed(self, host: str) -> str:
        with self._lock:
            if fresh := self._fresh(host):
                return fresh  # Somebody else was faster.
            held = self._tokens.get(host)
            try:
                return self._fetched(host)
            except ClientError:
                now = time.monotonic()
                if held is None or now >= held.expires_at:
                    raise
                retry_at = min(now + RETRY_SECONDS, held.expires_at)
                self._tokens[host] = held._replace(renew_at=retry_at)
                return held.text

    def _newer(self, host: str, token: str) -> str:
        """Another token than this one, which many requests may find refused at the same time."""
        with self._lock:
            held = self._tokens.get(host)
            return held.text if held and held.text != token else self._fetched(host)

    def _fetched(self, host: str) -> str:
        token, now = self.fetch(host), time.monotonic()
        text, seconds = checked_token(token.text), token.seconds
        self._tokens[host] = _Held(text, now + seconds * RENEW_AFTER, now + seconds)
        return text

    def _signed(self, request: httpx.Request, token: str) -> httpx.Request:
        name, value = self.header(token)
        request.headers[name] = value
        return request


class ApiToken(TokenAuth):
    """A user's API token, or the service token, in the header `x-api-key`."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = checked_token(token)

    def fetch(self, host: str) -> Token:
        return Token(self._token)

    def header(self, token: str) -> tuple[str, str]:
        return "x-api-key", token


class Bearer(TokenAuth):
    """A bearer token, in the header `Authorization`.

    ```python
    client = Client(url, Bearer(lambda: Path("/run/secrets/ams-token").read_text().strip()))
    ```
    """

    def __init__(self, token: str | Callable[[], str]) -> None:
        """Takes a token, or a function that knows one.

        Args:
            token: a function is asked when a token is first needed, and again when it is refused.
                An AsyncClient asks in a thread, so it may block.
        """
        super().__init__()
        self._token = token if callable(token) else checked_token(token)

    def fetch(self, host: str) -> Token:
        return Token(self._token if isinstance(self._token, str) else self._token())

    def header(self, token: str) -> tuple[str, str]:
        return "Authorization", f"Bearer {token}"


def as_auth(auth: str | httpx.Auth) -> httpx.Auth | None:
    """Who sends; text is an API token, and empty text nobody."""
    if isinstance(auth, str):
        return ApiToken(auth) if auth else None
    return auth


def checked_token(token: str) -> str:
    """Returns a token if it can be sent.

    Raises:
        ValueError: it can't; the error does not show it.
    """
    if not token or not (token.isascii() and token.isprintable()):
        raise ValueError("the token is empty, or has characters that can't be sent")
    return token
