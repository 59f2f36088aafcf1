"""What is counted while publishing and pulling (contract: ams-core 10, ams-users-metrics 8.1)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from ams.messages import keys
from ams.messages.entries import Message
from ams.messages.log import MessageLog
from ams.messages.statistics import TopicStatistics
from ams.service.errors import AckTimeout, InternalError
from tests.messages.logs import (
    OpenLog,
    messages_of,
    new_cursor,
    new_topic,
    open_log,
    publish,
)
from tests.servers import RedisCluster, RedisServer

SECOND = 1_000_000


@pytest_asyncio.fixture
async def nodes(any_redis: RedisServer | RedisCluster) -> AsyncIterator[tuple[OpenLog, OpenLog]]:
    """Two workers' logs on each kind of Redis."""
    async with AsyncExitStack() as stack:
        one, another = [await stack.enter_async_context(open_log(any_redis.url)) for _ in range(2)]
        yield one, another


async def of_topic(log: MessageLog, topic: str) -> TopicStatistics:
    (found,) = await log.topic_statistics([topic])
    return found


async def test_a_publish_counts_its_messages_and_the_bytes_of_their_data(log: MessageLog) -> None:
    """As they were sent; attributes are not counted (contract: ams-users-metrics 14 #35)."""
    topic = new_topic()
    appended = await log.append(topic, [Message("YWJj"), Message("ä€=", {"name": "value"})])
    counted = await of_topic(log, topic.uuid)
    assert (counted.messages, counted.bytes) == (2, 4 + 6)
    assert counted.last_publish == appended.time
    # It is the first: as if a second had passed.
    assert counted.rate == 2


