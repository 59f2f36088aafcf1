"""Publish, pull, acknowledge and seek, on every kind of Redis."""

import asyncio
from uuid import uuid4

import msgspec
import pytest

from ams.messages import keys
from ams.messages.entries import Message
from ams.messages.log import TOMBSTONE_SECONDS, MessageLog, Offsets
from ams.service.errors import AckTimeout, Conflict, InternalError, InvalidArgument
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    publish,
)


async def test_offsets_begin_at_0_and_have_no_gaps(log: MessageLog) -> None:
    topic = new_topic()
    assert (await publish(log, topic, "a", "b")).offset == 0
    assert (await publish(log, topic, "c")).offset == 2
    assert await log.end(topic.uuid) == 3


async def test_a_pull_returns_what_was_published(log: MessageLog) -> None:
    topic = new_topic()
    published = [Message("a"), Message("ā=", {"a": "\n\r\u2028 🚀 \0", "": '"'}), Message("")]
    appended = await log.append(topic, published)
    (run,) = await log.pull(new_cursor(topic), 10)
    assert (run.offset, run.time) == (0, appended.time)
    assert [msgspec.json.decode(each, type=Message) for each in run.messages] == published


async def test_a_pull_repeats_what_was_not_acknowledged(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    for _ in range(2):
        assert offsets_of(await log.pull(cursor, 2)) == [0, 1]
    await log.acknowledge(cursor, 1, deadline=10)
    assert offsets_of(await log.pull(cursor, 2)) == [2]


async def test_a_part_of_a_batch_can_be_acknowledged(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    await log.pull(cursor, 3)
    await log.acknowledge(cursor, 0, deadline=10)
    assert await log.offsets(cursor) == Offsets(1, 0, 3)
    assert offsets_of(await log.pull(cursor, 3)) == [1, 2]


async def test_subscriptions_of_a_topic_are_independent(log: MessageLog) -> None:
    topic = new_topic()
    first, second = new_cursor(topic), new_cursor(topic, start=1)
    await publish(log, topic, "a", "b", "c")
    await log.pull(first, 3)
    await log.acknowledge(first, 2, deadline=10)
    assert await log.pull(first, 3) == []
    assert offsets_of(await log.pull(second, 3)) == [1, 2]


async def test_a_subscription_starts_where_its_metadata_says(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic, start=2)
    await publish(log, topic, "a", "b", "c")
    assert await log.offsets(cursor) == Offsets(2, 0, 3)
    # Later it stands where it was moved to.
    await log.seek(cursor, 1)
    assert offsets_of(await log.pull(cursor, 1)) == [1]


async def test_a_start_beyond_the_end_is_the_end(log: MessageLog) -> None:
    cursor = new_cursor(new_topic(), start=7)
    assert await log.offsets(cursor) == Offsets(0, 0, 0)


async def test_an_acknowledgement_must_follow_a_pull(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(cursor, 0, deadline=10)
    await log.pull(cursor, 1)
    await log.acknowledge(cursor, 0, deadline=10)
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(cursor, 0, deadline=10)


@pytest.mark.parametrize("highest", [0, 3, 2**63 - 1])
async def test_only_what_was_pulled_can_be_acknowledged(log: MessageLog, highest: int) -> None:
    topic = new_topic()
    cursor = new_cursor(topic, start=1)
    await publish(log, topic, "a", "b", "c", "d")
    await log.pull(cursor, 2)
    with pytest.raises(InternalError, match="wrong ack"):
        await log.acknowledge(cursor, highest, deadline=10)
    await log.acknowledge(cursor, 2, deadline=10)


async def test_an_acknowledgement_after_the_deadline_is_refused(opened: OpenLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(opened.log, topic, "a")
    await opened.log.pull(cursor, 1)
    subscription = cursor.keys()[1]
    pulled_at = (await opened.hash(subscription))["pending_ack"]
    await opened.set_field(subscription, "pending_ack", pulled_at - 12)
    with pytest.raises(AckTimeout):
        await opened.log.acknowledge(cursor, 0, deadline=10)
    await opened.log.pull(cursor, 1)
    await opened.log.acknowledge(cursor, 0, deadline=10)


@pytest.mark.parametrize("offset", [-1, 4, 2**63 - 1])
async def test_a_seek_out_of_bounds_changes_nothing(log: MessageLog, offset: int) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    await log.pull(cursor, 1)
    with pytest.raises(InvalidArgument, match="Offset out of bounds"):
        await log.seek(cursor, offset)
    await log.acknowledge(cursor, 0, deadline=10)


async def test_a_seek_forgets_the_batch_that_awaits_acknowledgement(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    await log.pull(cursor, 3)
    await log.seek(cursor, 3)
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(cursor, 2, deadline=10)
    assert await log.offsets(cursor) == Offsets(3, 0, 3)


async def test_a_time_becomes_the_offset_of_the_first_message_from_then_on(
    log: MessageLog,
) -> None:
    topic = new_topic()
    first = await publish(log, topic, "a", "b")
    second = await publish(log, topic, "c")
    assert first.time < second.time
    assert await log.offset_at_time(topic.uuid, 0) == 0
    assert await log.offset_at_time(topic.uuid, first.time) == 0
    assert await log.offset_at_time(topic.uuid, first.time + 1) == 2
    assert await log.offset_at_time(topic.uuid, second.time) == 2
    with pytest.raises(Conflict, match="Timestamp is out of bounds"):
        await log.offset_at_time(topic.uuid, second.time + 1)


async def test_publish_times_never_go_back(opened: OpenLog) -> None:
    """Redis' clock may: after a failover it is another machine's."""
    log, topic = opened.log, new_topic()
    ahead = (await publish(log, topic, "a")).time + 3_600_000_000
    await opened.set_field(keys.topic(topic.uuid), "last_publish", ahead)
    assert (await publish(log, topic, "b")).time == ahead
    assert (await publish(log, topic, "c")).time == ahead
    assert await log.offset_at_time(topic.uuid, ahead) == 1


async def test_a_time_has_no_offset_in_a_log_without_messages(log: MessageLog) -> None:
    with pytest.raises(Conflict):
        await log.offset_at_time(str(uuid4()), 0)


async def test_a_publish_without_messages_takes_no_offset(log: MessageLog) -> None:
    topic = new_topic()
    assert (await publish(log, topic)).offset == 0
    assert (await publish(log, topic, "a")).offset == 0
    assert (await publish(log, topic)).offset == 1
    assert messages_of(await log.pull(new_cursor(topic), 10)) == [message("a")]


async def test_all_keys_of_a_topic_are_in_its_slot(opened: OpenLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(opened.log, topic, "a")
    await opened.log.pull(cursor, 1)
    assert await opened.keys_of(topic.uuid) == {
        keys.log(topic.uuid),
        keys.topic(topic.uuid),
        keys.subscription(topic.uuid, cursor.subscription),
        keys.subscriptions(topic.uuid),
    }


async def test_what_is_dropped_leaves_tombstones_that_go_away(opened: OpenLog) -> None:
    log, client, topic = opened.log, opened.client, new_topic()
    gone, other = new_cursor(topic), new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    for cursor in (gone, other):
        await log.pull(cursor, 1)
    for _ in range(2):
        await log.drop_subscription(topic.uuid, gone.subscription)
    assert offsets_of(await log.pull(other, 1)) == [0]
    for _ in range(2):
        await log.drop(topic.uuid)
    tombstones = {keys.topic(topic.uuid), keys.subscription(topic.uuid, gone.subscription)}
    assert await opened.keys_of(topic.uuid) == {*tombstones, keys.days(topic.uuid)}
    for key in tombstones:
        said = await opened.hash(key)
        assert {name for name, number in said.items() if number} == {"epoch"}
        assert TOMBSTONE_SECONDS - 60 < await client.ttl(key) <= TOMBSTONE_SECONDS


async def test_many_callers_at_once_get_an_answer_each(log: MessageLog) -> None:
    topics = [new_topic() for _ in range(20)]

    async def use(position: int) -> None:
        topic, text = topics[position % len(topics)], f"message {position}"
        cursor = new_cursor(topic)
        appended = await publish(log, topic, text)
        await log.seek(cursor, appended.offset)
        assert messages_of(await log.pull(cursor, 1)) == [message(text)]
        await log.acknowledge(cursor, appended.offset, deadline=60)

    async with asyncio.timeout(20):
        await asyncio.gather(*map(use, range(600)))
