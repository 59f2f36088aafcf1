"""Statistics of many topics and subscriptions at once."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from ams.messages.lane import MOST_CALLS, Call, Lane
from ams.messages.log import Cursor, MessageLog, Offsets
from ams.messages.redis_connections import Borrowed
from ams.messages.statistics import SubscriptionStatistics, TopicStatistics
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    publish,
)


async def of_subscription(log: MessageLog, cursor: Cursor) -> SubscriptionStatistics:
    (found,) = await log.subscription_statistics([cursor])
    return found


def day_of(time: int) -> date:
    return datetime.fromtimestamp(time / 1e6, UTC).date()


async def test_statistics_of_a_topic(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, "a")
    kept = await publish(log, topic, "bc")
    last = await publish(log, topic, "def")
    size = len(message("bc")) + len(message("def"))
    assert await log.trim(topic._replace(retention_bytes=size)) == 1
    (found,) = await log.topic_statistics([topic.uuid])
    assert found._replace(rate=0) == TopicStatistics(
        messages=3,
        bytes=6,
        rate=0,
        last_publish=last.time,
        stored_messages=2,
        stored_bytes=size,
        oldest=1,
        end=3,
        oldest_time=kept.time,
        day=day_of(last.time),
        day_messages=3,
    )


async def test_a_topic_that_keeps_nothing_has_no_oldest_message(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, "a", "b")
    await log.purge_topic(topic)
    last = await publish(log, topic)
    (found,) = await log.topic_statistics([topic.uuid])
    assert found == TopicStatistics(2, 2, 0.0, last.time, 0, 0, 2, 2, None, day_of(last.time), 2)


async def test_statistics_of_a_subscription(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    for text in ("a", "bc"):
        await publish(log, topic, text)
    third = await publish(log, topic, "def")
    await log.pull(cursor, 2)
    await log.acknowledge(cursor, 1, deadline=60)
    await log.pull(cursor, 10)
    found = await of_subscription(log, cursor)
    assert found.last_consume
    assert found.last_acknowledgement
    assert found.last_consume > found.last_acknowledgement > third.time
    assert found._replace(rate=0) == SubscriptionStatistics(
        offset=2,
        next_offset=3,
        backlog=1,
        oldest_unacknowledged_time=third.time,
        oldest=0,
        end=3,
        messages=3,
        bytes=6,
        rate=0,
        last_consume=found.last_consume,
        last_acknowledgement=found.last_acknowledgement,
    )
    await log.acknowledge(cursor, 2, deadline=60)
    found = await of_subscription(log, cursor)
    assert (found.offset, found.next_offset, found.backlog) == (3, 0, 0)
    assert found.oldest_unacknowledged_time is None


async def test_a_message_within_an_entry_has_its_publish_time(log: MessageLog) -> None:
    topic = new_topic()
    time = (await publish(log, topic, "a", "b", "c")).time
    await publish(log, topic, "d")
    found = await of_subscription(log, new_cursor(topic, start=2))
    assert (found.offset, found.backlog, found.oldest_unacknowledged_time) == (2, 2, time)


@pytest.mark.parametrize(("start", "offset"), [(0, 0), (1, 1), (3, 2)])
async def test_a_subscription_that_was_never_used_stands_at_its_start(
    log: MessageLog, start: int, offset: int
) -> None:
    topic = new_topic()
    await publish(log, topic, "a", "b")
    found = await of_subscription(log, new_cursor(topic, start))
    assert (found.offset, found.backlog, found.end) == (offset, 2 - offset, 2)
    assert (found.messages, found.rate) == (0, 0)
    assert (found.last_consume, found.last_acknowledgement) == (None, None)


async def test_a_subscription_behind_the_oldest_message_stands_at_that(log: MessageLog) -> None:
    """As its next use would find it."""
    topic = new_topic()
    used, new = new_cursor(topic), new_cursor(topic)
    await publish(log, topic, "a")
    time = (await publish(log, topic, "b")).time
    await log.pull(used, 2)
    await log.trim(topic._replace(retention_bytes=len(message("b"))))
    for cursor in (used, new):
        found = await of_subscription(log, cursor)
        assert (found.offset, found.next_offset, found.oldest, found.backlog) == (1, 0, 1, 1)
        assert found.oldest_unacknowledged_time == time
        assert await log.offsets(cursor) == Offsets(1, 1, 2)


async def test_statistics_of_what_does_not_exist_are_0_and_make_nothing(opened: OpenLog) -> None:
    log, topic, dropped = opened.log, new_topic(), new_topic()
    await publish(log, dropped, "a")
    await log.drop(dropped.uuid)
    nothing = TopicStatistics(0, 0, 0.0, None, 0, 0, 0, 0, None, date(1970, 1, 1), 0)
    assert await log.topic_statistics([topic.uuid, dropped.uuid]) == [nothing] * 2
    for each in (topic, dropped):
        found = await of_subscription(log, new_cursor(each, start=5))
        assert found == SubscriptionStatistics(0, 0, 0, None, 0, 0, 0, 0, 0.0, None, None)
    assert await opened.keys_of(topic.uuid) == set()


async def test_reading_statistics_makes_nothing_and_needs_no_epoch(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic(epoch=5)
    cursor = new_cursor(topic, epoch=5)
    await publish(log, topic, "a")
    before = await opened.keys_of(topic.uuid)
    assert (await of_subscription(log, cursor)).backlog == 1
    assert await opened.keys_of(topic.uuid) == before
    await log.pull(cursor, 1)
    assert (await of_subscription(log, cursor._replace(epoch=1))).messages == 1
    await log.pull(cursor, 1)


async def test_a_page_of_statistics_takes_one_round_trip_to_a_server(
    opened: OpenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened.log
    topics = [new_topic() for _ in range(MOST_CALLS)]
    await asyncio.gather(*(publish(log, topic, *"abc"[: n % 4]) for n, topic in enumerate(topics)))
    sent: list[Lane] = []
    send = Lane._send

    async def note(lane: Lane, calls: list[Call], borrowed: Borrowed) -> None:
        sent.append(lane)
        await send(lane, calls, borrowed)

    monkeypatch.setattr(Lane, "_send", note)
    found = await log.topic_statistics([topic.uuid for topic in topics])
    assert [each.messages for each in found] == [n % 4 for n in range(MOST_CALLS)]
    assert len(sent) == len(set(sent)) <= 3
    sent.clear()
    cursors = [new_cursor(topic) for topic in topics]
    backlogs = [each.backlog for each in await log.subscription_statistics(cursors)]
    assert backlogs == [n % 4 for n in range(MOST_CALLS)]
    assert len(sent) == len(set(sent)) <= 3


async def test_more_than_a_page_is_in_order(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, *map(str, range(400)))
    cursors = [new_cursor(topic, start) for start in range(400)]
    assert [each.offset for each in await log.subscription_statistics(cursors)] == [*range(400)]
    assert await log.subscription_statistics([]) == []
    assert await log.topic_statistics([]) == []


@pytest.mark.parametrize("target", [1, 3, 5, 6])
async def test_what_a_seek_does_can_be_told_before(log: MessageLog, target: int) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, *"a")
    await publish(log, topic, *"bcdef")
    await log.trim(topic._replace(retention_bytes=5 * len(message("b")) + 4))
    await log.seek(cursor, 3)
    found = await of_subscription(log, cursor)
    assert (found.oldest, found.offset, found.end) == (1, 3, 6)
    left = messages_of(await log.pull(cursor, 10))
    await log.seek(cursor, target)
    after = messages_of(await log.pull(cursor, 10))
    assert len(set(after) - set(left)) == max(0, found.offset - target)
    assert len(set(left) - set(after)) == max(0, target - found.offset)
    assert offsets_of(await log.pull(cursor, 10)) == [*range(target, 6)]
