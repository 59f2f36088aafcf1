"""Choosing ports, and finding out early that one is taken."""

import errno
import socket

from ams.cli.failure import CommandFailed


def choose_port(host: str, settings_port: int, asked_port: int | None, option: str) -> int:
    """The port to listen on, which is free at this moment; 0 for none.

    Args:
        host: address to listen on.
        settings_port: port of the settings; 0 for none.
        asked_port: port that was asked for; 0 for any; None if none was.
        option: the option that asks for one, for the error.

    Raises:
        CommandFailed: the port can't be listened on.
    """
    port = settings_port if asked_port is None else asked_port
    if port == 0 and asked_port is None:
        return 0
    try:
        with _listening_socket(host, port) as probe:
            found: int = probe.getsockname()[1]
            return found
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"can't be used: {error.strerror}"
        raise CommandFailed(f"port {port} of {host} {why}; choose another by {option}") from error


def _listening_socket(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    probe = socket.socket(family, kind, protocol)
    try:
        # As servers do: connections of an earlier run that linger don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)
    except BaseException:
        probe.close()
        raise
    return probe
