"""Pulls that wait for a message: woken by what gives them one, and answered when they must be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from ams.messages.figures import WAITING
from ams.messages.log import Cursor, MessageLog, Offsets, Run
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
from tests.servers import RedisCluster, RedisServer

#: How long the pulls of these tests would wait, in seconds: a test that needs it has failed.
LONG = 60.0


@pytest_asyncio.fixture
async def nodes(any_redis: RedisServer | RedisCluster) -> AsyncIterator[tuple[OpenLog, OpenLog]]:
    """Two workers' logs on each kind of Redis; wake-ups reach both."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_log(any_redis.url)) for _ in range(2)]
        for each in opened:
            await stack.enter_async_context(wake_ups(each))
        yield opened[0], opened[1]


def waiting_pulls() -> float:
    return WAITING.value


def begin_to_wait(
    log: MessageLog, cursor: Cursor, seconds: float = LONG
) -> "asyncio.Task[list[Run]]":
    until = asyncio.get_running_loop().time() + seconds
    return asyncio.create_task(log.pull(cursor, 10, until=until))


async def test_an_append_wakes_the_pulls_that_wait_on_every_node(
    nodes: tuple[OpenLog, OpenLog],
) -> None:
    topic = new_topic()
    pulls = [begin_to_wait(node.log, new_cursor(topic)) for node in nodes for _ in range(5)]
    await eventually(lambda: nodes[0].marked(topic.uuid))
    await eventually(lambda: waiting_pulls() == len(pulls))
    async with asyncio.timeout(LONG / 2):
        await publish(nodes[1].log, topic, "a")
        for runs in await asyncio.gather(*pulls):
            assert messages_of(runs) == [message("a")]
    assert waiting_pulls() == 0
    assert not await nodes[0].marked(topic.uuid)


async def test_a_seek_back_wakes_a_pull_that_waits(nodes: tuple[OpenLog, OpenLog]) -> None:
    one, another = nodes
    topic = new_topic()
    cursor = new_cursor(topic, start=2)
    await publish(one.log, topic, "a", "b")
    pull = begin_to_wait(one.log, cursor)
    await eventually(lambda: one.marked(topic.uuid))
    async with asyncio.timeout(LONG / 2):
        await another.log.seek(cursor, 1)
        assert messages_of(await pull) == [message("b")]


async def test_an_append_to_another_topic_wakes_nobody(nodes: tuple[OpenLog, OpenLog]) -> None:
    topic, other = new_topic(), new_topic()
    pull, other_pull = (begin_to_wait(nodes[0].log, new_cursor(each)) for each in (topic, other))
    await eventually(lambda: nodes[0].marked(topic.uuid))
    await eventually(lambda: nodes[0].marked(other.uuid))
    async with asyncio.timeout(LONG / 2):
        await publish(nodes[0].log, other, "a")
        assert messages_of(await other_pull) == [message("a")]
        assert not pull.done()
        await publish(nodes[0].log, topic, "b")
        assert messages_of(await pull) == [message("b")]


async def test_an_empty_publish_wakes_nobody(nodes: tuple[OpenLog, OpenLog]) -> None:
    topic = new_topic()
    pull = begin_to_wait(nodes[0].log, new_cursor(topic))
    await eventually(lambda: nodes[0].marked(topic.uuid))
    await publish(nodes[0].log, topic)
    assert await nodes[0].marked(topic.uuid)
    await publish(nodes[0].log, topic, "a")
    async with asyncio.timeout(LONG / 2):
        assert messages_of(await pull) == [message("a")]


async def test_no_message_is_missed_by_a_pull_that_begins_while_it_is_published(
    nodes: tuple[OpenLog, OpenLog],
) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    async with asyncio.timeout(LONG / 2):
        for turn in range(50):
            pull = begin_to_wait(nodes[0].log, cursor)
            for _ in range(turn):
                await asyncio.sleep(0)
            await publish(nodes[1].log, topic, str(turn))
            assert messages_of(await pull) == [message(str(turn))]
            await nodes[0].log.acknowledge(cursor, turn, deadline=60)


async def test_a_pull_that_finds_nothing_is_answered_when_its_time_is_up(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    begun = asyncio.get_running_loop().time()
    assert await log.pull(cursor, 10, until=begun + 0.3) == []
    assert 0.29 <= asyncio.get_running_loop().time() - begun < 5
    assert waiting_pulls() == 0
    # It is a pull like any other: of nothing, at 0.
    assert await log.offsets(cursor) == Offsets(0, 0, 0)


async def test_a_pull_that_may_wait_does_not_if_there_is_a_message(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, "a")
    async with asyncio.timeout(LONG / 2):
        assert messages_of(await begin_to_wait(log, new_cursor(topic))) == [message("a")]


async def test_whoever_stops_waiting_gives_its_place_back(opened: OpenLog) -> None:
    topic = new_topic()
    pulls = [begin_to_wait(opened.log, new_cursor(topic)) for _ in range(3)]
    await eventually(lambda: opened.marked(topic.uuid))
    assert waiting_pulls() == 3
    for left in (2, 1, 0):
        pulls[left].cancel()
        await asyncio.wait([pulls[left]])
        assert waiting_pulls() == left
    # What it asked for hurts nobody.
    await publish(opened.log, topic, "a")


async def test_closing_answers_all_who_wait_at_once(log: MessageLog) -> None:
    topic = new_topic()
    pulls = [begin_to_wait(log, new_cursor(topic)) for _ in range(3)]
    await eventually(lambda: waiting_pulls() == 3)
    log.waiting.close()
    async with asyncio.timeout(5):
        assert await asyncio.gather(*pulls) == [[], [], []]
        assert await begin_to_wait(log, new_cursor(topic)) == []
    assert waiting_pulls() == 0


async def test_a_wake_up_that_was_lost_is_made_good_when_the_channel_is_back(
    redis_server: RedisServer,
) -> None:
    """Its connection is cut: what is published until it is back reaches nobody."""
    async with open_log(redis_server.url) as opened, wake_ups(opened) as channel:
        topic = new_topic()
        pull = begin_to_wait(opened.log, new_cursor(topic))
        await eventually(lambda: opened.marked(topic.uuid))
        with redis_server.client() as client:
            client.client_kill_filter(_type="pubsub")
            await eventually(lambda: not channel.connected)
            await publish(opened.log, topic, "a")
        async with asyncio.timeout(LONG / 2):
            assert messages_of(await pull) == [message("a")]
