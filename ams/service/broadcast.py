"""Messages to all processes at once, over Redis pub/sub.

They may be lost: whoever relies on them hears of it when the channel to Redis is lost, and when it
is back.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ams.service.errors import Unavailable
from ams.service.logs import get_logger
from ams.service.redis import REDIS_FAILURES, UNAVAILABLE, lost_connections, redis_errors

#: How often Redis is asked for a sign of life, in seconds.
PING_SECONDS = 0.5
#: Redis is asked once more when nothing has come from it for this long, in seconds.
SILENCE_SECONDS = 2.0
#: How long its answer is then waited for, in seconds, before the channel is given up.
LAST_LOOK_SECONDS = 0.5
#: How long an attempt to connect may take, in seconds.
CONNECT_SECONDS = 3.0
#: Wait before an attempt to connect again, in seconds: doubles up to the second number.
RECONNECT_SECONDS: Final = (0.05, 1.0)

#: Gets what was published. Must be quick and must not wait.
PayloadHandler: TypeAlias = Callable[[bytes], None]

log = get_logger()


def _nothing() -> None:
    pass


class Broadcast:
    """One subscriber connection, however many channels and listeners.

        broadcast = Broadcast(client, {"ams:changes": forget}, on_lost=distrust, on_back=trust)
        await broadcast.start()
        await broadcast.publish("ams:changes", b"...")

    Args:
        client: of the Redis, Sentinel group or cluster that carries the messages.
        handlers: by channel; called in the order in which Redis has taken the messages.
        on_lost: called when messages may be missed from now on.
        on_back: called when none is missed any more. What was published in between is lost.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        handlers: Mapping[str, PayloadHandler],
        *,
        on_lost: Callable[[], None] = _nothing,
        on_back: Callable[[], None] = _nothing,
    ) -> None:
        self._client = client
        self._handlers = {channel.encode(): handler for channel, handler in handlers.items()}
        self._on_lost = on_lost
        self._on_back = on_back
        self._subscribed = asyncio.Event()
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether messages arrive."""
        return self._subscribed.is_set()

    async def start(self) -> None:
        """Subscribes.

        Raises:
            Unavailable: Redis does not answer within `CONNECT_SECONDS`.
        """
        self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._subscribed.wait()
        except TimeoutError as error:
            await self.aclose()
            raise Unavailable(UNAVAILABLE) from error

    async def publish(self, channel: str, payload: bytes | str) -> None:
        """Sends a message to all who listen on a channel now, this process included.

        Raises:
            Unavailable: Redis has not taken it, or not said so.
        """
        with redis_errors():
            await self._client.publish(channel, payload)

    async def aclose(self) -> None:
        """Ends the subscription."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._subscribed.clear()

    async def _run(self) -> None:
        first, longest = RECONNECT_SECONDS
        delay = first
        while True:
            reason = await self._listen_until_lost()
            if self._subscribed.is_set():
                self._subscribed.clear()
                self._lost = True
                delay = first
                log.warning("broadcast channel lost", reason=reason)
                self._call(self._on_lost)
            # Not all processes at the same moment.
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(2 * delay, longest)

    async def _listen_until_lost(self) -> str:
        """Listens on a new connection until it is of no more use; returns why."""
        connection: AbstractConnection | None = None
        try:
            with lost_connections():
                async with asyncio.timeout(CONNECT_SECONDS):
                    connection = await self._new_connection()
                    # redis-py leaves this method without types.
                    await connection.connect()  # type: ignore[no-untyped-call]
                await self._listen(connection)
        except REDIS_FAILURES as error:
            return str(error) or type(error).__name__
        except Exception as error:
            # Were this to end, nobody would ever notice that no messages come.
            log.exception("broadcast failed")
            return type(error).__name__
        finally:
            if connection is not None:
                await connection.disconnect(nowait=True)
        return f"nothing heard for {SILENCE_SECONDS + LAST_LOOK_SECONDS:g} s"

    async def _new_connection(self) -> AbstractConnection:
        """A connection beside those of the client's pool, of the same making."""
        if isinstance(self._client, Redis):
            connection: AbstractConnection
            connection = self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
            return connection
        # The nodes of a cluster pass messages on to each other; so any will do that is still one.
        await self._client.initialize()
        if self._lost:
            await self._client.nodes_manager.initialize()
        node = random.choice(self._client.get_primaries())
        return node.connection_class(
            **{**node.connection_kwargs, "retry": Retry(NoBackoff(), 0)},
        )

    async def _listen(self, connection: AbstractConnection) -> None:
        """Subscribes and hands on what comes; returns when nothing comes any more."""
        clock = asyncio.get_running_loop().time
        await connection.send_command("SUBSCRIBE", *self._handlers, check_health=False)
        unconfirmed = set(self._handlers)
        heard = clock()
        next_ping = heard + PING_SECONDS
        while True:
            reply = await _read(connection, min(next_ping, heard + SILENCE_SECONDS) - clock())
            if reply is None and clock() >= heard + SILENCE_SECONDS:
                # If it was this process that hung, Redis answers now.
                await connection.send_command("PING", check_health=False)
                reply = await _read(connection, LAST_LOOK_SECONDS)
                if reply is None:
                    return
            if reply is not None:
                heard = clock()
                self._take(reply, unconfirmed)
            if clock() >= next_ping:
                await connection.send_command("PING", check_health=False)
                next_ping = clock() + PING_SECONDS

    def _take(self, reply: Sequence[bytes], unconfirmed: set[bytes]) -> None:
        kind, channel, *payload = reply
        if kind == b"message":
            self._call(self._handlers[channel], payload[0])
        elif kind == b"subscribe" and unconfirmed:
            unconfirmed.discard(channel)
            if not unconfirmed:
                self._subscribed.set()
                if self._lost:
                    self._lost = False
                    log.info("broadcast channel is back")
                    self._call(self._on_back)

    @staticmethod
    def _call(function: Callable[..., None], *arguments: bytes) -> None:
        """Calls a handler; the next one must be called even if this one fails."""
        try:
            function(*arguments)
        except Exception:
            log.exception("broadcast handler failed")


async def _read(connection: AbstractConnection, seconds: float) -> Sequence[bytes] | None:
    """The next reply, or None if there is none for some time."""
    reply: Sequence[bytes] | None = await connection.read_response(
        disable_decoding=True, timeout=max(seconds, 0.0), disconnect_on_error=False
    )
    return reply
