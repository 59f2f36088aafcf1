"""Requests to addresses that others named.

Such are receivers of pushed messages, lists of revoked certificates, keys of identity providers.

    outgoing = Outgoing(settings.outgoing)
    answer = await outgoing.fetch("GET", url, max_bytes=65536)

Whoever names an address must not reach by it what only this machine can reach. So names are
resolved once, every address that comes out is judged, and the connection is made to one of these
very addresses: a name that changes in between gains nothing.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import httpcore
import httpx

from ams.service.outgoing_connections import OutgoingConnections
from ams.service.public_addresses import PublicAddresses
from ams.service.settings import SettingsError
from ams.service.settings_sections import OutgoingSettings

#: Requests of a process at the same time, if it says nothing else; others wait.
MOST_REQUESTS: Final = 128
#: Addresses of one name that are tried; a name may have thousands.
MOST_ATTEMPTS: Final = 4

MOST_PORT: Final = 65535

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
#: What a name or an address is made of.
_HOST: Final = re.compile(rb"[0-9A-Za-z._:-]+")
#: What this can speak.
_SCHEMES: Final = frozenset({"http", "https"})


class OutgoingError(Exception):
    """There is no answer. `reason` says why in a way that anybody may read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefused(OutgoingError):
    """The URL is none, or leads to where nobody but us may go. Nothing has been connected to."""


class Unreachable(OutgoingError):
    """No connection, no trust, no HTTP, or not in time."""


class TooLong(OutgoingError):
    """The answer's body is longer than wanted; `answer` has its beginning."""

    def __init__(self, answer: "Answer") -> None:
        super().__init__("the answer is too long")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, a redirect too. The names of `headers` are found in any letter case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outgoing:
    """Sends requests to strangers; follows no redirect, keeps no cookie, knows no proxy."""

    def __init__(self, settings: OutgoingSettings, most_requests: int = MOST_REQUESTS) -> None:
        """Connects to nothing yet.

        Args:
            settings: what is allowed, and how long it may take.
            most_requests: at the same time; each takes a connection.

        Raises:
            SettingsError: the file of CAs can't be used.
        """
        self._settings = settings
        self._network = _CheckedNetwork(
            PublicAddresses(settings.allow_private_addresses), most_requests
        )
        self._connections = OutgoingConnections(
            _trust(settings.ca_file), self._network, most_requests
        )

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        schemes: Collection[str] = ("https",),
        headers: Mapping[str, str] = _NO_HEADERS,
        content: bytes | None = None,
        max_bytes: int,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Sends one request, once, and returns its answer, whatever the status.

        Args:
            method: such as `GET`.
            url: absolute. A user and password in it are not sent.
            schemes: what the URL may begin with.
            headers: sent besides `Host` and those that the content needs.
            content: the body.
            max_bytes: longest body of the answer, in bytes; of a longer one the rest is not read.
            timeout_seconds: longest time for everything; None for that of the settings.

        Raises:
            AddressRefused: the URL leads nowhere that is allowed.
            Unreachable: there is no answer in time.
            TooLong: the answer's body has more than `max_bytes`.
        """
        location = checked_url(url, schemes)
        seconds = self._settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(method, location, headers, content, max_bytes)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise Unreachable("no answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise Unreachable(_why(error)) from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._connections.aclose()
        self._network.close()

    async def _exchange(
        self,
        method: str,
        location: httpx.URL,
        headers: Mapping[str, str],
        content: bytes | None,
        max_bytes: int,
    ) -> Answer:
        fields = httpx.Headers({"Host": location.netloc.decode("ascii"), "User-Agent": "ams"})
        fields.update(headers)
        address = _address(location)
        async with (
            self._connections.lent(address.origin) as connection,
            connection.stream(
                method,
                address,
                headers=fields.raw,
                content=content,
                extensions={"timeout": {"connect": self._settings.connect_timeout_seconds}},
            ) as response,
        ):
            body = bytearray()
            complete = True
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > max_bytes:
                    complete = False
                    break
            answer = Answer(
                response.status, httpx.Headers(response.headers), bytes(body[:max_bytes])
            )
        if not complete:
            raise TooLong(answer)
        return answer


def checked_url(url: str, schemes: Collection[str]) -> httpx.URL:
    """The parts of a URL that a request could go to, as far as one can tell by looking at it.

    Raises:
        AddressRefused: it is no such URL.
    """
    try:
        location = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise AddressRefused("the URL is not valid") from error
    if location.scheme not in _SCHEMES.intersection(schemes):
        raise AddressRefused("the URL's scheme is not allowed")
    if not _HOST.fullmatch(location.raw_host) or (location.port or 0) > MOST_PORT:
        raise AddressRefused("the URL has no host, or no port that exists")
    return location


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that are allowed, after looking up a name once."""

    def __init__(self, allowed: PublicAddresses, most_lookups: int) -> None:
        self._allowed = allowed
        self._connector = httpcore.AnyIOBackend()
        # The resolver blocks a thread for as long as it likes. Threads of our own keep it from
        # those that the rest of the process looks up its names with; there is one for each request,
        # so that names without an answer keep no other from being looked up.
        self._lookups = ThreadPoolExecutor(most_lookups, thread_name_prefix="outgoing-lookup")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async with asyncio.timeout(timeout):
            addresses = await self._resolve(host, port)
            if not all(self._allowed.include(address) for address in addresses):
                raise AddressRefused("the address is not allowed")
            return await self._connect(addresses[:MOST_ATTEMPTS], port, timeout)

    def close(self) -> None:
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, which may be written as an address in any of the odd ways."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError) as error:
            raise Unreachable("no such host") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    async def _connect(
        self, addresses: list[str], port: int, timeout: float | None
    ) -> httpcore.AsyncNetworkStream:
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._connector.connect_tcp(address, port, share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._connector.connect_tcp(addresses[-1], port, share)


def _trust(ca_file: str) -> ssl.SSLContext:
    """Trusts the authorities of the system, and those of a PEM file if there is one."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError([f"outgoing.ca_file: {ca_file} can't be used: {error}"]) from error
    return context


def _address(location: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=location.raw_scheme,
        host=location.raw_host,
        port=location.port,
        target=location.raw_path,
    )


def _why(error: Exception) -> str:
    """What went wrong, in words of ours: those of the system tell too much, or nothing."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpcore.ConnectError):
        return "no connection"
    if isinstance(error, httpcore.ProtocolError):
        return "no valid HTTP answer"
    return "the connection broke"
