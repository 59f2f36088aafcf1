"""Choosing ports, and finding out early that one is taken."""

import errno
import socket
from contextlib import ExitStack
from typing import Self

from ams.cli.failure import CommandFailed


class FreePorts:
    """Chooses ports that nobody listens on, each once. They stay taken while it is open.

    with FreePorts() as ports:
        http = ports.choose("127.0.0.1", 8080, None, "--http-port")
    """

    def __init__(self) -> None:
        self._taken = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._taken.close()

    def choose(self, host: str, settings_port: int, asked_port: int | None, option: str) -> int:
        """The port to listen on; 0 for none.

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
            found: int = self._taken.enter_context(_listening_socket(host, port)).getsockname()[1]
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            why = "is in use" if in_use else f"can't be used: {error.strerror}"
            raise CommandFailed(
                f"port {port} of {host} {why}; choose another by {option}"
            ) from error
        return found


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
