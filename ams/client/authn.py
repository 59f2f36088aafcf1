"""Who sends a request, by word of the authentication service (AuthN)."""

import ssl
from abc import abstractmethod
from collections.abc import Callable
from os import PathLike
from typing import Final

import httpx
import msgspec

from ams.client import blocking
from ams.client.auth import Bearer, Token, TokenAuth, checked_token
from ams.client.call import Call, Repeat, answer_part
from ams.client.connection import (
    TIMEOUT_SECONDS,
    BlockingConnection,
    Endpoint,
    checked_url,
    tls_context,
)
from ams.client.errors import ServiceError, UnexpectedAnswer

#: Where AuthN listens unless the caller says otherwise (contract: 12.2).
AUTHN_PORT: Final = 8443


class _ApiToken(msgspec.Struct):
    token: str


class _Issued(msgspec.Struct):
    access_token: str
    expires_in: float


_api_token = answer_part(_ApiToken, lambda found: Token(found.token))
_issued = answer_part(_Issued, lambda found: Token(found.access_token, found.expires_in))


class _AuthnAuth(TokenAuth):
    """Gets tokens from AuthN; subclasses say by what."""

    def __init__(
        self,
        authn_url: str,
        *,
        short_lived: bool,
        ca: str | PathLike[str] | None,
        timeout: float,
    ) -> None:
        super().__init__()
        if authn_url and checked_url(authn_url).scheme != "https":
            raise ValueError("who you are can be shown to AuthN over https:// only")
        self._url = authn_url
        self._short_lived = short_lived
        self._ca = ca
        self._timeout = timeout

    @property
    @abstractmethod
    def _verb(self) -> str:
        """What AuthN gives API tokens by."""

    @abstractmethod
    def _credential(self) -> httpx.Auth | None:
        """What is sent along with a request to AuthN."""

    def fetch(self, host: str) -> Token:
        """A token for the broker on a host (contract: ams-core 12.2).

        Raises:
            ServiceError: AuthN refuses.
            ConnectionFailed: it can't be reached.
            UnexpectedAnswer: its answer has no token.
        """
        literal = f"[{host}]" if ":" in host else host
        url = self._url or f"https://{literal}:{AUTHN_PORT}"
        path = f"/v1/service-types/ams/hosts/{host}"
        if self._short_lived:
            call = Call("POST", f"{path}:issue", _issued, Repeat.SAFE)
        else:
            call = Call("GET", f"{path}:{self._verb}", _api_token, Repeat.SAFE)
        endpoint = Endpoint(url, self._timeout, self._credential(), self._tls())
        connection = BlockingConnection(endpoint)
        try:
            # Once: whoever sends the request that needs the token decides about trying again.
            token = blocking.run(connection.once(call))
        except ServiceError as error:
            message = f"{url} gives no token: {error.message}"
            raise ServiceError(error.code, error.status, message, error.retry_after) from error
        finally:
            connection.close()
        try:
            checked_token(token.text)
        except ValueError as error:
            raise UnexpectedAnswer(f"{url} does not answer with a token") from error
        return token

    def header(self, token: str) -> tuple[str, str]:
        return ("Authorization", f"Bearer {token}") if self._short_lived else ("x-api-key", token)

    def _tls(self) -> ssl.SSLContext:
        return tls_context("https", self._ca)


class CertificateAuth(_AuthnAuth):
    """A client certificate, for which AuthN gives a token.

    ```python
    auth = CertificateAuth("hostcert.pem", "hostkey.pem", short_lived=True)
    client = Client("https://broker.example.org", auth)
    ```

    The token is asked for when it is first needed, before it expires, and when the broker refuses
    it. The files are read each time, so that a renewed certificate is taken into use.
    """

    def __init__(
        self,
        certificate: str | PathLike[str],
        key: str | PathLike[str],
        authn_url: str = "",
        *,
        short_lived: bool = False,
        password: str = "",
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Reads the files; nothing is sent yet.

        Args:
            certificate: PEM file of the certificate, with those between it and its authority.
            key: PEM file of its private key.
            authn_url: `https://` URL of AuthN; empty for the broker's host, port 8443.
            short_lived: whether to ask for signed tokens that expire soon, rather than for the
                user's API token. The broker must trust AuthN for that.
            password: of the key; empty for none.
            ca: PEM file of the authorities that are trusted; None for those of the system.
            timeout: longest wait for a connection or an answer of AuthN, in seconds.

        Raises:
            ValueError: a file holds something else, the key does not fit, or the URL is none.
            OSError: a file can't be read.
        """
        super().__init__(authn_url, short_lived=short_lived, ca=ca, timeout=timeout)
        self._files = certificate, key
        self._password = password
        self._tls()

    @property
    def _verb(self) -> str:
        return "authx509"

    def _credential(self) -> None:
        return None

    def _tls(self) -> ssl.SSLContext:
        context = super()._tls()
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


class AccessTokenAuth(_AuthnAuth):
    """An access token of an OpenID Connect provider, for which AuthN gives one for the broker.

    ```python
    auth = AccessTokenAuth(lambda: Path("/run/secrets/access-token").read_text().strip())
    client = Client("https://broker.example.org", auth)
    ```

    When it asks is as for `CertificateAuth`.
    """

    def __init__(
        self,
        access_token: str | Callable[[], str],
        authn_url: str = "",
        *,
        short_lived: bool = True,
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Sends nothing yet.

        Args:
            access_token: a function is asked each time that AuthN is; an AsyncClient asks in a
                thread, so it may block.
            authn_url: `https://` URL of AuthN; empty for the broker's host, port 8443.
            short_lived: False for the user's API token rather than signed tokens that expire soon.
            ca: PEM file of the authorities that are trusted; None for those of the system.
            timeout: longest wait for a connection or an answer of AuthN, in seconds.

        Raises:
            ValueError: the token can't be sent, or the URL is none.
        """
        super().__init__(authn_url, short_lived=short_lived, ca=ca, timeout=timeout)
        self._token = access_token if callable(access_token) else checked_token(access_token)

    @property
    def _verb(self) -> str:
        return "authoidc"

    def _credential(self) -> httpx.Auth:
        return Bearer(self._token)
