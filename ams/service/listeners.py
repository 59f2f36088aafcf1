"""The sockets a service listens on."""

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ams.service.settings import SettingsError
from ams.service.settings_sections import ServerSettings
from ams.service.tls import server_context


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on.

    Args:
        name: `http` or `https`.
        url: what it is called in logs.
        setting: that names its port, for errors.
        sockets: one for each process, bound to the same address, listening not yet.
        tls: None for plain HTTP.
    """

    name: str
    url: str
    setting: str
    sockets: Sequence[socket.socket]
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that the settings ask for.

    Args:
        name: `http` or `https`.
        setting: that names the port, for errors.
        host: to listen on; empty for all addresses.
        port: to listen on.
        tls: None for plain HTTP.
    """

    name: str
    setting: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """What it is called in logs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"

    def listener(self, sockets: Sequence[socket.socket]) -> Listener:
        """The listener with these sockets."""
        return Listener(self.name, self.url, self.setting, sockets, self.tls)


def server_endpoints(settings: ServerSettings) -> list[Endpoint]:
    """Where the broker listens.

    Raises:
        SettingsError: nowhere, or the certificate can't be used.
    """
    endpoints = []
    if settings.http_port:
        endpoints.append(
            Endpoint("http", "server.http_port", settings.http_host, settings.http_port)
        )
    if settings.https_port:
        tls = server_context(settings.certificate, settings.certificate_key)
        endpoints.append(
            Endpoint("https", "server.https_port", settings.https_host, settings.https_port, tls)
        )
    if not endpoints:
        raise SettingsError(["server: neither http_port nor https_port is set"])
    return endpoints


@contextmanager
def bound(endpoints: Sequence[Endpoint], workers: int) -> Iterator[list[Listener]]:
    """Binds all endpoints, once for each worker; closes them at the end.

    Raises:
        SettingsError: an address can't be used.
    """
    listeners: list[Listener] = []
    try:
        listeners.extend(endpoint.listener(_bind(endpoint, workers)) for endpoint in endpoints)
        yield listeners
    finally:
        close(listeners)


def inherited(endpoints: Sequence[Endpoint], descriptors: Mapping[str, int]) -> list[Listener]:
    """A worker's listeners, made from the file descriptors its parent has bound, by name."""
    return [
        endpoint.listener([socket.socket(fileno=descriptors[endpoint.name])])
        for endpoint in endpoints
    ]


def close(listeners: Sequence[Listener]) -> None:
    """Closes this process's ends of all sockets."""
    for listener in listeners:
        for each in listener.sockets:
            each.close()


def _bind(endpoint: Endpoint, count: int) -> list[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            endpoint.host or None,
            endpoint.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        if count == 1:
            return [_bind_one(family, kind, protocol, address, share=False)]
        # Sockets that share a port would share it with another program's that are to be shared
        # too: one that doesn't share finds out.
        _bind_one(family, kind, protocol, address, share=False).close()
        return [_bind_one(family, kind, protocol, address, share=True) for _ in range(count)]
    except OSError as error:
        raise cannot_listen(endpoint, error) from error


def cannot_listen(where: Endpoint | Listener, error: OSError) -> SettingsError:
    """Why a service does not start."""
    return SettingsError([f"{where.setting}: can't listen on {where.url}: {error.strerror}"])


def _bind_one(
    family: int, kind: int, protocol: int, address: tuple[object, ...], *, share: bool
) -> socket.socket:
    bound_socket = socket.socket(family, kind, protocol)
    try:
        bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound_socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if share:
            # Not one socket that all accept from: then the first to wake up takes all who wait.
            bound_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound_socket.bind(address)
    except OSError:
        bound_socket.close()
        raise
    return bound_socket
