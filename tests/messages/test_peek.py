"""Looking at messages without a subscription."""

import random

import pytest

from ams.messages.entries import ENTRY_BYTES, ENTRY_MESSAGES
from ams.messages.log import MessageLog
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    open_log,
    publish,
)
from tests.servers import RedisServer

#: More bytes than any of these tests publishes.
MUCH = 100_000_000


@pytest.mark.parametrize(
    ("offset", "most", "found"),
    [
        (0, 2, [2, 3]),  # What is below the oldest kept is not there any more.
        (-(10**30), 1, [2]),
        (2, 1, [2]),
        (3, 10, [3, 4, 5, 6]),
        (6, 10, [6]),
        (7, 10, []),
        (10**30, 10, []),
        (2, 0, []),
        (2, -1, []),
        (2, 10**30, [2, 3, 4, 5, 6]),
    ],
)
async def test_a_peek_begins_at_an_offset(
    log: MessageLog, offset: int, most: int, found: list[int]
) -> None:
    topic = new_topic()
    await publish(log, topic, "a", "b")
    await publish(log, topic, "c", "d", "e")
    await publish(log, topic, "f", "g")
    await log.trim(topic._replace(retention_bytes=5 * len(message("a")) + 3))
    runs = await log.peek(topic.uuid, offset=offset, most=most, most_bytes=MUCH)
    assert offsets_of(runs) == found
    assert messages_of(runs) == [message("abcdefg"[each]) for each in found]


async def test_a_peek_tells_publish_times(log: MessageLog) -> None:
    topic = new_topic()
    times = [(await publish(log, topic, text)).time for text in "abc"]
    runs = await log.peek(topic.uuid, most=10, most_bytes=MUCH)
    assert [run.time for run in runs] == times


async def test_a_peek_begins_at_a_time(log: MessageLog) -> None:
    topic = new_topic()
    times = [(await publish(log, topic, *text)).time for text in ("ab", "cd", "e")]
    for time, found in (
        (0, [0, 1, 2, 3, 4]),
        (times[0] + 1, [2, 3, 4]),
        (times[1], [2, 3, 4]),
        (times[2], [4]),
        (times[2] + 1, []),
        (10**30, []),
    ):
        runs = await log.peek(topic.uuid, time=time, most=10, most_bytes=MUCH)
        assert offsets_of(runs) == found
    assert offsets_of(await log.peek(topic.uuid, time=times[1], most=1, most_bytes=MUCH)) == [2]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 100])
async def test_a_peek_shows_the_last_messages(log: MessageLog, most: int) -> None:
    topic = new_topic()
    await publish(log, topic, "a", "b", "c")
    await publish(log, topic, "d")
    runs = await log.peek(topic.uuid, last=True, most=most, most_bytes=MUCH)
    assert offsets_of(runs) == [*range(4)][4 - min(4, most) :]


@pytest.mark.parametrize("most_bytes", [1, 300, 20_000])
async def test_a_peek_returns_no_more_bytes_than_asked_for_but_one_message(
    log: MessageLog, most_bytes: int
) -> None:
    chance = random.Random(most_bytes)
    topic = new_topic()
    texts = ["x" * chance.randint(0, chance.choice([20, 200, 30_000])) for _ in range(100)]
    for start in range(0, 100, 7):
        await publish(log, topic, *texts[start : start + 7])
    for offset in range(100):
        runs = await log.peek(topic.uuid, offset=offset, most=100, most_bytes=most_bytes)
        assert offsets_of(runs) == [*range(offset, offset + len(messages_of(runs)))]
        found = messages_of(runs)
        assert len(found) == 1 or sum(map(len, found)) <= most_bytes
    for most in range(1, 100):
        runs = await log.peek(topic.uuid, last=True, most=most, most_bytes=most_bytes)
        found = messages_of(runs)
        assert offsets_of(runs)[-1] == 99
        assert len(found) == 1 or sum(map(len, found)) <= most_bytes


async def test_the_limits_of_a_pull_hold_for_a_peek(redis_server: RedisServer) -> None:
    async with open_log(redis_server.url, pull_max_messages=7, pull_max_bytes=3000) as opened:
        topic = new_topic()
        await publish(opened.log, topic, *map(str, range(2 * ENTRY_MESSAGES)))
        runs = await opened.log.peek(topic.uuid, most=10**9, most_bytes=10**9)
        assert offsets_of(runs) == [*range(7)]
        await publish(opened.log, topic, "x" * ENTRY_BYTES, "x" * ENTRY_BYTES)
        runs = await opened.log.peek(topic.uuid, last=True, most=10**9, most_bytes=10**9)
        assert offsets_of(runs) == [2 * ENTRY_MESSAGES + 1]


async def test_a_peek_moves_and_counts_nothing(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b")
    await log.pull(cursor, 1)
    before = (
        await log.topic_statistics([topic.uuid]),
        await log.subscription_statistics([cursor]),
        await opened.keys_of(topic.uuid),
    )
    for by in ({"offset": 0}, {"time": 0}, {"last": True}):
        assert await log.peek(topic.uuid, most=1, most_bytes=MUCH, **by)
    assert before == (
        await log.topic_statistics([topic.uuid]),
        await log.subscription_statistics([cursor]),
        await opened.keys_of(topic.uuid),
    )


async def test_there_is_nothing_to_see_where_nothing_is(opened: OpenLog) -> None:
    topic = new_topic()
    for by in ({"offset": 0}, {"time": 0}, {"last": True}):
        assert await opened.log.peek(topic.uuid, most=10, most_bytes=MUCH, **by) == []
    assert await opened.keys_of(topic.uuid) == set()
