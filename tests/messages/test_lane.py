"""Lanes: a call that was submitted is answered, whatever happens around it.

What most of these tests need of a server is that it answers at one exact turn of the event loop, or
breaks in a way that none is known to; so it is a stand-in there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest
import uvloop
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from ams.messages.lane import (
    MANY_CALLS,
    MOST_CALLS,
    MOST_LONG_CALLS,
    PIPELINES,
    Lane,
    ReplyBytes,
    SingleCall,
)
from ams.messages.redis_connections import ServerConnections
from ams.messages.scripts import OFFSETS
from ams.service.errors import InternalError, Unavailable
from ams.service.redis import close_redis, open_redis
from ams.service.settings_sections import RedisSettings
from tests.eventually import eventually
from tests.servers import RedisServer

Read = Callable[[], Awaitable[object]]


class StandIn:
    """A connection whose answers a test decides."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def pack_commands(self, commands: Sequence[object]) -> list[bytes]:
        return []

    async def send_packed_command(self, command: object, **_: object) -> None:
        pass

    async def read_response(self, **_: object) -> object:
        return await self._read()

    async def disconnect(self, **_: object) -> None:
        pass


class StandIns:
    def __init__(self, read: Read) -> None:
        self._read = read
        self.acquired = 0
        self.lent = 0

    async def acquire(self) -> Connection:
        self.acquired += 1
        self.lent += 1
        return cast(Connection, StandIn(self._read))

    async def release(self, _: Connection) -> None:
        self.lent -= 1

    async def look_around(self) -> None:
        pass


def call(lane: Lane, *arguments: int) -> "asyncio.Future[object]":
    submitted = SingleCall(OFFSETS, ["key"], arguments)
    lane.submit(submitted)
    return submitted.reply


class Held:
    """A lane whose pipelines get their answers when a test says so."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.on_its_way: asyncio.Queue[None] = asyncio.Queue()
        self.connections = StandIns(self._read)
        self.lane = Lane(self.connections, timeout=5)

    async def _read(self) -> object:
        self.on_its_way.put_nowait(None)
        await self.answer.wait()
        return 1


LONG = ReplyBytes(1)


async def test_a_call_made_at_the_moment_when_all_pipelines_end_is_sent() -> None:
    held = Held()

    async def call_twice() -> None:
        await call(held.lane, LONG)
        await call(held.lane, LONG)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        # It is the first to go on when all pipelines have ended.
        tasks.create_task(call_twice())
        await held.on_its_way.get()
        for _ in range(PIPELINES - 1):
            call(held.lane, LONG)
            await held.on_its_way.get()
        held.answer.set()


FEW, MANY = [()] * (MANY_CALLS - 1), [()] * MANY_CALLS


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (MANY, FEW, False),
        (MANY, MANY, False),
        (FEW, MANY, True),
        (MANY, [(LONG,)], True),
        ([(LONG,)] * MANY_CALLS, FEW, True),
    ],
    ids=["few wait for many", "many wait for many", "with few", "long", "with long"],
)
async def test_only_behind_many_short_calls_the_next_gather(
    first: list[tuple[int, ...]], second: list[tuple[int, ...]], together: bool
) -> None:
    """These are answered so soon that those of the meantime had better leave together."""
    held = Held()
    async with asyncio.timeout(5):
        calls = [call(held.lane, *arguments) for arguments in first]
        await held.on_its_way.get()
        calls += [call(held.lane, *arguments) for arguments in second]
        for _ in range(10):
            await asyncio.sleep(0)  # More turns of the loop than a pipeline takes to leave.
        assert held.on_its_way.qsize() == held.connections.acquired - 1 == together
        held.answer.set()
        assert await asyncio.gather(*calls) == [1] * len(calls)


async def test_short_calls_that_were_left_behind_by_a_long_one_leave_at_once() -> None:
    held = Held()
    async with asyncio.timeout(5):
        calls = [call(held.lane, LONG) for _ in range(MOST_LONG_CALLS)]
        calls.append(call(held.lane))
        for _ in range(2):
            await held.on_its_way.get()
        assert held.connections.acquired == 2
        held.answer.set()
        assert await asyncio.gather(*calls) == [1] * len(calls)


async def test_an_error_that_nobody_expects_is_answered_too() -> None:
    async def read() -> object:
        raise LookupError("nobody expects this")

    lane = Lane(StandIns(read), timeout=5)
    async with asyncio.timeout(5):
        for _ in range(2):
            with pytest.raises(InternalError):
                await call(lane)


async def test_a_connection_is_kept_while_calls_wait_and_then_given_back() -> None:
    """Also by who gets no answer: the next calls get one that nothing is left on."""
    refuse = False

    async def read() -> object:
        await asyncio.sleep(0)  # An answer comes in another turn of the loop than its question.
        if refuse:
            raise ConnectionResetError
        return 1

    connections = StandIns(read)
    lane = Lane(connections, timeout=5)
    await asyncio.gather(*(call(lane) for _ in range(10 * MOST_CALLS)))
    assert connections.acquired <= PIPELINES
    await eventually(lambda: connections.lent == 0)
    refuse = True
    failures = await asyncio.gather(
        *(call(lane) for _ in range(10 * MOST_CALLS)), return_exceptions=True
    )
    assert {type(failure) for failure in failures} == {Unavailable}
    assert connections.acquired >= 10
    await eventually(lambda: connections.lent == 0)


async def test_calls_share_with_those_that_wait_with_them_and_not_with_a_crowd_before() -> None:
    """Else a lane that always has some waiting would answer all of them by bits for ever."""
    limit, few = 12_000, 60

    async def read() -> object:
        await asyncio.sleep(0)  # As above: others ask meanwhile.
        return 1

    lane = Lane(StandIns(read), timeout=5)

    def ask() -> SingleCall:
        submitted = SingleCall(OFFSETS, ["key"], [ReplyBytes(limit)])
        lane.submit(submitted)
        return submitted

    async def ask_again_and_again() -> list[int]:
        shares = []
        for _ in range(20):
            submitted = ask()
            await submitted.reply
            shares.append(int(submitted.arguments[0]))
        return shares

    crowd = [ask() for _ in range(200)]
    shares = await asyncio.gather(*(ask_again_and_again() for _ in range(few)))
    assert sum(int(each.arguments[0]) for each in crowd) <= limit
    # The last ones may be alone; those in the middle never are.
    assert min(each[10] for each in shares) >= limit // few


class Cut(ServerConnections):
    """Connections that are lost at the moment at which they are to be used."""

    async def acquire(self) -> Connection:
        connection = await super().acquire()
        assert connection._writer is not None
        connection._writer.transport.abort()
        return connection


def test_a_connection_that_was_lost_a_moment_ago_is_an_outage(redis_server: RedisServer) -> None:
    """It is uvloop that says so, by an error of its own, which redis-py passes on as it is."""

    async def call_on_it() -> None:
        client = open_redis(RedisSettings(url=redis_server.url))
        assert isinstance(client, Redis)
        try:
            with pytest.raises(Unavailable):
                await call(Lane(Cut(client), timeout=5))
        finally:
            await close_redis(client)

    uvloop.run(call_on_it())
