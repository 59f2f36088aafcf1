"""A lane: script calls that wait at the same moment go to Redis as one pipeline.

While a pipeline is on its way the next calls gather, so that the busier a worker is the larger its
pipelines get, and a quiet worker waits for nobody. A second one leaves beside it if the first has
but a few calls, for which nobody should wait, or if either takes long: then Redis works on one
while the next is made.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol, TypeAlias, TypeGuard

from hiredis import pack_command
from redis.asyncio.connection import Connection
from redis.exceptions import (
    MovedError,
    NoScriptError,
    RedisError,
    ResponseError,
)

from ams.messages.figures import FAILED_ROUND_TRIPS, ROUND_TRIP
from ams.messages.redis_connections import Borrowed, Connections
from ams.messages.scripts import Script
from ams.service.errors import InternalError, ServiceError, Unavailable
from ams.service.logs import get_logger
from ams.service.redis import REDIS_FAILURES, lost_connections, service_error

#: What Redis answers to a script: integers, byte strings and lists of them. Each script's file says
#: which; redis-py types replies as Any.
Reply: TypeAlias = Any
Argument: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Argument, ...]

#: Most calls in one pipeline.
MOST_CALLS = 128
#: Most of them whose replies may be long: while these are read, Redis works on the next pipeline.
MOST_LONG_CALLS = 8

#: Most pipelines of one lane that are on their way at the same time.
PIPELINES = 2
#: Calls from which on a pipeline has more than a few.
MANY_CALLS = 4

#: What a client is told whose messages are not on as many replicas as they should be.
UNREPLICATED = "Message store could not reach its replicas, try again later"

log = get_logger()


class ReplyBytes(int):
    """An argument that says how many bytes the reply may have at most.

    Calls that wait together share what one of them alone may have: the replies of hundreds would
    take more time and memory than there is.
    """


class Call(Protocol):
    """One script call on its way."""

    @property
    def script(self) -> Script: ...

    @property
    def keys(self) -> Sequence[str]: ...

    @property
    def arguments(self) -> Sequence[Argument]: ...

    def succeed(self, reply: Reply) -> None: ...

    def fail(self, error: ServiceError) -> None: ...


@dataclass(slots=True)
class SingleCall:
    """A call whose reply one caller waits for."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    reply: "asyncio.Future[Reply]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def has_long_reply(self) -> bool:
        """Whether its reply may be long."""
        return any(isinstance(argument, ReplyBytes) for argument in self.arguments)

    def share(self, number: int) -> None:
        """Makes do with so large a part of what its reply may have."""
        self.arguments = [
            max(1, argument // number) if isinstance(argument, ReplyBytes) else argument
            for argument in self.arguments
        ]

    def succeed(self, reply: Reply) -> None:
        if not self.reply.done():
            self.reply.set_result(reply)

    def fail(self, error: ServiceError) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


@dataclass(slots=True)
class ReadingCall(SingleCall):
    """A call of a script that may name what is to be read, which a plain command then does.

    The caller gets a pair: the script's reply, and that of the command or None.
    """

    #: Makes the command out of the script's reply; None if there is nothing to read.
    name: Callable[[Reply], Command | None] = field(kw_only=True)
    command: Command | None = field(default=None, init=False)
    named: Reply = field(default=None, init=False)

    @property
    def reads(self) -> bool:
        """Whether the script has named something, and somebody still waits for it."""
        return self.command is not None and not self.reply.done()

    def succeed(self, reply: Reply) -> None:
        """Takes the script's reply, then that of the command if there is one."""
        if self.command is None:
            self.named = reply
            self.command = self.name(reply)
            if self.command is not None:
                return
            reply = None
        SingleCall.succeed(self, (self.named, reply))


def _is_long(call: Call) -> TypeGuard[SingleCall]:
    return isinstance(call, SingleCall) and call.has_long_reply


def pack(command: Command) -> list[bytes]:
    """The bytes of a command. redis-py would take six times as long."""
    packed: bytes = pack_command(command)  # type: ignore[arg-type]  # Typed as a tuple of one.
    return [packed]


def command_of(call: Call, verb: str) -> Command:
    """The command that makes Redis run a call's script: EVALSHA, or EVAL if it may not know it."""
    keys = call.keys
    script = call.script.text if verb == "EVAL" else call.script.sha
    return (verb, script, len(keys), *keys, *call.arguments)


class Lane:
    """Sends script calls, over as many connections as it has pipelines on their way.

    Args:
        connections: where to send them.
        timeout: seconds that one round trip may take. After it the calls on their way, and those
            that gathered meanwhile, fail with `Unavailable`.
        replicas: how many replicas must have what was written before a call succeeds, and
        replica_timeout: how many seconds they may take.
        purpose: what its calls are for, in figures.
    """

    def __init__(
        self,
        connections: Connections,
        timeout: float,
        replicas: int = 0,
        replica_timeout: float = 0.0,
        purpose: str = "other",
    ) -> None:
        self._connections = connections
        self._seconds = ROUND_TRIP.labels(purpose)
        self._failures = FAILED_ROUND_TRIPS.labels(purpose)
        self._timeout = timeout
        self._replicas = replicas
        self._replica_timeout = replica_timeout
        self._queue: deque[Call] = deque()
        #: Calls in the queue whose replies may be long; those that share, and how many of them are
        #: still in it.
        self._long = 0
        self._sharers = 0
        self._sharers_left = 0
        #: How many senders there are that have not come to their end, how many of them have sent
        #: what takes long, and their tasks.
        self._sending = 0
        self._long_on_their_way = 0
        #: How many calls the last pipeline took.
        self._taken = 0
        self._senders: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def submit(self, call: Call) -> None:
        """Queues a call. It succeeds or fails by itself."""
        self._queue.append(call)
        self._long += _is_long(call)
        self._start()

    def _start(self) -> None:
        if self._may_send(self._sending):
            self._sending += 1
            sender = asyncio.get_running_loop().create_task(self._send_all())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    def _may_send(self, others: int) -> bool:
        """Whether a pipeline may leave beside so many others."""
        return not others or (
            others < PIPELINES
            and (self._taken < MANY_CALLS or self._has_long or self._long_on_their_way > 0)
        )

    @property
    def _has_long(self) -> bool:
        """Whether something waits that takes long."""
        return self._long > 0

    @property
    def _waiting(self) -> int:
        """How many calls wait."""
        return len(self._queue)

    def _take(self) -> list[Call]:
        """Takes the next pipeline's calls off the queue; empty when nothing waits."""
        queue = self._queue
        calls: list[Call] = []
        long = 0
        while queue and len(calls) < MOST_CALLS and long < MOST_LONG_CALLS:
            call = queue.popleft()
            calls.append(call)
            if _is_long(call):
                if not self._sharers_left:
                    self._sharers = self._sharers_left = self._long
                call.share(self._sharers)
                self._sharers_left -= 1
                self._long -= 1
                long += 1
        return calls

    async def _send_all(self) -> None:
        # Getting a connection takes as long as a few calls do: it is kept while there are more.
        borrowed = Borrowed(self._connections)
        try:
            # One turn of the loop, so that requests that arrived together leave together.
            await asyncio.sleep(0)
            while self._may_send(self._sending - 1):
                takes_long, waiting = self._has_long, self._waiting
                if not (calls := self._take()):
                    break
                self._taken = waiting - self._waiting
                self._long_on_their_way += takes_long
                if takes_long and self._waiting:
                    self._start()
                await self._send(calls, borrowed)
                self._long_on_their_way -= takes_long
        finally:
            self._sending -= 1
            await borrowed.give_back()

    async def _send(self, calls: list[Call], borrowed: Borrowed) -> None:
        started = perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                with lost_connections():
                    await self._round_trip(calls, borrowed)
        except TimeoutError as error:
            # Who gathered meanwhile has waited as long: the limit holds for every caller.
            while late := self._take():
                calls = calls + late
            self._fail(calls, service_error(error))
            self._look_around_soon()
        except REDIS_FAILURES as error:
            self._fail(calls, service_error(error))
            self._look_around_soon()
        except ServiceError as error:
            self._fail(calls, error)
        except Exception:
            # A fault of ours; but whoever waits for these calls must not wait for ever.
            log.exception("script calls failed")
            self._fail(calls, InternalError())
        finally:
            self._seconds.observe(perf_counter() - started)

    def _look_around_soon(self) -> None:
        """After a failure: in a cluster another server may have taken over. Nobody waits for it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_around())

    async def _look_around(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                with lost_connections():
                    await self._connections.look_around()
        except REDIS_FAILURES:
            pass  # The next call finds out, and tells its caller.

    def _fail(self, calls: Sequence[Call], error: ServiceError) -> None:
        self._failures.inc()
        for call in calls:
            call.fail(error)

    async def _round_trip(self, calls: list[Call], borrowed: Borrowed) -> None:
        connection = await borrowed.connection()
        try:
            moved = self._settle(calls, await self._pipeline(connection, calls))
            reads = [call for call in calls if isinstance(call, ReadingCall) and call.reads]
            if reads:
                moved += self._settle(reads, await self._read(connection, reads))
        except BaseException:
            # Replies may still be on their way: nobody else may read them.
            await connection.disconnect(nowait=True)
            await borrowed.give_back()
            raise
        if moved:
            await self._connections.look_around()
            self._fail(moved, Unavailable("Message store has moved, try again"))

    @staticmethod
    def _settle(calls: Sequence[Call], replies: Sequence[Reply]) -> list[Call]:
        """Tells callers the replies of Redis; returns the calls whose slot it does not hold."""
        moved = []
        for call, reply in zip(calls, replies, strict=True):
            if isinstance(reply, MovedError):
                moved.append(call)
            elif isinstance(reply, RedisError):
                call.fail(service_error(reply))
            else:
                call.succeed(reply)
        return moved

    async def _pipeline(self, connection: Connection, calls: list[Call]) -> list[Reply]:
        replies = await self._run(connection, calls, "EVALSHA")
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            # A server that was restarted has forgotten its scripts. It ran none of these calls.
            again = await self._run(connection, [calls[i] for i in unknown], "EVAL")
            for i, reply in zip(unknown, again, strict=True):
                replies[i] = reply
        if self._replicas:
            milliseconds = round(self._replica_timeout * 1000)
            wait = pack(("WAIT", self._replicas, milliseconds))
            (reached,) = await self._exchange(connection, wait, 1)
            if isinstance(reached, RedisError) or reached < self._replicas:
                raise Unavailable(UNREPLICATED)
        return replies

    async def _run(self, connection: Connection, calls: Sequence[Call], verb: str) -> list[Reply]:
        packed: list[bytes] = []
        for call in calls:
            packed += self._pack(connection, call, verb)
        return await self._exchange(connection, packed, len(calls))

    def _pack(self, _connection: Connection, call: Call, verb: str) -> list[bytes]:
        return pack(command_of(call, verb))

    async def _read(self, connection: Connection, calls: Sequence[ReadingCall]) -> list[Reply]:
        packed: list[bytes] = []
        for call in calls:
            if call.command is not None:
                packed += pack(call.command)
        return await self._exchange(connection, packed, len(calls))

    async def _exchange(
        self, connection: Connection, packed: list[bytes], number: int
    ) -> list[Reply]:
        """Sends packed commands, so many, and reads their replies."""
        await connection.send_packed_command(packed, check_health=False)
        replies: list[Reply] = []
        for _ in range(number):
            try:
                # The lane's own limit holds for the whole round trip.
                reply = await connection.read_response(disable_decoding=True, timeout=math.inf)
            except ResponseError as error:
                reply = error
            replies.append(reply)
        return replies
