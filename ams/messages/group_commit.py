"""Group commit: publishes that wait at the same moment share script calls and one fsync."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from redis.asyncio.connection import Connection

from ams.messages import keys
from ams.messages.entries import Entry, join
from ams.messages.errors import StaleMetadata
from ams.messages.figures import COMMIT_PUBLISHES, PUBLISH_BYTES, PUBLISH_MESSAGES, STALE
from ams.messages.lane import Argument, Call, Lane, Reply, command_of
from ams.messages.redis_connections import Connections
from ams.messages.scripts import APPEND, Script
from ams.service.errors import ServiceError

#: Most messages and bytes of one script call that gathers several publishes. Redis serves nobody
#: else while a script runs. A single publish may be larger: it is stored whole or not at all.
MOST_MESSAGES = 1000
MOST_BYTES = 4 * 1024 * 1024

#: Bytes up to which it is quicker to copy an entry than to send it by itself.
SHORT_ENTRY = 6_000

#: Bytes after which a pipeline is full, so that the next can be made while Redis works on it; and
#: those from which on it takes Redis longer than to make its log durable twice.
PIPELINE_BYTES = 1024 * 1024
LONG_BYTES = 64 * 1024

#: What append.lua is told of a topic and of each of its entries: `TOPIC` and `ENTRY` there.
_pack_topic = Struct(">4Q").pack
_pack_entry = Struct(">2IH").pack


class TopicLog(NamedTuple):
    """The log of a topic, as the caller's metadata has it.

    Args:
        uuid: the topic's uuid.
        epoch: version of that metadata.
        retention_microseconds: 0 keeps messages for ever.
        retention_bytes: 0 is no limit.
    """

    uuid: str
    epoch: int
    retention_microseconds: int
    retention_bytes: int


class Appended(NamedTuple):
    """Where a publish landed: `offset` of its first message, `time` in microseconds since 1970."""

    offset: int
    time: int


@dataclass(slots=True)
class Publish:
    """The messages of one request: `count` of them, their JSON `size` bytes long."""

    topic: TopicLog
    entries: Sequence[Entry]
    count: int
    size: int
    appended: "asyncio.Future[Appended]"


class AppendCall:
    """One call of append.lua, for publishes to one or more topics."""

    script: Script = APPEND

    def __init__(self) -> None:
        self._topics: dict[TopicLog, list[Publish]] = {}
        self._entries = 0
        self._messages = 0
        self._size = 0

    def has_room_for(self, publish: Publish) -> bool:
        """Whether it stays within its bounds with this one."""
        messages, size = self._messages + publish.count, self._size + publish.size
        return messages <= MOST_MESSAGES and size <= MOST_BYTES

    def add(self, publish: Publish) -> None:
        self._topics.setdefault(publish.topic, []).append(publish)
        self._entries += len(publish.entries)
        self._messages += publish.count
        self._size += publish.size

    @property
    def is_short(self) -> bool:
        """Whether its entries are: copying them takes no time."""
        return self._size <= self._entries * SHORT_ENTRY

    @property
    def keys(self) -> list[str]:
        return [
            key for topic in self._topics for key in (keys.log(topic.uuid), keys.topic(topic.uuid))
        ]

    @property
    def arguments(self) -> list[Argument]:
        topics: list[bytes] = []
        stored: list[bytes] = []
        for topic, publishes in self._topics.items():
            entries = publishes[0].entries
            if len(publishes) > 1 or len(entries) > 1:
                entries = list(join(entry for publish in publishes for entry in publish.entries))
            about = _pack_topic(
                topic.epoch, topic.retention_microseconds, topic.retention_bytes, len(entries)
            )
            for entry in entries:
                about += _pack_entry(entry.number, entry.data, len(entry.lengths)) + entry.lengths
                stored.append(entry.json)
            topics.append(about)
        return [keys.WAKE_CHANNEL, *topics, *stored]

    def succeed(self, reply: Reply) -> None:
        COMMIT_PUBLISHES.observe(sum(map(len, self._topics.values())))
        for publishes, first, time in zip(
            self._topics.values(), reply[::2], reply[1::2], strict=True
        ):
            if first < 0:
                STALE.inc(len(publishes))
                _fail(publishes, StaleMetadata())
                continue
            offset = first
            for publish in publishes:
                # It is stored, also if its client has gone away.
                PUBLISH_MESSAGES.observe(publish.count)
                PUBLISH_BYTES.observe(publish.size)
                if not publish.appended.done():
                    publish.appended.set_result(Appended(offset, time))
                offset += publish.count

    def fail(self, error: ServiceError) -> None:
        for publishes in self._topics.values():
            _fail(publishes, error)


def _fail(publishes: Sequence[Publish], error: Exception) -> None:
    for publish in publishes:
        if not publish.appended.done():
            publish.appended.set_exception(error)


class GroupCommit(Lane):
    """A lane for publishes: those that wait together share script calls, and these a round trip.

    Args:
        connections, timeout, replicas, replica_timeout: as for `Lane`.
        one_slot: whether one call may touch several topics: not in a Redis Cluster.
    """

    def __init__(
        self,
        connections: Connections,
        timeout: float,
        replicas: int,
        replica_timeout: float,
        *,
        one_slot: bool,
    ) -> None:
        super().__init__(connections, timeout, replicas, replica_timeout, purpose="publish")
        self._one_slot = one_slot
        self._loop = asyncio.get_running_loop()
        self._publishes: deque[Publish] = deque()
        self._waiting_bytes = 0

    def publish(
        self, topic: TopicLog, entries: Sequence[Entry], count: int, size: int
    ) -> "asyncio.Future[Appended]":
        """Queues a publish; see `Publish`."""
        publish = Publish(topic, entries, count, size, self._loop.create_future())
        self._publishes.append(publish)
        self._waiting_bytes += size
        self._start()
        return publish.appended

    @property
    def _has_long(self) -> bool:
        return self._waiting_bytes >= LONG_BYTES

    @property
    def _waiting(self) -> int:
        return len(self._publishes)

    def _pack(self, connection: Connection, call: Call, verb: str) -> list[bytes]:
        if not isinstance(call, AppendCall) or call.is_short:
            return super()._pack(connection, call, verb)
        # redis-py does not copy what is long.
        packed: list[bytes] = connection.pack_command(*command_of(call, verb))
        return packed

    def _take(self) -> list[Call]:
        calls: list[Call] = []
        #: The one that still has room, of each slot.
        open_calls: dict[str, AppendCall] = {}
        size = 0
        while self._publishes and size <= PIPELINE_BYTES:
            publish = self._publishes.popleft()
            self._waiting_bytes -= publish.size
            if publish.appended.done():
                continue  # Its client has gone away before it was sent.
            size += publish.size
            slot = "" if self._one_slot else publish.topic.uuid
            call = open_calls.get(slot)
            if call is None or not call.has_room_for(publish):
                call = open_calls[slot] = AppendCall()
                calls.append(call)
            call.add(publish)
        return calls
