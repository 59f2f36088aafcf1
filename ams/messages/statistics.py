"""What the log knows of many topics and subscriptions, for lists and metrics. Changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from ams.messages import keys, scripts
from ams.messages.calls import ScriptCalls
from ams.messages.records import Cursor

_EPOCH: Final = date(1970, 1, 1)


class TopicStatistics(NamedTuple):
    """A topic's counters and the bounds of its log; times in microseconds since 1970.

    Args:
        messages: how many were ever published.
        bytes: how long their `data` were, as sent.
        rate: messages per second between the last two publishes (contract: ams-users-metrics 8.1).
        last_publish: when; an empty publish counts. None if there was none.
        stored_messages: how many are kept.
        stored_bytes: of the JSON that is kept.
        oldest: offset of the oldest message kept; `end` if none is.
        end: offset that the next message will get.
        oldest_time: when the oldest message kept was published; None if none is.
        day: of the last publish (UTC); the first of 1970 if there was none.
        day_messages: how many were published that day.
    """

    messages: int
    bytes: int
    rate: float
    last_publish: int | None
    stored_messages: int
    stored_bytes: int
    oldest: int
    end: int
    oldest_time: int | None
    day: date
    day_messages: int


class SubscriptionStatistics(NamedTuple):
    """A subscription's position and counters; times in microseconds since 1970.

    A seek to offset N, from `oldest` to `end`, skips `max(0, N - offset)` messages, or makes
    `max(0, offset - N)` be delivered again that had been acknowledged or skipped.

    Args:
        offset: the next message to deliver.
        next_offset: just after the batch that awaits acknowledgement; 0 if none does.
        backlog: how many messages are not acknowledged.
        oldest_unacknowledged_time: when the first of these was published; None if there is none.
        oldest: offset of the oldest message that the topic keeps.
        end: offset that the topic's next message will get.
        messages: how many were delivered; redeliveries count again.
        bytes: how long their `data` were.
        rate: messages per second between the last two pulls (contract: ams-users-metrics 8.1).
        last_consume: when the last pull was answered; an empty one counts. None if there was none.
        last_acknowledgement: when; None if there was none.
    """

    offset: int
    next_offset: int
    backlog: int
    oldest_unacknowledged_time: int | None
    oldest: int
    end: int
    messages: int
    bytes: int
    rate: float
    last_consume: int | None
    last_acknowledgement: int | None


class Statistics(ScriptCalls):
    """Reads for many at once: a round trip per 128 of them, in a cluster per server.

    They need no epoch, and what they ask about need not exist: its numbers are 0.
    """

    async def topic_statistics(self, topics: Sequence[str]) -> list[TopicStatistics]:
        """Statistics of topics, named by their uuids, in their order."""
        replies = await self._call_each(
            scripts.TOPIC_STATISTICS, [((keys.topic(topic),), ()) for topic in topics]
        )
        return [_of_topic(*reply) for reply in replies]

    async def subscription_statistics(
        self, cursors: Sequence[Cursor]
    ) -> list[SubscriptionStatistics]:
        """Statistics of subscriptions, in their order; those never used stand at their start."""
        replies = await self._call_each(
            scripts.SUBSCRIPTION_STATISTICS,
            [((keys.log(cursor.topic), *cursor.keys()[:2]), (cursor.start,)) for cursor in cursors],
        )
        return [_of_subscription(*reply) for reply in replies]

    async def daily_counts(
        self, topics: Sequence[str], newest: int | None = None
    ) -> Mapping[str, Mapping[date, int]]:
        """Messages a day (UTC) of topics, named by their uuids, oldest day first.

        Of those that were dropped, too. Only days with a publish are there; if all publishes of a
        day were empty it counts 0 (contract: ams-users-metrics 8.1, 8.2).

        Args:
            topics: uuids.
            newest: how many days of each to tell, the last that it has; None for all.
        """
        replies = await self._call_each(
            scripts.DAYS,
            [((keys.topic(topic), keys.days(topic)), (newest or 0,)) for topic in topics],
        )
        counts: dict[str, Mapping[date, int]] = {}
        for topic, reply in zip(topics, replies, strict=True):
            days = sorted(zip(map(int, reply[::2]), map(int, reply[1::2]), strict=True))
            counts[topic] = {_EPOCH + timedelta(days=day): number for day, number in days}
        return counts

    async def published_between(
        self, topics: Sequence[str], first: date, last: date
    ) -> list[int | None]:
        """Messages that topics, named by their uuids, got from `first` to `last` (UTC), in order.

        Of those that were dropped, too. None for a topic that had no publish, not even an empty
        one. What Redis adds up need not travel: a topic may have thousands of days.
        """
        window = ((first - _EPOCH).days, (last - _EPOCH).days)
        replies = await self._call_each(
            scripts.DAYS_BETWEEN,
            [((keys.topic(topic), keys.days(topic)), window) for topic in topics],
        )
        return [messages if days else None for days, messages in replies]


def _of_topic(
    end: int,
    oldest: int,
    data_bytes: int,
    stored_bytes: int,
    oldest_time: int,
    last_publish: int,
    rate: bytes,
    day: int,
    day_messages: int,
) -> TopicStatistics:
    """As topic_statistics.lua answers."""
    return TopicStatistics(
        messages=end,
        bytes=data_bytes,
        rate=float(rate),
        last_publish=last_publish or None,
        stored_messages=end - oldest,
        stored_bytes=stored_bytes,
        oldest=oldest,
        end=end,
        oldest_time=oldest_time or None,
        day=_EPOCH + timedelta(days=day),
        day_messages=day_messages,
    )


def _of_subscription(
    offset: int,
    next_offset: int,
    oldest: int,
    end: int,
    messages: int,
    data_bytes: int,
    oldest_unacknowledged_time: int,
    last_consume: int,
    last_ack: int,
    rate: bytes,
) -> SubscriptionStatistics:
    """As subscription_statistics.lua answers."""
    return SubscriptionStatistics(
        offset=offset,
        next_offset=next_offset,
        backlog=end - offset,
        oldest_unacknowledged_time=oldest_unacknowledged_time or None,
        oldest=oldest,
        end=end,
        messages=messages,
        bytes=data_bytes,
        rate=float(rate),
        last_consume=last_consume or None,
        last_acknowledgement=last_ack or None,
    )
