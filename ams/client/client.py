"""The synchronous client: sends calls over HTTP with httpx."""

import ipaddress
import re
import ssl
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

import ams
from ams.client import service
from ams.client.call import Call
from ams.client.errors import ConnectionFailed, ServiceError, UnexpectedAnswer
from ams.client.objects import Status, Version
from ams.client.projects import Projects
from ams.client.subscriptions import Subscriptions
from ams.client.topics import Topics
from ams.client.users import Users

T = TypeVar("T")

#: How long an answer may take unless the caller says otherwise, in seconds.
TIMEOUT_SECONDS = 30.0


class Client:
    """A connection to a broker.

    ```python
    with Client("https://broker.example.org", token) as client:
        client.topics.publish("project", "topic", [OutgoingMessage(b"hello")])
    ```

    Every method that asks the broker raises ServiceError if the broker refuses, ConnectionFailed
    if it can't be reached, UnexpectedAnswer if something else than a broker answers, and
    InvalidName for a name that no resource can have.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            url: where the broker is: `http://` or `https://`, host and port.
            token: sent with every request; empty for none.
            ca: PEM file of the CAs that are trusted; None for those of the system.
            timeout: longest wait for a connection or an answer, in seconds.

        Raises:
            ValueError: `url` is no HTTP URL, `token` can't be sent, or `ca` holds no certificate.
            OSError: the file `ca` can't be read.
        """
        location = _checked_url(url)
        self._url = url
        self._timeout = timeout
        self._http = httpx.Client(
            base_url=location,
            headers={"User-Agent": f"ams/{ams.__version__}", **_token_header(token)},
            verify=_tls_context(location, ca),
            timeout=timeout,
            # A proxy that the environment names can't reach this machine's own loopback.
            trust_env=not _is_loopback(location.host),
        )
        self.projects = Projects(self.send)
        self.topics = Topics(self.send)
        self.subscriptions = Subscriptions(self.send)
        self.users = Users(self.send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def status(self) -> Status:
        """How the broker is."""
        return self.send(service.status())

    def version(self) -> Version:
        """What the broker runs on."""
        return self.send(service.version())

    def send(self, call: Call[T], /) -> T:
        """Sends any call, and returns what its answer holds."""
        try:
            response = self._http.request(
                call.method,
                call.path,
                params=call.query,
                content=call.body,
                timeout=httpx.Timeout(self._timeout, read=self._timeout + call.may_wait_seconds),
            )
        except httpx.TimeoutException as error:
            raise ConnectionFailed(
                f"No answer from {self._url} within {self._timeout:g} seconds"
            ) from error
        except httpx.TransportError as error:
            raise ConnectionFailed(f"Can't reach {self._url}: {_reason(error)}") from error
        except httpx.DecodingError as error:
            raise UnexpectedAnswer(f"{self._url} sent a garbled answer: {error}") from error
        return read_answer(call, response.status_code, response.content, self._url)


class _Error(msgspec.Struct):
    code: int
    message: str
    status: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error


def read_answer(call: Call[T], status_code: int, body: bytes, url: str) -> T:
    """Returns what an answer holds.

    Raises:
        ServiceError: it is an error.
        UnexpectedAnswer: it says success, but is not what the call asks for.
    """
    if status_code != httpx.codes.OK:
        raise _service_error(status_code, body)
    try:
        return call.read(body)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(
            f"{url} does not answer {call.method} {call.path} like an AMS broker: {error}"
        ) from error


def _service_error(status_code: int, body: bytes) -> ServiceError:
    try:
        error = msgspec.json.decode(body, type=_ErrorBody).error
    except msgspec.MsgspecError:
        # A proxy in front of the broker answers in its own way.
        phrase = httpx.codes.get_reason_phrase(status_code)
        return ServiceError(status_code, "", f"HTTP status {status_code} {phrase}".rstrip())
    return ServiceError(status_code, error.status, error.message)


def _checked_url(url: str) -> httpx.URL:
    try:
        location = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is not a URL: {error}") from error
    if location.scheme not in ("http", "https") or not location.host:
        raise ValueError(f"{url!r} is not the URL of a broker: write http://HOST or https://HOST")
    return location


def _token_header(token: str) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()):
        raise ValueError("the token has characters that can't be sent")
    return {"x-api-key": token}


def _tls_context(location: httpx.URL, ca: str | PathLike[str] | None) -> ssl.SSLContext:
    if location.scheme == "http":
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


def _reason(error: httpx.TransportError) -> str:
    """Why a transport failed, without the numbers and places that OpenSSL and the OS add."""
    text = re.sub(r"^\[[^\]]*\] ", "", str(error))
    return re.sub(r" \(_ssl\.c:\d+\)$", "", text) or type(error).__name__
