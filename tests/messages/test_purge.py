"""Emptying topics and subscriptions."""

import asyncio
from collections.abc import Sequence

import pytest

from ams.messages.errors import StaleMetadata
from ams.messages.lane import Argument, Reply
from ams.messages.log import TRIM_MESSAGES, MessageLog, Offsets
from ams.messages.scripts import Script
from ams.service.errors import InternalError
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    publish,
)


async def test_a_purged_subscription_stands_at_the_end(log: MessageLog) -> None:
    topic = new_topic()
    used, new, other = (new_cursor(topic) for _ in range(3))
    await publish(log, topic, "a", "b", "c")
    await log.pull(used, 1)
    await log.acknowledge(used, 0, deadline=60)
    await log.pull(used, 1)
    for cursor, skipped in ((used, 2), (new, 3)):
        assert await log.purge_subscription(cursor) == skipped
        assert await log.offsets(cursor) == Offsets(3, 0, 3)
        assert await log.purge_subscription(cursor) == 0
        with pytest.raises(InternalError, match="no ack pending"):
            await log.acknowledge(cursor, 1, deadline=60)
    await publish(log, topic, "d")
    assert messages_of(await log.pull(used, 10)) == [message("d")]
    assert offsets_of(await log.pull(other, 10)) == [0, 1, 2, 3]


async def test_a_purged_topic_goes_on_where_it_was(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b")
    await publish(log, topic, "c")
    await log.pull(cursor, 2)
    (before,) = await log.topic_statistics([topic.uuid])
    assert await log.purge_topic(topic) == 3
    assert await log.purge_topic(topic) == 0
    (after,) = await log.topic_statistics([topic.uuid])
    assert after == before._replace(stored_messages=0, stored_bytes=0, oldest=3, oldest_time=None)
    assert await log.offsets(cursor) == Offsets(3, 3, 3)
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(cursor, 1, deadline=60)
    assert (await publish(log, topic, "d")).offset == 3
    assert messages_of(await log.pull(cursor, 10)) == [message("d")]


async def test_a_large_topic_is_purged_in_steps(
    opened: OpenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to where it ended; what is published meanwhile stays."""
    log, topic = opened.log, new_topic()
    count = 2 * TRIM_MESSAGES + 300
    await publish(log, topic, *map(str, range(count)))
    call = log._call_with_epoch
    steps: list[int] = []

    async def publish_meanwhile(
        script: Script, call_keys: Sequence[str], *arguments: Argument
    ) -> Reply:
        reply = await call(script, call_keys, *arguments)
        steps.append(reply[0])
        await publish(log, topic, "new")
        return reply

    monkeypatch.setattr(log, "_call_with_epoch", publish_meanwhile)
    assert await log.purge_topic(topic) == count
    monkeypatch.undo()
    assert len(steps) >= 3
    assert max(steps) <= TRIM_MESSAGES
    assert messages_of(await log.pull(new_cursor(topic), 100)) == [message("new")] * len(steps)
    assert await log.offsets(new_cursor(topic)) == Offsets(count, count, count + len(steps))


async def test_every_message_is_removed_by_one_of_those_who_purge_at_once(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, *map(str, range(2 * TRIM_MESSAGES)))
    removed = await asyncio.gather(*(log.purge_topic(topic) for _ in range(5)))
    assert sum(removed) == 2 * TRIM_MESSAGES


async def test_a_topic_is_purged_by_who_knows_it(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic(epoch=2)
    await publish(log, topic, "a")
    with pytest.raises(StaleMetadata):
        await log.purge_topic(topic._replace(epoch=1))
    assert await log.purge_topic(topic._replace(epoch=3)) == 1
    with pytest.raises(StaleMetadata):
        await publish(log, topic, "b")
    await log.drop(topic.uuid)
    with pytest.raises(StaleMetadata):
        await log.purge_topic(topic._replace(epoch=9))


async def test_a_topic_without_messages_can_be_purged(log: MessageLog) -> None:
    topic = new_topic()
    assert await log.purge_topic(topic) == 0
    assert (await publish(log, topic, "a")).offset == 0
