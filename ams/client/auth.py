"""Who sends a request: an API token, a bearer token, or a client certificate."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator
from os import PathLike
from threading import Lock

import httpx
import msgspec

from ams.client import blocking
from ams.client.call import Call, Repeat, answer
from ams.client.connection import (
    TIMEOUT_SECONDS,
    BlockingConnection,
    Endpoint,
    checked_url,
    tls_context,
)
from ams.client.errors import ServiceError, UnexpectedAnswer

#: Where an authentication service listens unless the caller says otherwise (contract: 12.2).
AUTHN_PORT = 8443


class TokenAuth(httpx.Auth, ABC):
    """Sends a token, and asks for a new one when the broker refuses it, once a request.

    May be shared by threads, event loops and clients.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._lock = Lock()

    @abstractmethod
    def fetch(self, host: str) -> str:
        """A token for the broker on a host; may block."""

    @abstractmethod
    def header(self, token: str) -> tuple[str, str]:
        """Name and value of the header that carries a token."""

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        host = request.url.host
        token = self._tokens.get(host, "") or self._newer(host, "")
        response = yield self._signed(request, token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            newer = self._newer(host, token)
            if newer != token:
                yield self._signed(request, newer)

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        host = request.url.host
        token = self._tokens.get(host, "") or await asyncio.to_thread(self._newer, host, "")
        response = yield self._signed(request, token)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            newer = await asyncio.to_thread(self._newer, host, token)
            if newer != token:
                yield self._signed(request, newer)

    def _newer(self, host: str, token: str) -> str:
        """Another token than this one, which many requests may find refused at the same time."""
        with self._lock:
            if self._tokens.get(host, "") == token:
                self._tokens[host] = checked_token(self.fetch(host))
            return self._tokens[host]

    def _signed(self, request: httpx.Request, token: str) -> httpx.Request:
        name, value = self.header(token)
        request.headers[name] = value
        return request


class ApiToken(TokenAuth):
    """A user's API token, or the service token, in the header `x-api-key`."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = checked_token(token)

    def fetch(self, host: str) -> str:
        return self._token

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

    def fetch(self, host: str) -> str:
        return self._token if isinstance(self._token, str) else self._token()

    def header(self, token: str) -> tuple[str, str]:
        return "Authorization", f"Bearer {token}"


class _Answer(msgspec.Struct):
    token: str


_token = answer(_Answer)


class CertificateAuth(TokenAuth):
    """A client certificate, for which the authentication service (AuthN) gives an API token.

    ```python
    auth = CertificateAuth("hostcert.pem", "hostkey.pem")
    client = Client("https://broker.example.org", auth)
    ```

    The token is asked for when it is first needed, and again when the broker refuses it. The files
    are read each time, so that a renewed certificate is taken into use.
    """

    def __init__(
        self,
        certificate: str | PathLike[str],
        key: str | PathLike[str],
        authn_url: str = "",
        *,
        password: str = "",
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Reads the files; nothing is sent yet.

        Args:
            certificate: PEM file of the certificate, with those between it and its authority.
            key: PEM file of its private key.
            authn_url: `https://` URL of the AuthN service; empty for the broker's host, port 8443.
            password: of the key; empty for none.
            ca: PEM file of the authorities that are trusted; None for those of the system.
            timeout: longest wait for a connection or an answer of AuthN, in seconds.

        Raises:
            ValueError: a file holds something else, the key does not fit, or the URL is none.
            OSError: a file can't be read.
        """
        super().__init__()
        if authn_url and checked_url(authn_url).scheme != "https":
            raise ValueError("a client certificate can be shown over https:// only")
        self._files = certificate, key
        self._url = authn_url
        self._password = password
        self._ca = ca
        self._timeout = timeout
        self._tls()

    def fetch(self, host: str) -> str:
        """A token for the broker on a host (contract: ams-core 12.2).

        Raises:
            ServiceError: AuthN refuses.
            ConnectionFailed: it can't be reached.
            UnexpectedAnswer: its answer has no token.
        """
        literal = f"[{host}]" if ":" in host else host
        url = self._url or f"https://{literal}:{AUTHN_PORT}"
        path = f"/v1/service-types/ams/hosts/{host}:authx509"
        connection = BlockingConnection(Endpoint(url, self._timeout, tls=self._tls()))
        try:
            # Once: whoever sends the request that needs the token decides about trying again.
            token = blocking.run(connection.once(Call("GET", path, _token, Repeat.SAFE))).token
        except ServiceError as error:
            message = f"{url} gives no token: {error.message}"
            raise ServiceError(error.code, error.status, message, error.retry_after) from error
        finally:
            connection.close()
        try:
            return checked_token(token)
        except ValueError as error:
            raise UnexpectedAnswer(f"{url} does not answer with a token") from error

    def header(self, token: str) -> tuple[str, str]:
        return "x-api-key", token

    def _tls(self) -> ssl.SSLContext:
        context = tls_context("https", self._ca)
        certificate, key = self._files
        try:
            # Without the function OpenSSL would ask for a password at the terminal.
            context.load_cert_chain(certificate, key, lambda: self._password)
        except ssl.SSLError as error:
            raise ValueError(
                f"{certificate} and {key} are not a certificate and its key in PEM form, "
                "or the key needs another password"
            ) from error
        return context


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
