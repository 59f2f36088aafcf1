"""One pull returns so many messages and bytes at most, and one message at least if there is any."""

import asyncio
import random

import pytest

from ams.messages.entries import ENTRY_BYTES, ENTRY_MESSAGES
from ams.messages.lane import MOST_CALLS
from ams.messages.log import MessageLog
from tests.messages.conftest import SERVERS
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


async def test_a_pull_returns_no_more_messages_than_asked_for(log: MessageLog) -> None:
    """Whether they stand in one entry of the stream or in several."""
    topic = new_topic()
    cursor = new_cursor(topic)
    texts = [f"{n}" for n in range(3 * ENTRY_MESSAGES)]
    await publish(log, topic, *texts)
    for most in (1, 2, ENTRY_MESSAGES - 1, ENTRY_MESSAGES, ENTRY_MESSAGES + 1, len(texts)):
        for start in (0, 1, ENTRY_MESSAGES - 1, ENTRY_MESSAGES, len(texts) - 1):
            await log.seek(cursor, start)
            runs = await log.pull(cursor, most)
            assert offsets_of(runs) == list(range(start, min(start + most, len(texts))))
            assert messages_of(runs) == [message(text) for text in texts[start : start + most]]


@pytest.mark.parametrize("server", SERVERS)
async def test_the_settings_limit_what_one_can_ask_for(
    server: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server).url
    async with open_log(url, pull_max_messages=7) as opened:
        topic = new_topic()
        await publish(opened.log, topic, *map(str, range(20)))
        assert offsets_of(await opened.log.pull(new_cursor(topic), 10**30)) == list(range(7))


async def test_a_first_message_is_returned_however_large_it_is(redis_server: RedisServer) -> None:
    async with open_log(redis_server.url, pull_max_bytes=10) as opened:
        topic = new_topic()
        cursor = new_cursor(topic)
        large = "x" * (2 * ENTRY_BYTES)
        await publish(opened.log, topic, large, large, "small")
        for position, text in enumerate([large, large, "small"]):
            assert messages_of(await opened.log.pull(cursor, 10)) == [message(text)]
            await opened.log.acknowledge(cursor, position, deadline=60)


async def test_what_was_acknowledged_does_not_count_against_the_limit(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url, pull_max_bytes=5000) as opened:
        topic = new_topic()
        cursor = new_cursor(topic, start=1)
        await publish(opened.log, topic, "x" * 100_000)
        await publish(opened.log, topic, "a", "b", "c")
        assert offsets_of(await opened.log.pull(cursor, 10)) == [1, 2, 3]


@pytest.mark.parametrize("limit", [1, 300, 20_000])
async def test_a_batch_never_exceeds_the_limit_of_bytes_and_always_goes_on(
    redis_server: RedisServer, limit: int
) -> None:
    chance = random.Random(limit)
    async with open_log(redis_server.url, pull_max_bytes=limit) as opened:
        for _ in range(8):
            await _reads_everything(opened, limit, _publishes(chance))


async def test_pulls_at_the_same_moment_share_what_one_alone_may_have(
    redis_server: RedisServer,
) -> None:
    """Redis holds the replies of a round trip in memory, and serves nobody else meanwhile."""
    limit, pulls = 200_000, MOST_CALLS
    async with open_log(redis_server.url, pull_max_bytes=limit) as opened:
        topic = new_topic()
        await publish(opened.log, topic, *["x" * 1000] * 400)
        replies = await asyncio.gather(
            *(opened.log.pull(new_cursor(topic), 1000) for _ in range(pulls))
        )
        batches = [messages_of(runs) for runs in replies]
        assert min(map(len, batches)) >= 1
        assert sum(len(each) for batch in batches for each in batch) <= limit
        alone = messages_of(await opened.log.pull(new_cursor(topic), 1000))
        assert limit / 2 < sum(map(len, alone)) <= limit


def _publishes(chance: random.Random) -> list[list[str]]:
    """Some publishes of messages of very different sizes."""
    longest = (0, 20, 200, 3000, 30_000)
    return [
        ["x" * chance.randint(0, chance.choice(longest)) for _ in range(chance.randint(0, 70))]
        for _ in range(chance.randint(1, 4))
    ]


async def _reads_everything(opened: OpenLog, limit: int, publishes: list[list[str]]) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    for texts in publishes:
        await publish(log, topic, *texts)
    published = [message(text) for texts in publishes for text in texts]
    found: list[bytes] = []
    while runs := await log.pull(cursor, 1000):
        batch = messages_of(runs)
        assert len(batch) == 1 or sum(map(len, batch)) <= limit
        found += batch
        await log.acknowledge(cursor, len(found) - 1, deadline=60)
    assert found == published
