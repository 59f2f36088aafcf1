"""AuthN's HTTP interface, as its operators use it."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from ams.cli.failure import CommandFailed, Exit

#: Longest wait for an answer, in seconds.
TIMEOUT_SECONDS: Final = 20.0

# What JSON may hold; the members are the contract's.
Object = dict[str, Any]


class Refused(CommandFailed):
    """AuthN answered with an error; `code` is its HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Admin:
    """Talks to an AuthN with its service token.

    with Admin("https://authn.example.org:8443", token) as admin:
        admin.bindings()
    """

    def __init__(self, url: str, token: str, ca: str = "") -> None:
        """Connects to nothing yet.

        Args:
            url: where AuthN is; `https://` always.
            token: its service token.
            ca: PEM file of the authorities to trust; empty for those of the system.

        Raises:
            CommandFailed: the URL is none, or the file can't be used.
        """
        if not url.startswith("https://"):
            raise CommandFailed(f"{url} is no URL of AuthN: it begins with https://", Exit.USAGE)
        try:
            tls = ssl.create_default_context(cafile=ca or None)
            headers = {"x-api-key": token}
            self._client = httpx.Client(
                base_url=url, verify=tls, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
            )
        except UnicodeEncodeError:
            raise CommandFailed("the token has characters that can't be sent", Exit.USAGE) from None
        except httpx.InvalidURL as error:
            raise CommandFailed(f"{url} is no URL: {error}", Exit.USAGE) from error
        except OSError as error:
            raise CommandFailed(f"{ca} can't be used: {error}", Exit.USAGE) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def is_ready(self) -> bool:
        """Whether AuthN is there, and its database is."""
        try:
            return self._client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def service_types(self) -> list[Object]:
        """All service types."""
        found: list[Object] = self._send("GET", "/v1/service-types")["service_types"]
        return found

    def service_type(self, name: str) -> Object:
        """The service type of a name."""
        return self._send("GET", f"/v1/service-types/{_segment(name)}")

    def create_service_type(self, body: Object) -> Object:
        """Adds a service type."""
        return self._send("POST", "/v1/service-types", body)

    def auth_method(self, service_type: str, host: str) -> Object:
        """How a host is talked to."""
        return self._send("GET", f"{_host(service_type, host)}/authm")

    def create_auth_method(self, service_type: str, body: Object) -> Object:
        """Adds how a host is talked to."""
        return self._send("POST", f"/v1/service-types/{_segment(service_type)}/authm", body)

    def update_auth_method(self, service_type: str, host: str, body: Object) -> Object:
        """Changes how a host is talked to."""
        return self._send("PUT", f"{_host(service_type, host)}/authm", body)

    def bindings(self, service_type: str = "", host: str = "") -> list[Object]:
        """All bindings, or those of a host."""
        path = f"{_host(service_type, host)}/bindings" if host else "/v1/bindings"
        found: list[Object] = self._send("GET", path)["bindings"]
        return found

    def binding(self, name: str) -> Object:
        """The binding of a name."""
        return self._send("GET", f"/v1/bindings/{_segment(name)}")

    def binding_of(self, service_type: str, host: str, identifier: str) -> Object:
        """The binding of a certificate's subject on a host."""
        path = f"{_host(service_type, host)}/bindings"
        (found,) = self._send("GET", path, query={"authID": identifier})["bindings"]
        return dict(found)

    def bind(self, name: str, body: Object) -> Object:
        """Adds a binding."""
        return self._send("POST", f"/v1/bindings/{_segment(name)}", body)

    def update_binding(self, name: str, body: Object) -> Object:
        """Changes what the body has of a binding."""
        return self._send("PUT", f"/v1/bindings/{_segment(name)}", body)

    def unbind(self, name: str) -> None:
        """Removes a binding."""
        self._send("DELETE", f"/v1/bindings/{_segment(name)}")

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Object:
        try:
            response = self._client.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            url = self._client.base_url
            raise CommandFailed(
                f"AuthN at {url} can't be reached: {error}", Exit.NO_CONNECTION
            ) from error
        if response.status_code == httpx.codes.NO_CONTENT:
            return {}
        try:
            answer: Object = response.json()
            if response.is_success:
                return answer
            message = str(answer["error"]["message"])
        except (ValueError, KeyError, TypeError):
            message = f"{self._client.base_url} does not answer as AuthN does"
        raise Refused(response.status_code, message)


def _segment(name: str) -> str:
    return quote(name, safe="")


def _host(service_type: str, host: str) -> str:
    return f"/v1/service-types/{_segment(service_type)}/hosts/{_segment(host)}"
