"""A Redis that is full: nothing new is stored, nothing stored is lost, everything else goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import pytest
import pytest_asyncio

from ams.messages import keys
from ams.messages.group_commit import MOST_BYTES, TopicLog
from ams.messages.history import ROUNDS, Window
from ams.messages.log import MessageLog, Offsets
from ams.messages.retention import LEASE, Sweeper
from ams.service.errors import Unavailable
from ams.service.redis import FULL
from tests.eventually import eventually
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    open_log,
    publish,
    pull_all,
)
from tests.servers import RedisServer

ALONE = [
    pytest.param("redis_server", id="redis-7"),
    pytest.param("embedded_redis", id="redis-6.2"),
]


@pytest.fixture(params=ALONE)
def server(request: pytest.FixtureRequest) -> RedisServer:
    server: RedisServer = request.getfixturevalue(request.param)
    return server


@pytest_asyncio.fixture
async def opened(server: RedisServer) -> AsyncIterator[OpenLog]:
    async with open_log(server.url) as opened:
        yield opened


@pytest.fixture
def log(opened: OpenLog) -> MessageLog:
    return opened.log


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    """Redis may use less memory than it does."""
    with server.client() as client:
        client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            client.config_set("maxmemory", 0)


async def test_a_full_redis_stores_nothing_of_a_publish(
    server: RedisServer, opened: OpenLog
) -> None:
    log, old, new = opened.log, new_topic(), new_topic()
    await publish(log, old, "a")
    publishes = [
        (old, ["b"]),
        (new, ["b"]),
        (old, [f"{n}" for n in range(2000)]),
        (new, ["x" * MOST_BYTES, "x" * MOST_BYTES]),
        (new, []),
    ]
    with full(server):
        for _ in range(2):
            for topic, texts in publishes:
                with pytest.raises(Unavailable, match=FULL):
                    await publish(log, topic, *texts)
            outcomes = await asyncio.gather(
                *(publish(log, topic, *texts) for topic, texts in publishes), return_exceptions=True
            )
            assert [str(outcome) for outcome in outcomes] == [FULL] * len(publishes)
        assert await log.end(old.uuid) == 1
        assert await opened.keys_of(new.uuid) == set()
    assert await pull_all(log, old) == [message("a")]
    assert (await publish(log, new, "b")).offset == 0


async def test_a_full_redis_gives_back_what_it_has(server: RedisServer, log: MessageLog) -> None:
    """To subscriptions that it knows, and to new ones."""
    topic = new_topic()
    known, new = new_cursor(topic), new_cursor(topic, start=1)
    await publish(log, topic, "a", "b", "c")
    await log.pull(known, 1)
    with full(server):
        for cursor, first in ((known, 0), (new, 1)):
            assert offsets_of(await log.pull(cursor, 1)) == [first]
            await log.acknowledge(cursor, first, deadline=60)
            assert await log.offsets(cursor) == Offsets(first + 1, 0, 3)
            assert offsets_of(await log.pull(cursor, 1)) == [first + 1]
            await log.seek(cursor, 0)
            assert await log.offset_at_time(topic.uuid, 0) == 0
        assert messages_of(await log.pull(known, 10)) == [message(text) for text in "abc"]


async def test_a_full_redis_tells_what_it_has(server: RedisServer, opened: OpenLog) -> None:
    """And makes nothing for that; what is to be shown of it goes on to be recorded."""
    log, topic = opened.log, new_topic()
    known, new = new_cursor(topic), new_cursor(topic)
    await publish(log, topic, "a", "b", "c")
    await log.pull(known, 2)
    with full(server):
        (statistics,) = await log.topic_statistics([topic.uuid])
        assert statistics.stored_messages == 3
        backlogs = [each.backlog for each in await log.subscription_statistics([known, new])]
        assert backlogs == [3, 3]
        assert [*(await log.daily_counts([topic.uuid]))[topic.uuid].values()] == [3]
        assert offsets_of(await log.peek(topic.uuid, last=True, most=2, most_bytes=100)) == [1, 2]
        await opened.client.delete(ROUNDS)
        round_, _ = await log.begin_round()
        assert round_
        await log.sample(round_, [(topic.uuid, [known, new])])
        await log.end_round(round_)
        points = await log.topic_history(topic.uuid, Window.HOUR)
        assert points[-1].stored == 3


async def test_purging_makes_room_in_a_full_redis(server: RedisServer, opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    await publish(log, topic, "a", "b")
    with full(server):
        assert await log.purge_subscription(new_cursor(topic)) == 2
        assert await log.purge_topic(topic) == 2


async def test_a_full_redis_keeps_what_a_dropped_topic_had_a_day(
    server: RedisServer, opened: OpenLog
) -> None:
    log, topic = opened.log, new_topic()
    await publish(log, topic, "a", "b")
    with full(server):
        await log.drop(topic.uuid)
        assert [*(await log.daily_counts([topic.uuid]))[topic.uuid].values()] == [2]
        await log.drop_days(topic.uuid)
    assert await opened.keys_of(topic.uuid) == {keys.topic(topic.uuid)}


async def test_changes_and_deletions_reach_a_full_redis(
    server: RedisServer, opened: OpenLog
) -> None:
    log, topic, unused = opened.log, new_topic(), new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    with full(server):
        for each in (topic, unused):
            await log.raise_topic_epoch(each.uuid, 2)
            await log.raise_subscription_epoch(each.uuid, cursor.subscription, 2)
            assert (await opened.hash(keys.topic(each.uuid)))["epoch"] == 2
            await log.drop_subscription(each.uuid, cursor.subscription)
            await log.drop(each.uuid)
            assert keys.log(each.uuid) not in await opened.keys_of(each.uuid)


async def test_trimming_makes_room_in_a_full_redis(server: RedisServer, opened: OpenLog) -> None:
    log, topic, other = opened.log, new_topic(), new_topic()
    for _ in range(20):
        await publish(log, topic, *(["x" * 10_000] * 50))
    with server.client() as client:
        try:
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory", used - 1_000_000)
            with pytest.raises(Unavailable, match=FULL):
                await publish(log, other, "a")
            assert await log.trim(topic._replace(retention_bytes=1_000_000)) > 800
            assert (await publish(log, other, "a")).offset == 0
            await log.drop(topic.uuid)
            assert (await publish(log, other, "b")).offset == 1
        finally:
            client.config_set("maxmemory", 0)


async def test_a_full_redis_is_swept(server: RedisServer, opened: OpenLog) -> None:
    """It is by sweeping that a full Redis gets room again."""
    topic = new_topic(size=1)
    await publish(opened.log, topic._replace(retention_bytes=0), "a")
    await opened.client.delete(LEASE)

    async def topics() -> AsyncIterator[Sequence[TopicLog]]:
        yield [topic]

    async def is_empty() -> bool:
        return await opened.log.offsets(new_cursor(topic)) == Offsets(1, 1, 1)

    with full(server):
        sweeper = Sweeper(opened.log, topics)
        sweeper.start()
        await eventually(is_empty)
        await sweeper.stop()
    await opened.client.delete(LEASE)


async def test_a_pull_can_wait_at_a_full_redis(server: RedisServer, opened: OpenLog) -> None:
    topic = new_topic()
    with full(server):
        until = asyncio.get_running_loop().time() + 0.1
        assert await opened.log.pull(new_cursor(topic), 1, until=until) == []
        assert await opened.marked(topic.uuid)
