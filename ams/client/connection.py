"""Sending a call once over HTTP, blocking or awaited, and what its answer or failure means."""

import asyncio
import ipaddress
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import TypedDict, TypeVar

import httpx
import msgspec

import ams
from ams.client.call import Call
from ams.client.errors import (
    ConnectionFailed,
    ConnectionLost,
    NoAnswer,
    NotConnected,
    NotTrusted,
    ServiceError,
    UnexpectedAnswer,
)

T = TypeVar("T")

#: How long an answer may take unless the caller says otherwise, in seconds.
TIMEOUT_SECONDS = 30.0
#: Connections that are kept for later when nothing uses them.
_IDLE_CONNECTIONS = 20


class HttpOptions(TypedDict):
    """What both kinds of httpx clients are made with."""

    base_url: httpx.URL
    headers: dict[str, str]
    auth: httpx.Auth | None
    verify: ssl.SSLContext
    trust_env: bool
    limits: httpx.Limits


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service that answers calls.

    Attributes:
        url: `http://` or `https://`, host and port.
        timeout: longest wait for a connection or an answer, in seconds.
        auth: adds to requests who sends them; None for nobody.
        tls: whom to trust; None for the system's authorities.
    """

    url: str
    timeout: float = TIMEOUT_SECONDS
    auth: httpx.Auth | None = None
    tls: ssl.SSLContext | None = None

    def options(self) -> HttpOptions:
        """How to connect.

        Raises:
            ValueError: `url` is no HTTP URL.
        """
        location = checked_url(self.url)
        return HttpOptions(
            base_url=location,
            headers={"User-Agent": f"ams/{ams.__version__}"},
            auth=self.auth,
            verify=self.tls or tls_context(location.scheme),
            # A proxy that the environment names can't reach this machine's own loopback.
            trust_env=not _is_loopback(location.host),
            # Each pull that waits keeps a connection; nobody else should have to wait for one.
            limits=httpx.Limits(max_keepalive_connections=_IDLE_CONNECTIONS),
        )

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call[object]) -> httpx.Request:
        """The call as a request."""
        return http.build_request(
            call.method,
            call.path,
            params=call.query,
            content=call.body,
            timeout=httpx.Timeout(
                self.timeout, read=self.timeout + call.may_wait_seconds, pool=None
            ),
        )

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Turns errors of httpx into those of this library."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise NoAnswer(f"No answer from {self.url} within {self.timeout:g} seconds") from error
        except httpx.TransportError as error:
            raise _kind(error)(f"Can't reach {self.url}: {_reason(error)}") from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(f"{self.url} sent a garbled answer: {error}") from error

    def read(self, call: Call[T], response: httpx.Response) -> T:
        """Returns what an answer holds.

        Raises:
            ServiceError: it is an error.
            UnexpectedAnswer: it says success, but is not what the call asks for.
        """
        if response.status_code != httpx.codes.OK:
            raise _service_error(response)
        try:
            return call.read(response.content)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(
                f"{self.url} does not answer {call} like an AMS broker: {error}"
            ) from error


class BlockingConnection:
    """Sends calls; its coroutines block instead of waiting (`ams.client.blocking`)."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = httpx.Client(**endpoint.options())

    def close(self) -> None:
        self._http.close()

    async def once(self, call: Call[T], /) -> T:
        """Sends a call once."""
        with self._endpoint.translated_errors():
            response = self._http.send(self._endpoint.request(self._http, call))
        return self._endpoint.read(call, response)

    async def pause(self, seconds: float, /) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  # blocking is what this class is for


class AsyncConnection:
    """Sends calls in an event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = httpx.AsyncClient(**endpoint.options())

    async def close(self) -> None:
        await self._http.aclose()

    async def once(self, call: Call[T], /) -> T:
        """Sends a call once."""
        with self._endpoint.translated_errors():
            response = await self._http.send(self._endpoint.request(self._http, call))
        return self._endpoint.read(call, response)

    async def pause(self, seconds: float, /) -> None:
        await asyncio.sleep(seconds)


class _Error(msgspec.Struct):
    code: int
    message: str
    status: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error


def _service_error(response: httpx.Response) -> ServiceError:
    code = response.status_code
    # The other form of the header is a date, which no broker sends.
    after = response.headers.get("Retry-After", "")
    seconds = float(after) if re.fullmatch(r"\d{1,9}", after, re.ASCII) else 0.0
    try:
        error = msgspec.json.decode(response.content, type=_ErrorBody).error
    except msgspec.MsgspecError:
        # A proxy in front of the broker answers in its own way.
        phrase = httpx.codes.get_reason_phrase(code)
        return ServiceError(code, "", f"HTTP status {code} {phrase}".rstrip(), seconds)
    return ServiceError(code, error.status, error.message, seconds)


def checked_url(url: str) -> httpx.URL:
    """The URL of a service.

    Raises:
        ValueError: it is none.
    """
    try:
        location = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error
    if location.userinfo:
        # Errors show the URL.
        raise ValueError("a user or password in the URL is no way to log in: give a token")
    if location.scheme not in ("http", "https") or not location.host:
        raise ValueError(f"{url!r} is not the URL of a broker: write http://HOST or https://HOST")
    return location


def tls_context(scheme: str, ca: str | PathLike[str] | None = None) -> ssl.SSLContext:
    """Trusts the authorities of a PEM file, or those of the system.

    Raises:
        ValueError: `ca` holds no certificate.
        OSError: it can't be read.
    """
    if scheme == "http":
        # Reading the system's certificates takes time; this context trusts nobody.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise ValueError(f"{ca} holds no certificates in PEM form") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kind(error: httpx.TransportError) -> type[ConnectionFailed]:
    """What a failure says about the request."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotTrusted
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return NotConnected
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return ConnectionLost
    return ConnectionFailed


def _reason(error: httpx.TransportError) -> str:
    """Why a transport failed, without the numbers and places that OpenSSL and the OS add."""
    text = re.sub(r"^\[[^\]]*\] ", "", str(error))
    return re.sub(r" \(_ssl\.c:\d+\)$", "", text) or type(error).__name__
