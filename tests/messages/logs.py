"""Message logs on real servers, and what tests ask of them again and again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final, cast
from uuid import uuid4

import msgspec
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import Connection

from ams.messages import keys
from ams.messages.entries import Message
from ams.messages.group_commit import Appended, TopicLog
from ams.messages.lane import Lane, ReadingCall, Reply
from ams.messages.log import Cursor, MessageLog, Run
from ams.service.broadcast import Broadcast
from ams.service.redis import close_redis, open_redis
from ams.service.settings_sections import MessagesSettings, RedisSettings

#: What one round trip to Redis may take in these tests, in seconds.
TIMEOUT = 2.0

#: Microseconds.
DAY = 86_400_000_000


#: The whole numbers in a topic's state, see prelude.lua, and how many bytes each has.
STATE: Final = {
    "epoch": 6,
    "first": 6,
    "first_time": 7,
    "first_bytes": 6,
    "waiting": 1,
    "next": 6,
    "end_bytes": 6,
    "data_bytes": 6,
    "last_publish": 7,
    "day_messages": 5,
}


def unpack_state(text: bytes | None) -> dict[str, int]:
    """The whole numbers in a topic's state; none if it has none."""
    if text is None:
        return {}
    stream = BytesIO(text)
    return {name: int.from_bytes(stream.read(size)) for name, size in STATE.items()}


def pack_state(numbers: Mapping[str, int]) -> bytes:
    """A state with these numbers, and a rate of 0."""
    return b"".join(numbers[name].to_bytes(size) for name, size in STATE.items()) + bytes(8)


class InterruptedLog(MessageLog):
    """A log in which something happens between the two steps of a pull.

    That is `between`, each time that a batch is so long that the script did not return it.
    """

    between: Callable[[], Awaitable[None]] | None = None

    def _new_lane(self, server: str) -> Lane:
        log = self

        class InterruptedLane(Lane):
            async def _read(
                self, connection: Connection, calls: Sequence[ReadingCall]
            ) -> list[Reply]:
                if log.between:
                    await log.between()
                return await super()._read(connection, calls)

        return InterruptedLane(self._connections(server), self._timeout)


@dataclass(frozen=True)
class OpenLog:
    """A log, and the client it uses."""

    log: MessageLog
    client: Redis | RedisCluster

    async def hash(self, key: str) -> dict[str, int]:
        """The whole numbers in a hash of Redis, by field; any others are left out.

        Those of a topic's state stand beside the others.
        """
        found = await cast("Awaitable[dict[bytes, bytes]]", self.client.hgetall(key))
        state = unpack_state(found.pop(b"state", None))
        numbers = {name.decode(): value.decode() for name, value in found.items()}
        return {name: int(value) for name, value in numbers.items() if value.isdigit()} | state

    async def keys_of(self, topic: str) -> set[str]:
        """Every key that Redis has of a topic."""
        return {key.decode() async for key in self.client.scan_iter(match=f"ams:{{{topic}}}:*")}

    async def set_field(self, key: str, field: str, value: int) -> None:
        """Changes a number in a hash, or in its state, behind the log's back."""
        text = await cast("Awaitable[bytes | None]", self.client.hget(key, "state"))
        if text is None or field not in STATE:
            await self.client.hset(key, field, str(value))
            return
        await self.client.hset(key, "state", pack_state(unpack_state(text) | {field: value}))

    async def age(self, topic: TopicLog, days: int) -> None:
        """Leaves a topic's hash as if all its publishes had been so many days earlier."""
        key = keys.topic(topic.uuid)
        books = await self.hash(key)
        await self.set_field(key, "last_publish", books["last_publish"] - days * DAY)

    async def marked(self, topic: str) -> bool:
        """Whether the next append to the topic is to wake somebody."""
        return bool((await self.hash(keys.topic(topic))).get("waiting"))


@asynccontextmanager
async def open_log(
    url: str, timeout: float = TIMEOUT, **settings: object
) -> AsyncIterator[OpenLog]:
    """A log on the Redis of a URL; keywords are settings of `[messages]`."""
    client = open_redis(RedisSettings(url=url, timeout_seconds=timeout))
    try:
        await client.initialize()
        limits = MessagesSettings.model_validate({"durability": "memory", **settings})
        yield OpenLog(MessageLog(client, limits, timeout), client)
    finally:
        await close_redis(client)


@asynccontextmanager
async def wake_ups(opened: OpenLog) -> AsyncIterator[Broadcast]:
    """Lets wake-ups reach those who wait, as a broker does."""
    waiting = opened.log.waiting
    broadcast = Broadcast(
        opened.client,
        {keys.WAKE_CHANNEL: lambda topic: waiting.wake(topic.decode())},
        on_back=waiting.wake_all,
    )
    await broadcast.start()
    try:
        yield broadcast
    finally:
        await broadcast.aclose()


def new_topic(epoch: int = 1, *, age: int = 0, size: int = 0) -> TopicLog:
    """A topic that nobody has used; `age` in microseconds, `size` in bytes, 0 for no limit."""
    return TopicLog(str(uuid4()), epoch, age, size)


def new_cursor(topic: TopicLog, start: int = 0, epoch: int = 1) -> Cursor:
    """A subscription that nobody has used."""
    return Cursor(topic.uuid, str(uuid4()), epoch, start)


def message(text: str) -> bytes:
    """A message of these data as it is stored: a line of JSON."""
    return msgspec.json.encode(Message(text)) + b"\n"


async def publish(log: MessageLog, topic: TopicLog, *texts: str) -> Appended:
    """Publishes messages of these data."""
    return await log.append(topic, [Message(text) for text in texts])


def offsets_of(runs: Sequence[Run]) -> list[int]:
    """The offsets of what was pulled."""
    return [offset for run in runs for offset, _ in enumerate(run.messages, run.offset)]


def messages_of(runs: Sequence[Run]) -> list[bytes]:
    """What was pulled."""
    return [each for run in runs for each in run.messages]


async def pull_all(log: MessageLog, topic: TopicLog) -> list[bytes]:
    """Every message that the topic keeps, by as many pulls as that takes."""
    cursor = new_cursor(topic)
    found: list[bytes] = []
    while runs := await log.pull(cursor, 1_000_000):
        found += messages_of(runs)
        await log.acknowledge(cursor, offsets_of(runs)[-1], deadline=600)
    return found
