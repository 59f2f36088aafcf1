"""Metadata that has been replaced is refused, and what was dropped stays dropped."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ams.messages import keys
from ams.messages.errors import StaleMetadata
from ams.messages.figures import STALE
from ams.messages.group_commit import TopicLog
from ams.messages.log import Cursor, MessageLog, Offsets
from tests.eventually import eventually
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    open_log,
    publish,
    wake_ups,
)
from tests.servers import RedisServer

Use = Callable[[MessageLog, Cursor], Awaitable[object]]

#: Everything that one does with a subscription.
USES = [
    pytest.param(lambda log, cursor: log.pull(cursor, 1), id="pull"),
    pytest.param(lambda log, cursor: log.acknowledge(cursor, 0, deadline=10), id="acknowledge"),
    pytest.param(lambda log, cursor: log.seek(cursor, 0), id="seek"),
    pytest.param(lambda log, cursor: log.offsets(cursor), id="offsets"),
    pytest.param(lambda log, cursor: log.purge_subscription(cursor), id="purge"),
]


def remains(topic: TopicLog) -> set[str]:
    """The keys of a topic that was dropped: a tombstone, and what it had a day."""
    return {keys.topic(topic.uuid), keys.days(topic.uuid)}


async def test_a_publish_by_an_older_epoch_is_refused(log: MessageLog) -> None:
    topic = new_topic(epoch=3)
    await publish(log, topic, "a")
    refused = STALE.value
    with pytest.raises(StaleMetadata):
        await publish(log, topic._replace(epoch=2), "b")
    assert await log.end(topic.uuid) == 1
    assert STALE.value == refused + 1


async def test_a_publish_takes_a_newer_epoch_over(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, "a")
    await publish(log, topic._replace(epoch=2), "b")
    with pytest.raises(StaleMetadata):
        await publish(log, topic, "c")


@pytest.mark.parametrize("use", USES)
async def test_an_older_epoch_of_a_subscription_is_refused(log: MessageLog, use: Use) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 2)
    with pytest.raises(StaleMetadata):
        await use(log, cursor)
    await use(log, cursor._replace(epoch=2))


@pytest.mark.parametrize("use", USES)
async def test_a_newer_epoch_of_a_subscription_is_taken_over(log: MessageLog, use: Use) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await use(log, cursor._replace(epoch=2))
    with pytest.raises(StaleMetadata):
        await log.offsets(cursor)


async def test_epochs_can_be_raised_before_anything_else(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await log.raise_topic_epoch(topic.uuid, 5)
    await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 7)
    with pytest.raises(StaleMetadata):
        await publish(log, topic._replace(epoch=4), "a")
    with pytest.raises(StaleMetadata):
        await log.offsets(cursor._replace(epoch=6))
    await publish(log, topic._replace(epoch=5), "a", "b")
    # Its start is still what the metadata says.
    assert await log.offsets(cursor._replace(epoch=7, start=1)) == Offsets(1, 0, 2)


async def test_an_epoch_is_never_lowered(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    for epoch in (4, 3):
        await log.raise_topic_epoch(topic.uuid, epoch)
        await log.raise_subscription_epoch(topic.uuid, cursor.subscription, epoch)
    with pytest.raises(StaleMetadata):
        await publish(log, topic._replace(epoch=3), "a")
    with pytest.raises(StaleMetadata):
        await log.pull(cursor._replace(epoch=3), 1)


async def test_a_dropped_topic_does_not_come_back(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await log.drop(topic.uuid)
    await log.raise_topic_epoch(topic.uuid, 9)
    with pytest.raises(StaleMetadata):
        await publish(log, topic._replace(epoch=9), "b")
    for late in (cursor, new_cursor(topic, epoch=9)):
        for use in (
            log.pull(late, 1),
            log.acknowledge(late, 0, deadline=10),
            log.seek(late, 0),
            log.offsets(late),
            log.purge_subscription(late),
        ):
            with pytest.raises(StaleMetadata):
                await use
    assert await log.trim(topic._replace(retention_microseconds=1)) == 0
    assert await opened.keys_of(topic.uuid) == remains(topic)


async def test_a_topic_can_be_dropped_before_anything_else(opened: OpenLog) -> None:
    topic = new_topic()
    await opened.log.drop(topic.uuid)
    with pytest.raises(StaleMetadata):
        await publish(opened.log, topic, "a")
    assert await opened.keys_of(topic.uuid) == {keys.topic(topic.uuid)}


async def test_a_dropped_subscription_does_not_come_back(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await log.drop_subscription(topic.uuid, cursor.subscription)
    await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 9)
    for late in (cursor, cursor._replace(epoch=9)):
        with pytest.raises(StaleMetadata):
            await log.acknowledge(late, 0, deadline=10)
        with pytest.raises(StaleMetadata):
            await log.pull(late, 1)
    other = new_cursor(topic)
    assert messages_of(await log.pull(other, 1)) == [message("a")]


async def test_a_drop_removes_all_that_is_known_of_the_subscriptions(opened: OpenLog) -> None:
    """Those, too, of which nothing is known but that their metadata has changed."""
    log, topic = opened.log, new_topic()
    used, changed = new_cursor(topic), new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(used, 1)
    await log.raise_subscription_epoch(topic.uuid, changed.subscription, 2)
    await log.drop(topic.uuid)
    assert await opened.keys_of(topic.uuid) == remains(topic)


async def test_a_change_of_a_subscription_leaves_nothing_behind_a_drop(opened: OpenLog) -> None:
    """Changes are told to Redis after their commit, so one may come after the topic's deletion."""
    topic = new_topic()
    await publish(opened.log, topic, "a")
    await opened.log.drop(topic.uuid)
    await opened.log.raise_subscription_epoch(topic.uuid, new_cursor(topic).subscription, 2)
    assert await opened.keys_of(topic.uuid) == remains(topic)


@pytest.mark.parametrize("gone", ["topic", "subscription"])
async def test_a_pull_that_waits_for_what_is_dropped_is_answered(
    opened: OpenLog, gone: str
) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    async with wake_ups(opened), asyncio.timeout(20):
        waiting = asyncio.create_task(
            log.pull(cursor, 1, until=asyncio.get_running_loop().time() + 60)
        )
        await eventually(lambda: opened.marked(topic.uuid))
        if gone == "topic":
            await log.drop(topic.uuid)
        else:
            await log.drop_subscription(topic.uuid, cursor.subscription)
        with pytest.raises(StaleMetadata):
            await waiting


async def test_a_change_made_by_one_node_holds_on_another_at_once(
    redis_server: RedisServer,
) -> None:
    topic = new_topic()
    async with open_log(redis_server.url) as one, open_log(redis_server.url) as another:
        await publish(one.log, topic, "a")
        await publish(another.log, topic, "b")
        await one.log.raise_topic_epoch(topic.uuid, 2)
        with pytest.raises(StaleMetadata):
            await publish(another.log, topic, "c")
