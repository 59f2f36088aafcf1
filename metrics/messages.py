"""How topics and subscriptions fare, and what projects add up to, from Redis."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from ams.messages.log import Cursor, MessageLog
from ams.messages.statistics import SubscriptionStatistics, TopicStatistics
from ams.service.exposition import Family
from metrics import families
from metrics.deleted_topics import DeletedTopics
from metrics.inventory import Inventory
from metrics.lines import Lines
from metrics.pacing import read_gently

#: A number of a family; None if there is none.
Value = tuple[Family, float | None]


async def add_messages(
    lines: Lines, log: MessageLog, found: Inventory, deleted: DeletedTopics, most: int
) -> None:
    """Adds what Redis knows of topics, subscriptions and projects.

    Args:
        lines: where to.
        log: of the messages.
        found: what there is.
        deleted: what is known of deleted topics.
        most: how many things of a kind have figures of their own.

    Raises:
        Unavailable: Redis does not answer, or the database any more.
    """
    topics = await read_gently(
        found.topics, lambda some: log.topic_statistics([each.uuid for each in some])
    )
    attached = [each for each in found.subscriptions if each.topic_uuid is not None]
    cursors = [
        Cursor(each.topic_uuid or "", each.uuid, each.epoch, each.start_offset) for each in attached
    ]
    subscriptions = await read_gently(cursors, log.subscription_statistics)
    day = datetime.now(UTC).date()
    messages: Counter[str] = Counter()
    today: Counter[str] = Counter()
    # Last: a topic that is deleted meanwhile must be known to be, whatever was read of it before.
    gone = await deleted.add(day, messages, today)
    now = time.time()
    stored: Counter[str] = Counter()
    backlog: Counter[str] = Counter()
    for at, (topic, numbers) in enumerate(zip(found.topics, topics, strict=True)):
        if topic.uuid not in gone:
            messages[topic.project] += numbers.messages
            today[topic.project] += numbers.day_messages if numbers.day == day else 0
        stored[topic.project] += numbers.stored_bytes
        if at < most:
            lines.add_each((topic.project, topic.name), _of_topic(numbers))
    of_subscription = dict(zip((each.uuid for each in attached), subscriptions, strict=True))
    for at, each in enumerate(found.subscriptions):
        fares = of_subscription.get(each.uuid, _NOTHING)
        backlog[each.project] += fares.backlog
        if at < most:
            lines.add_each((each.project, each.name), _of_subscription(fares, now))
    for project in found.projects[:most]:
        lines.add_each(
            (project,),
            (
                (families.PROJECT_MESSAGES, messages[project]),
                (families.PROJECT_TODAY, today[project]),
                (families.PROJECT_STORED, stored[project]),
                (families.PROJECT_BACKLOG, backlog[project]),
            ),
        )


#: Of a subscription without a topic: its counters went with the topic.
_NOTHING = SubscriptionStatistics(0, 0, 0, None, 0, 0, 0, 0, 0.0, None, None)


def _of_topic(numbers: TopicStatistics) -> Iterator[Value]:
    yield families.TOPIC_MESSAGES, numbers.messages
    yield families.TOPIC_BYTES, numbers.bytes
    yield families.TOPIC_RATE, numbers.rate
    yield families.TOPIC_STORED_MESSAGES, numbers.stored_messages
    yield families.TOPIC_STORED_BYTES, numbers.stored_bytes
    yield families.TOPIC_OLDEST, _seconds(numbers.oldest_time)
    yield families.TOPIC_LAST, _seconds(numbers.last_publish)


def _of_subscription(numbers: SubscriptionStatistics, now: float) -> Iterator[Value]:
    oldest = _seconds(numbers.oldest_unacknowledged_time)
    yield families.BACKLOG, numbers.backlog
    # The times of messages are Redis' own, whose clock may be a little ahead.
    yield families.OLDEST_UNACKNOWLEDGED, 0.0 if oldest is None else max(0.0, now - oldest)
    yield families.CONSUMED_MESSAGES, numbers.messages
    yield families.CONSUMED_BYTES, numbers.bytes
    yield families.CONSUMPTION_RATE, numbers.rate
    yield families.LAST_PULL, _seconds(numbers.last_consume)
    yield families.LAST_ACKNOWLEDGEMENT, _seconds(numbers.last_acknowledgement)


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