async def test_the_rate_is_that_since_the_publish_before(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    before = (await publish(log, topic, "a")).time
    now = (await publish(log, topic, "b", "c", "d")).time
    assert (await of_topic(log, topic.uuid)).rate == pytest.approx(3 / ((now - before) / SECOND))
    await opened.set_field(keys.topic(topic.uuid), "last_publish", now - 20 * SECOND)
    await publish(log, topic, "e", "f")
    assert (await of_topic(log, topic.uuid)).rate == pytest.approx(0.1, rel=0.1)


async def test_a_rate_is_a_number_though_no_time_has_passed(opened: OpenLog) -> None:
    """Contract: ams-users-metrics 14 #37. The clock of Redis was set back."""
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    ahead = (await publish(log, topic, "a")).time + 60 * SECOND
    await log.pull(cursor, 1)
    await opened.set_field(keys.topic(topic.uuid), "last_publish", ahead)
    await opened.set_field(cursor.keys()[1], "last_consume", ahead)
    await publish(log, topic, "b", "c")
    await log.pull(cursor, 3)
    assert (await of_topic(log, topic.uuid)).rate == 2
    assert (await log.subscription_statistics([cursor]))[0].rate == 3


async def test_an_empty_publish_moves_the_last_one_and_makes_the_rate_0(log: MessageLog) -> None:
    topic = new_topic()
    await publish(log, topic, "a")
    appended = await publish(log, topic)
    counted = await of_topic(log, topic.uuid)
    assert (counted.messages, counted.bytes, counted.rate) == (1, 1, 0)
    assert counted.last_publish == appended.time


async def test_every_publish_of_every_worker_is_counted_once(
    nodes: tuple[OpenLog, OpenLog],
) -> None:
    topic = new_topic()
    sizes = range(60)

    async def publish_some(number: int) -> int:
        texts = ["x" * number] * (number % 4)
        return (await publish(nodes[number % 2].log, topic, *texts)).time

    times = await asyncio.gather(*map(publish_some, sizes))
    counted = await of_topic(nodes[0].log, topic.uuid)
    assert counted.messages == sum(number % 4 for number in sizes)
    assert counted.bytes == sum(number % 4 * number for number in sizes)
    assert counted.last_publish == max(times)
    (days,) = (await nodes[1].log.daily_counts([topic.uuid])).values()
    assert sum(days.values()) == counted.messages


async def test_every_pull_of_every_worker_is_counted_once(
    nodes: tuple[OpenLog, OpenLog],
) -> None:
    """What is pulled again is counted again."""
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(nodes[0].log, topic, *["abc"] * 10)

    async def pull(number: int) -> int:
        return len(messages_of(await nodes[number % 2].log.pull(cursor, number % 13)))

    pulled = sum(await asyncio.gather(*map(pull, range(60))))
    (counted,) = await nodes[0].log.subscription_statistics([cursor])
    assert pulled == sum(min(10, number % 13) for number in range(60))
    assert (counted.messages, counted.bytes) == (pulled, 3 * pulled)


async def test_the_rate_of_consumption_is_that_since_the_pull_before(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)

    await publish(log, topic, "a", "b", "c")
    await log.pull(cursor, 3)
    (first,) = await log.subscription_statistics([cursor])
    assert first.rate == 3
    await log.pull(cursor, 2)
    (second,) = await log.subscription_statistics([cursor])
    assert first.last_consume
    assert second.last_consume
    passed = second.last_consume - first.last_consume
    assert second.rate == pytest.approx(2 / (passed / SECOND))


async def test_an_empty_pull_moves_the_last_one_and_makes_the_rate_0(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    (before,) = await log.subscription_statistics([cursor])
    await log.acknowledge(cursor, 0, deadline=60)
    await log.pull(cursor, 1)
    (after,) = await log.subscription_statistics([cursor])
    assert before.last_consume
    assert after.last_consume
    assert after.last_consume > before.last_consume
    assert (after.messages, after.bytes, after.rate) == (1, 1, 0)


async def test_a_pull_that_waited_in_vain_is_one_empty_pull(opened: OpenLog) -> None:
    """It is counted when it is answered, not when it begins to wait."""
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await log.acknowledge(cursor, 0, deadline=60)
    (before,) = await log.subscription_statistics([cursor])
    pull = asyncio.create_task(log.pull(cursor, 1, until=asyncio.get_running_loop().time() + 1.0))
    while not await opened.marked(topic.uuid):
        assert not pull.done()
    assert await log.subscription_statistics([cursor]) == [before]
    assert await pull == []
    (after,) = await log.subscription_statistics([cursor])
    assert before.last_consume
    assert after.last_consume
    assert after.last_consume - before.last_consume >= 1.0 * SECOND
    assert (after.messages, after.rate) == (1, 0)


async def test_acknowledging_and_moving_count_nothing(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b")
    await log.pull(cursor, 1)
    (before,) = await log.subscription_statistics([cursor])
    await log.acknowledge(cursor, 0, deadline=60)
    await log.seek(cursor, 0)
    await log.offsets(cursor)
    await log.purge_subscription(cursor)
    (after,) = await log.subscription_statistics([cursor])
    for field in ("messages", "bytes", "rate", "last_consume"):
        assert getattr(after, field) == getattr(before, field)


async def test_only_what_was_acknowledged_tells_the_last_acknowledgement(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)

    async def last() -> int | None:
        return (await log.subscription_statistics([cursor]))[0].last_acknowledgement

    time = (await publish(log, topic, "a", "b", "c")).time
    with pytest.raises(InternalError):
        await log.acknowledge(cursor, 0, deadline=60)
    await log.pull(cursor, 3)
    with pytest.raises(InternalError):
        await log.acknowledge(cursor, 7, deadline=60)
    assert await last() is None
    await log.acknowledge(cursor, 0, deadline=60)
    assert (acknowledged := await last())
    assert time < acknowledged < time + 60 * SECOND
    await log.pull(cursor, 1)
    await opened.set_field(cursor.keys()[1], "pending_ack", 1)
    with pytest.raises(AckTimeout):
        await log.acknowledge(cursor, 1, deadline=60)
    assert await last() == acknowledged


async def test_messages_are_counted_by_day(opened: OpenLog) -> None:
    """A day in UTC; one without a publish is not there, one of empty publishes has 0."""
    log, topic = opened.log, new_topic()
    assert await log.daily_counts([topic.uuid]) == {topic.uuid: {}}
    await publish(log, topic, "a", "b")
    await opened.age(topic, 3)
    await publish(log, topic)
    await opened.age(topic, 2)
    await publish(log, topic, "c")
    await opened.age(topic, 1)
    time = (await publish(log, topic, "d", "e", "f", "g")).time
    await publish(log, topic, "h")
    today = datetime.fromtimestamp(time / SECOND, UTC).date()
    # What lies in the past was counted where it was then: three and five days ago, not six.
    assert list((await log.daily_counts([topic.uuid]))[topic.uuid].items()) == [
        (today - timedelta(days=3), 2),
        (today - timedelta(days=2), 0),
        (today - timedelta(days=1), 1),
        (today, 5),
    ]


async def test_a_topic_with_a_past_is_a_small_hash(opened: OpenLog) -> None:
    """A large one takes Redis several times the memory, and longer to find something in it."""
    log, topic = opened.log, new_topic()
    for days in range(30, 0, -1):
        await publish(log, topic, "a")
        await opened.age(topic, days)
    await publish(log, topic, "a")
    assert len((await log.daily_counts([topic.uuid]))[topic.uuid]) == 31
    encoding = await opened.client.object("ENCODING", keys.topic(topic.uuid))
    assert encoding in (b"listpack", b"ziplist")


async def test_days_outlive_the_topic(opened: OpenLog) -> None:
    """Contract: ams-users-metrics 14 #36."""
    log, topic = opened.log, new_topic()
    await publish(log, topic, "a", "b")
    await opened.age(topic, 1)
    await publish(log, topic, "c")
    counts = await log.daily_counts([topic.uuid])
    assert list(counts[topic.uuid].values()) == [2, 1]
    for _ in range(2):
        await log.drop(topic.uuid)
        assert await log.daily_counts([topic.uuid]) == counts
    await opened.client.delete(keys.topic(topic.uuid))  # The tombstone is gone, too.
    await log.drop(topic.uuid)
    assert await log.daily_counts([topic.uuid]) == counts


async def test_days_of_a_project_that_is_gone_are_removed_for_good(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    await publish(log, topic, "a")
    for _ in range(2):
        await log.drop(topic.uuid)
        await log.drop_days(topic.uuid)
        assert await log.daily_counts([topic.uuid]) == {topic.uuid: {}}
        assert await opened.keys_of(topic.uuid) == {keys.topic(topic.uuid)}


async def test_days_of_many_topics_are_read_at_once(log: MessageLog) -> None:
    topics = [new_topic() for _ in range(300)]
    await asyncio.gather(*(publish(log, topic, *"abc"[: n % 4]) for n, topic in enumerate(topics)))
    await asyncio.gather(*(log.drop(topic.uuid) for topic in topics[::2]))
    counts = await log.daily_counts([topic.uuid for topic in topics])
    assert [sum(counts[topic.uuid].values()) for topic in topics] == [n % 4 for n in range(300)]


async def test_the_newest_days_can_be_asked_for(opened: OpenLog) -> None:
    log, topic, new = opened.log, new_topic(), new_topic()
    time = (await publish(log, topic, "a")).time
    today = datetime.fromtimestamp(time / SECOND, UTC).date()
    days = {today - timedelta(days=n): n for n in range(3, 15)}
    since_1970 = {str((day - date(1970, 1, 1)).days): n for day, n in days.items()}
    for field, messages in since_1970.items():
        await opened.set_field(keys.topic(topic.uuid), field, messages)
    whole = [*reversed(days.items()), (today, 1)]
    for newest, expected in ((1, whole[-1:]), (5, whole[-5:]), (13, whole), (14, whole)):
        counts = await log.daily_counts([new.uuid, topic.uuid], newest)
        assert [*counts[topic.uuid].items()] == expected
        assert counts[new.uuid] == {}
    await log.drop(topic.uuid)
    assert [*(await log.daily_counts([topic.uuid], 5))[topic.uuid].items()] == whole[-5:]


async def test_what_was_published_in_some_days_is_added_up(opened: OpenLog) -> None:
    """Both ends are in it; an empty publish is one, and a deleted topic has its days."""
    log, topic, new = opened.log, new_topic(), new_topic()
    await publish(log, topic, "a", "b")
    await opened.age(topic, 3)
    await publish(log, topic)
    await opened.age(topic, 2)
    await publish(log, topic, "c")
    today = datetime.fromtimestamp((await publish(log, topic, "d")).time / SECOND, UTC).date()

    async def between(first: int, last: int) -> int | None:
        begin, end = today - timedelta(days=first), today - timedelta(days=last)
        nothing, found = await log.published_between([new.uuid, topic.uuid], begin, end)
        assert nothing is None
        return found

    for _ in range(2):
        assert [await between(n, n) for n in range(5)] == [2, None, 0, 2, None]
        assert [await between(3, n) for n in range(4)] == [4, 2, 2, 2]
        assert await between(0, 3) is None
        assert await log.published_between([topic.uuid], date.min, date.max) == [4]
        await log.drop(topic.uuid)
