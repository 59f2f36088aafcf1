"""Publishes that wait together are stored together, and are still each whole and in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ams.messages.entries import Message
from ams.messages.errors import StaleMetadata
from ams.messages.group_commit import MOST_BYTES, MOST_MESSAGES, TopicLog
from ams.messages.log import MessageLog
from tests.messages.logs import message, new_topic, open_log, publish, pull_all
from tests.servers import RedisCluster, RedisServer


@pytest_asyncio.fixture
async def two_logs(
    any_redis: RedisServer | RedisCluster,
) -> AsyncIterator[tuple[MessageLog, MessageLog]]:
    """Two logs on each kind of Redis, as two workers have them."""
    async with open_log(any_redis.url) as first, open_log(any_redis.url) as second:
        yield first.log, second.log


async def test_publishers_at_the_same_time_share_no_offset_and_leave_no_gap(
    two_logs: tuple[MessageLog, MessageLog],
) -> None:
    """Each publish is contiguous, and each publisher's messages stay in their order."""
    topics = [new_topic() for _ in range(3)]
    stored: dict[TopicLog, dict[int, bytes]] = {topic: {} for topic in topics}

    async def publisher(name: int) -> None:
        log, topic = two_logs[name % 2], topics[name % 3]
        last = -1
        for turn in range(30):
            texts = [f"{name} {turn} {n}" for n in range((name + turn) % 5)]
            offset = (await publish(log, topic, *texts)).offset
            assert offset > last or not texts
            for at, text in enumerate(texts, offset):
                assert at not in stored[topic]
                stored[topic][at] = message(text)
                last = at

    await asyncio.gather(*map(publisher, range(32)))
    for topic in topics:
        expected = stored[topic]
        assert sorted(expected) == list(range(len(expected)))
        assert await pull_all(two_logs[0], topic) == [expected[at] for at in sorted(expected)]


async def test_a_publish_beyond_the_bounds_of_a_call_stays_whole(log: MessageLog) -> None:
    """Too many messages, too many bytes; each amid publishes to the same topic and another."""
    topic, other = new_topic(), new_topic()
    many = [f"many {n}" for n in range(MOST_MESSAGES + 1)]
    large = [f"large {n} " + "x" * (MOST_BYTES // 8) for n in range(9)]
    batches = [["a"], many, ["b", "c"], large, [], ["d"]]
    appended = await asyncio.gather(
        *(publish(log, topic, *batch) for batch in batches),
        *(publish(log, other, "e") for _ in range(3)),
    )
    expected: list[bytes] = []
    for at, batch in sorted(zip(appended, batches, strict=False), key=lambda each: each[0].offset):
        assert at.offset == len(expected)
        expected += [message(text) for text in batch]
    assert await pull_all(log, topic) == expected
    assert sorted(at.offset for at in appended[len(batches) :]) == [0, 1, 2]


async def test_ten_thousand_messages_can_be_published_at_once(log: MessageLog) -> None:
    topic = new_topic()
    texts = [str(n) for n in range(10_000)]
    assert (await publish(log, topic, *texts)).offset == 0
    assert await log.end(topic.uuid) == len(texts)
    assert await pull_all(log, topic) == [message(text) for text in texts]


async def test_more_publishes_than_one_pipeline_holds_are_all_stored(log: MessageLog) -> None:
    topic = new_topic()
    texts = [f"{n} " + "x" * 50_000 for n in range(100)]
    appended = await asyncio.gather(*(publish(log, topic, text) for text in texts))
    assert sorted(at.offset for at in appended) == list(range(len(texts)))


async def test_a_publisher_that_has_gone_away_stores_nothing_and_hurts_nobody(
    log: MessageLog,
) -> None:
    topic = new_topic()
    before, gone, after = (
        asyncio.create_task(publish(log, topic, text)) for text in ("before", "gone", "after")
    )
    await asyncio.sleep(0)  # All three wait now; a turn of the loop later they leave together.
    gone.cancel()
    offsets = [(await task).offset for task in (before, after)]
    assert sorted(offsets) == [0, 1]
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await pull_all(log, topic) == [message("before"), message("after")]


async def test_a_publisher_that_goes_away_while_it_is_stored_hurts_nobody(
    log: MessageLog,
) -> None:
    """Whether its messages are stored or not: the offsets of all others are right."""
    topic = new_topic()

    async def publisher(name: int) -> None:
        for turn in range(10):
            text = f"{name} {turn}"
            offset = (await publish(log, topic, text, text)).offset
            kept.append((offset, text))

    kept: list[tuple[int, str]] = []
    staying = [asyncio.create_task(publisher(name)) for name in range(8)]
    going = [asyncio.create_task(publisher(name)) for name in range(8, 16)]
    for turn, task in enumerate(going):
        for _ in range(5 * turn):
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*staying)
    await asyncio.gather(*going, return_exceptions=True)
    stored = await pull_all(log, topic)
    for offset, text in kept:
        assert stored[offset : offset + 2] == [message(text)] * 2


async def test_a_publish_by_an_old_epoch_fails_alone(log: MessageLog) -> None:
    """Also beside publishes to the same topic, in the same call."""
    topic, other = new_topic(epoch=2), new_topic()
    await log.raise_topic_epoch(topic.uuid, 2)
    outcomes = await asyncio.gather(
        publish(log, topic, "a"),
        publish(log, topic._replace(epoch=1), "b"),
        publish(log, other, "c"),
        publish(log, topic._replace(epoch=1), "d"),
        publish(log, topic, "e"),
        return_exceptions=True,
    )
    assert [type(outcome) is StaleMetadata for outcome in outcomes] == [
        *(False, True, False, True, False),
    ]
    assert await pull_all(log, topic) == [message("a"), message("e")]
    assert await pull_all(log, other) == [message("c")]


async def test_a_publish_of_any_characters_comes_back_as_it_was(log: MessageLog) -> None:
    """Entries are lines: what looks like the end of one must not be taken for it."""
    topic = new_topic()
    texts = ["\n", "\r\n", "\\n", '"', "\u2028\u0085", "\x00", "ā", "🚀", "", "a\nb" * 5000]
    await asyncio.gather(
        *(log.append(topic, [Message(text), Message("", {text: text})]) for text in texts)
    )
    stored = await pull_all(log, topic)
    assert sorted(stored[::2]) == sorted(map(message, texts))
