"""Fetches a user's token from the service that the user is one of (contract: authn 6).

What goes wrong is told to operators in the log. Whoever shows a certificate hears only that it did:
a URL may hold an access key, and what services answer is not for strangers (8 B8).
"""

import asyncio
import ssl
from collections import defaultdict
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

import ams
from ams.service.authn_settings import (
    ACCESS_KEY_PLACEHOLDER,
    IDENTIFIER_PLACEHOLDER,
    AuthnSettings,
)
from ams.service.logs import get_logger
from ams.service.settings import SettingsError
from authn.errors import InternalFailure
from authn.store.records import AuthMethod, Secret

#: Longest answer of a service, in bytes.
MAX_ANSWER_BYTES: Final = 1_048_576
#: Redirects that are followed, all to the same host and port (contract: authn 8 B9).
MAX_REDIRECTS: Final = 10
#: Connections that wait for the next request.
IDLE_CONNECTIONS: Final = 32
#: How long they do, in seconds; a broker closes them later than that.
IDLE_SECONDS: Final = 60.0
#: Connections to one host and port; more requests than these wait for their turn, and keep nobody
#: else waiting.
MOST_CONNECTIONS: Final = 64

_HEADERS: Final = {
    "User-Agent": f"ams-authn/{ams.__version__}",
    "Accept": "application/json",
    # What is small in transit could be large here.
    "Accept-Encoding": "identity",
}
#: Headers that are the connection's own, not an auth method's.
_NOT_SENT: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})

log = get_logger()


class BackendFailure(InternalFailure):
    """500: the service gives no token. `reason` is for the log, and has no secret in it."""

    def __init__(self, reason: str, message: str = "Backend error") -> None:
        super().__init__(message)
        self.reason = reason


class Retriever:
    """Asks services for tokens, over connections that it keeps.

    Args:
        settings: the `[authn]` section.

    Raises:
        SettingsError: `ca_file` can't be used.
    """

    def __init__(self, settings: AuthnSettings) -> None:
        self._paths = settings.service_types_paths
        self._fields = settings.service_types_retrieval_fields
        self._seconds = settings.retrieval_seconds
        self._client = httpx.AsyncClient(
            verify=_tls(settings),
            headers=_HEADERS,
            timeout=settings.retrieval_seconds,
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
            ),
            trust_env=False,
        )
        self._room: defaultdict[tuple[str, int], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MOST_CONNECTIONS)
        )

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def token(self, kind: str, method: AuthMethod, secret: Secret, unique_key: str) -> str:
        """The token of a user.

        Args:
            kind: `type` of the service type.
            method: how the host is talked to.
            secret: of the method.
            unique_key: the user's, on the host.

        Raises:
            BackendFailure: there is none to be had; the reason has been logged.
        """
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._room[method.host, method.port],
            ):
                answer = await self._ask(kind, method, secret, unique_key)
            return _token_in(answer, self._fields[kind])
        except TimeoutError:
            failure = BackendFailure("no answer in time")
        except BackendFailure as error:
            failure = error
        log.error(
            "no token from the service", host=method.host, port=method.port, reason=failure.reason
        )
        raise failure

    async def _ask(self, kind: str, method: AuthMethod, secret: Secret, unique_key: str) -> bytes:
        if kind not in self._fields or kind not in self._paths:
            raise BackendFailure(f"no path or retrieval field is set for the type {kind}")
        path = _filled(self._paths[kind], IDENTIFIER_PLACEHOLDER, unique_key)
        path = _filled(path, ACCESS_KEY_PLACEHOLDER, secret.access_key)
        try:
            start = httpx.URL(
                scheme="https", host=method.host, port=method.port, raw_path=path.encode()
            )
            return await self._follow(start, _sent_headers(secret))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise BackendFailure(_describe(error)) from None
        except ValueError:
            raise BackendFailure("a header or the URL can't be sent") from None

    async def _follow(self, url: httpx.URL, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The body of the answer, behind redirects that stay on the host."""
        place = _place(url)
        for _ in range(MAX_REDIRECTS + 1):
            request = self._client.build_request("GET", url, headers=headers)
            response = await self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return await _body_of(response)
                url = response.next_request.url
            finally:
                await response.aclose()
            if _place(url) != place:
                raise BackendFailure("it redirects to another host")
        raise BackendFailure("it redirects without end")


def _tls(settings: AuthnSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(settings.ca_file)
        except (OSError, ValueError) as error:
            raise SettingsError(
                [f"authn.ca_file: {settings.ca_file} holds no certificates: {error}"]
            ) from error
    if not settings.verify_ssl:
        log.warning("authn.verify_ssl is off: anybody can pretend to be a service, and get secrets")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _filled(template: str, placeholder: str, value: str) -> str:
    """A path with its first placeholder filled in (contract: authn 6.2, 8 B10)."""
    return template.replace(placeholder, quote(value, safe=""), 1)


def _sent_headers(secret: Secret) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("ascii"), value.encode())
        for name, value in (secret.headers or {}).items()
        if name.lower() not in _NOT_SENT
    ]


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"https": 443}.get(url.scheme)


async def _body_of(response: httpx.Response) -> bytes:
    if not response.is_success:
        raise BackendFailure(f"it answers {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BackendFailure("its answer is compressed, though nobody asked for that")
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise BackendFailure("its answer is too long")
    return bytes(body)


def _token_in(answer: bytes, field: str) -> str:
    try:
        # Any: whatever JSON the service has sent.
        document: Any = msgspec.json.decode(answer)
    except (msgspec.DecodeError, RecursionError):
        raise BackendFailure("its answer is no JSON") from None
    if not isinstance(document, dict):
        raise BackendFailure("its answer is no JSON object")
    if field not in document:
        raise BackendFailure(
            "its answer has no retrieval field",
            f"The specified retrieval field: `{field}` was not found in the response body of the"
            " service type",
        )
    token = document[field]
    if not isinstance(token, str) or not token:
        raise BackendFailure("the retrieval field of its answer is no text")
    return token


def _describe(error: Exception) -> str:
    """What went wrong on the way, without what was sent."""
    name = type(error).__name__
    # The text of others may hold what they are about.
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) else name
