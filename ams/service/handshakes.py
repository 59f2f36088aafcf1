"""Lets in clients that begin with a TLS handshake.

An event loop's own server takes whoever comes, and tells nobody of them before their handshakes are
done: clients that connect and say nothing would take all files that the process may have. Here they
count from when they connect.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ams.service.connection import Protocol
from ams.service.listeners import Listener
from ams.service.logs import get_logger

#: Connections that are taken before others get a turn in the event loop.
AT_ONCE: Final = 64
#: How long nobody is let in where the system gives no more connections, in seconds.
PAUSE_SECONDS: Final = 0.1

log = get_logger()


class Handshakes:
    """Accepts the connections of a listener, and keeps them until they speak TLS.

    Args:
        listener: has TLS.
        protocol: makes what takes over a connection after its handshake.
        connections: those that are past it.
        seconds: longest time for a handshake.
        most: connections in all, those in their handshakes included; None for any number. When
            there are more, whoever has waited for longest makes room.
    """

    def __init__(
        self,
        listener: Listener,
        protocol: Callable[[], Protocol],
        connections: set[Protocol],
        seconds: float,
        most: int | None,
    ) -> None:
        self._tls = listener.tls
        # The event loop wants no socket that one of its own servers has.
        self._socket = listener.sockets[0].dup()
        self._socket.setblocking(False)
        self._protocol = protocol
        self._connections = connections
        self._seconds = seconds
        self._most = most
        #: When each began, of `time.monotonic()`; the oldest first.
        self._running: dict[asyncio.Task[None], float] = {}
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    def start(self, backlog: int) -> None:
        """Begins to accept.

        Raises:
            OSError: it can't listen.
        """
        self._socket.listen(backlog)
        self._loop.add_reader(self._socket, self._come)

    def close(self) -> None:
        """Accepts no more; who has come already may go on."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _come(self) -> None:
        for _ in range(AT_ONCE):
            try:
                client, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            client.setblocking(False)
            self._take(client)

    def _rest(self, error: OSError) -> None:
        """Waits for files to be there again; so that they are, some have to leave."""
        log.warning("a connection can't be accepted", reason=str(error))
        for _ in range(AT_ONCE):
            self._make_room()
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(
            PAUSE_SECONDS, self._loop.add_reader, self._socket, self._come
        )

    def _take(self, client: socket.socket) -> None:
        count = len(self._connections) + len(self._running)
        if self._most is not None and count >= self._most and not self._make_room():
            client.close()
            return
        handshake = self._loop.create_task(self._shake_hands(client))
        self._running[handshake] = time.monotonic()
        handshake.add_done_callback(lambda _: self._end(handshake, client))

    async def _shake_hands(self, client: socket.socket) -> None:
        # No TLS, none that suits us, or not in time: the client has been told, if it can be.
        with suppress(OSError):
            await self._loop.connect_accepted_socket(
                self._protocol, client, ssl=self._tls, ssl_handshake_timeout=self._seconds
            )
            return
        client.close()

    def _end(self, handshake: "asyncio.Task[None]", client: socket.socket) -> None:
        self._running.pop(handshake, None)
        if handshake.cancelled():
            client.close()  # It may not have begun.
        elif error := handshake.exception():
            client.close()
            log.error("a TLS handshake failed", exc_info=error)

    def _make_room(self) -> bool:
        """Ends what has waited for longest, if anything has."""
        handshake = next(iter(self._running), None)
        waiting = [each for each in self._connections if each.is_waiting]
        idle = min(waiting, key=lambda each: each.last_heard, default=None)
        if handshake and (idle is None or self._running[handshake] <= idle.last_heard):
            del self._running[handshake]
            handshake.cancel()
        elif idle:
            idle.make_room()
        return bool(handshake or idle)
