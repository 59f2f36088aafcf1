"""The message log: publish, pull, acknowledge and move through the messages of topics."""

from collections.abc import Awaitable, Sequence

from redis.asyncio import Redis, RedisCluster

from ams.messages import keys, scripts
from ams.messages.entries import Message, pack
from ams.messages.group_commit import Appended, GroupCommit, TopicLog
from ams.messages.history import History
from ams.messages.lane import ReplyBytes
from ams.messages.pulls import Pulls
from ams.messages.pushing import Pushing
from ams.messages.records import Cursor, Offsets, Run, window
from ams.messages.statistics import Statistics
from ams.service.errors import AckTimeout, Conflict, InternalError, InvalidArgument
from ams.service.settings_sections import MessagesSettings

__all__ = ["Cursor", "MessageLog", "Offsets", "Run"]

#: How long a dropped topic or subscription refuses to come back, seconds. Metadata that still knows
#: it is trusted for far less.
TOMBSTONE_SECONDS = 600

#: Most messages that one call of a trim or a purge removes.
TRIM_MESSAGES = 5000


class MessageLog(Pulls, Pushing, Statistics, History):
    """All topics' messages in one Redis, Sentinel group or Redis Cluster.

    Every method raises `Unavailable` when Redis does not do its part in time, and those that take
    an epoch raise `StaleMetadata` when the log knows a newer one.

    Args:
        client: an open client; who opened it closes it.
        settings: limits and durability.
        timeout: seconds one round trip to Redis may take.
    """

    def __init__(
        self, client: Redis | RedisCluster, settings: MessagesSettings, timeout: float
    ) -> None:
        super().__init__(client, settings, timeout)
        self._writers: dict[str, GroupCommit] = {}

    def _writer(self, topic: str) -> GroupCommit:
        server = self._server(keys.log(topic))
        lane = self._writers.get(server)
        if lane is None:
            replicated = self._settings.durability == "replicated"
            lane = self._writers[server] = GroupCommit(
                self._connections(server),
                self._timeout,
                self._settings.replicas if replicated else 0,
                self._settings.replica_timeout_seconds,
                one_slot=isinstance(self._client, Redis),
            )
        return lane

    def append(
        self, topic: TopicLog, messages: Sequence[Message], size: int | None = None
    ) -> Awaitable[Appended]:
        """Stores the messages of one publish, all or none, in their order.

        Whoever waits need not keep them meanwhile: memory that is freed soon is still at hand.

        Args:
            topic: where to.
            messages: what to store.
            size: bytes of their JSON, roughly, if the caller knows.
        """
        if size is None:
            size = sum([message.size for message in messages])
        entries = pack(messages, size)
        size = sum([len(entry.json) for entry in entries])
        return self._writer(topic.uuid).publish(topic, entries, len(messages), size)

    async def acknowledge(self, cursor: Cursor, highest: int, deadline: int) -> None:
        """Acknowledges everything up to and including offset `highest`.

        Raises `InternalError` `no ack pending` or `wrong ack`, and `AckTimeout` when more than
        `deadline` seconds have passed since the pull (contract: ams-core 6.1).
        """
        outcome = await self._call_with_epoch(
            scripts.ACKNOWLEDGE,
            cursor.keys(),
            *cursor.arguments(),
            highest,
            deadline,
        )
        match outcome:
            case b"nothing pending":
                raise InternalError("no ack pending")
            case b"out of range":
                raise InternalError("wrong ack")
            case b"too late":
                raise AckTimeout

    async def peek(
        self,
        topic: str,
        *,
        offset: int | None = None,
        time: int | None = None,
        last: bool = False,
        most: int,
        most_bytes: int,
    ) -> list[Run]:
        """Reads messages of a topic, named by its uuid; no cursor moves and nothing is counted.

        One of `offset`, `time` and `last` says which; without them it is the oldest kept, before
        which there is nothing to read. Beyond the end there is nothing, either.

        Args:
            topic: uuid of the topic.
            offset: where to begin.
            time: publish time at which to begin, microseconds since 1970.
            last: whether to read the last messages, up to the end.
            most: the most messages wanted.
            most_bytes: the most bytes wanted, counted by whole entries of the log; one message is
                returned however large it is. The limits of a pull hold, too.
        """
        begin: tuple[str, int] = ("offset", offset or 0)
        if time is not None:
            begin = ("time", time)
        elif last:
            begin = ("last", 0)
        offset, count, entries = await self._call(
            scripts.PEEK,
            (keys.log(topic), keys.topic(topic)),
            *begin,
            min(most, self._settings.pull_max_messages),
            ReplyBytes(min(most_bytes, self._settings.pull_max_bytes)),
        )
        return window(Run.entries(entries), offset, offset + count)

    async def offsets(self, cursor: Cursor) -> Offsets:
        """Where the subscription stands, and how far it can be moved."""
        return Offsets(
            *await self._call_with_epoch(scripts.OFFSETS, cursor.keys(), *cursor.arguments())
        )

    async def seek(self, cursor: Cursor, offset: int) -> None:
        """Moves the subscription. Raises `InvalidArgument` if there is no such offset."""
        moved = await self._call_with_epoch(
            scripts.SEEK,
            cursor.keys(),
            *cursor.arguments(),
            offset,
            keys.WAKE_CHANNEL,
            cursor.topic,
        )
        if not moved:
            raise InvalidArgument("Offset out of bounds")

    async def offset_at_time(self, topic: str, time: int) -> int:
        """Offset of the first message published at `time` or later (microseconds since 1970).

        Raises `Conflict` if every message is older (contract: ams-core 6.5).
        """
        offset: int = await self._call(
            scripts.OFFSET_AT_TIME, (keys.log(topic), keys.topic(topic)), time
        )
        if offset < 0:
            raise Conflict("Timestamp is out of bounds for the subscription's topic/partition")
        return offset

    async def end(self, topic: str) -> int:
        """Offset that the topic's next message will get."""
        end: int = await self._call(scripts.END, (keys.topic(topic),))
        return end

    async def lease(self, name: str, seconds: float) -> bool:
        """Takes the lease of that name, unless somebody has it; it ends by itself."""
        return bool(await self._call(scripts.LEASE, (name,), round(seconds * 1000)))

    async def trim(self, topic: TopicLog) -> int:
        """Removes messages past the topic's retention; returns how many."""
        removed = 0
        while True:
            batch: int = await self._call(
                scripts.TRIM,
                (keys.log(topic.uuid), keys.topic(topic.uuid)),
                topic.retention_microseconds,
                topic.retention_bytes,
                TRIM_MESSAGES,
            )
            if batch == 0:
                return removed
            removed += batch

    async def purge_topic(self, topic: TopicLog) -> int:
        """Removes the messages that a topic has now; returns how many. Offsets go on from there."""
        removed: int = 0
        keep = -1
        while True:
            batch, keep, oldest = await self._call_with_epoch(
                scripts.PURGE,
                (keys.log(topic.uuid), keys.topic(topic.uuid)),
                topic.epoch,
                keep,
                TRIM_MESSAGES,
            )
            removed += batch
            if oldest >= keep:
                return removed

    async def purge_subscription(self, cursor: Cursor) -> int:
        """Moves the subscription to the end; returns how many messages it skipped."""
        skipped: int = await self._call_with_epoch(
            scripts.PURGE_SUBSCRIPTION, cursor.keys(), *cursor.arguments()
        )
        return skipped

    async def raise_topic_epoch(self, topic: str, epoch: int) -> None:
        """Makes every node load the topic's metadata again before it next uses it."""
        await self._call(scripts.RAISE_TOPIC_EPOCH, (keys.topic(topic),), epoch)

    async def raise_subscription_epoch(self, topic: str, subscription: str, epoch: int) -> None:
        """Makes every node load the subscription's metadata again before it next uses it."""
        await self._call(
            scripts.RAISE_SUBSCRIPTION_EPOCH,
            (
                keys.topic(topic),
                keys.subscription(topic, subscription),
                keys.subscriptions(topic),
            ),
            epoch,
            subscription,
        )

    async def drop(self, topic: str) -> None:
        """Removes a topic's messages, counters, history and subscriptions' positions.

        What it had a day stays: see `daily_counts`.
        """
        await self._call(
            scripts.DROP,
            (
                keys.log(topic),
                keys.topic(topic),
                keys.days(topic),
                keys.subscriptions(topic),
                keys.hour(topic),
                keys.week(topic),
            ),
            TOMBSTONE_SECONDS,
            keys.WAKE_CHANNEL,
            topic,
        )

    async def drop_days(self, topic: str) -> None:
        """Removes what is left of a topic that was dropped, for good."""
        await self._call(scripts.DROP_DAYS, (keys.days(topic),))

    async def drop_subscription(self, topic: str, subscription: str) -> None:
        """Removes a subscription's position, counters and history."""
        await self._call(
            scripts.DROP_SUBSCRIPTION,
            (
                keys.subscription(topic, subscription),
                keys.subscriptions(topic),
                keys.hour(topic, subscription),
                keys.week(topic, subscription),
            ),
            subscription,
            TOMBSTONE_SECONDS,
            keys.WAKE_CHANNEL,
            topic,
        )
