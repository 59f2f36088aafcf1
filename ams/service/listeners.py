"""The sockets a service listens on."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ams.service.settings import SettingsError
from ams.service.settings_sections import ServerSettings
from ams.service.tls import server_context


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on.

    Args:
        name: `http` or `https`, as its settings are called.
        url: what it is called in logs.
        sockets: one for each process, bound to the same address, listening not yet.
        tls: None for plain HTTP.
    """

    name: str
    url: str
    sockets: Sequence[socket.socket]
    tls: ssl.SSLContext | None


@contextmanager
def bound(settings: ServerSettings) -> Iterator[list[Listener]]:
    """Binds the listeners that the settings ask for; closes them at the end.

    Raises:
        SettingsError: an address can't be used, or the certificate can't.
    """
    wanted = [
        ("http", settings.http_host, settings.http_port, None),
        ("https", settings.https_host, settings.https_port, _tls(settings)),
    ]
    listeners: list[Listener] = []
    try:
        for name, host, port, tls in wanted:
            if port:
                sockets = _bind(name, host, port, settings.workers)
                listeners.append(Listener(name, _url(name, host, port), sockets, tls))
        if not listeners:
            raise SettingsError(["server: neither http_port nor https_port is set"])
        yield listeners
    finally:
        close(listeners)


def inherited(settings: ServerSettings, descriptors: dict[str, int]) -> list[Listener]:
    """A worker's listeners, made from the file descriptors its parent has bound, by name."""
    addresses = {
        "http": (settings.http_host, settings.http_port, None),
        "https": (settings.https_host, settings.https_port, _tls(settings)),
    }
    listeners = []
    for name, descriptor in descriptors.items():
        host, port, tls = addresses[name]
        bound_socket = socket.socket(fileno=descriptor)
        listeners.append(Listener(name, _url(name, host, port), [bound_socket], tls))
    return listeners


def close(listeners: Sequence[Listener]) -> None:
    """Closes this process's ends of all sockets."""
    for listener in listeners:
        for each in listener.sockets:
            each.close()


def _tls(settings: ServerSettings) -> ssl.SSLContext | None:
    if not settings.https_port:
        return None
    return server_context(settings.certificate, settings.certificate_key)


def _url(name: str, host: str, port: int) -> str:
    return f"{name}://[{host}]:{port}" if ":" in host else f"{name}://{host}:{port}"


def _bind(name: str, host: str, port: int, count: int) -> list[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        if count == 1:
            return [_bind_one(family, kind, protocol, address, share=False)]
        # Sockets that share a port would share it with another program's that are to be shared
        # too: one that doesn't share finds out.
        _bind_one(family, kind, protocol, address, share=False).close()
        return [_bind_one(family, kind, protocol, address, share=True) for _ in range(count)]
    except OSError as error:
        raise cannot_listen(name, _url(name, host, port), error) from error


def cannot_listen(name: str, url: str, error: OSError) -> SettingsError:
    """Why a service does not start."""
    return SettingsError([f"server.{name}_port: can't listen on {url}: {error.strerror}"])


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
