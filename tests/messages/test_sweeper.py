"""Topics to which nobody publishes lose what is past its retention, too; one worker sees to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from ams.messages import retention
from ams.messages.group_commit import TopicLog
from ams.messages.log import Offsets
from ams.messages.retention import LEASE, Sweeper
from ams.service.errors import Unavailable
from tests.eventually import eventually
from tests.messages.logs import OpenLog, message, new_cursor, new_topic, open_log, publish
from tests.servers import RedisServer


async def test_a_sweep_trims_every_topic(opened: OpenLog) -> None:
    kept = new_topic()
    swept = [new_topic(size=len(message("new"))) for _ in range(5)]
    for topic in (kept, *swept):
        for text in ("old", "new"):
            # As if the limit had been set later: no append has trimmed anything.
            await publish(opened.log, topic._replace(retention_bytes=0), text)

    async def topics() -> AsyncIterator[Sequence[TopicLog]]:
        yield [kept, *swept[:2]]
        yield []
        yield swept[2:]

    assert await Sweeper(opened.log, topics).sweep() == len(swept)
    assert await opened.log.offsets(new_cursor(kept)) == Offsets(0, 0, 2)
    for topic in swept:
        assert await opened.log.offsets(new_cursor(topic)) == Offsets(1, 1, 2)


async def test_a_lease_has_one_holder_until_it_ends(redis_server: RedisServer) -> None:
    async with open_log(redis_server.url) as one, open_log(redis_server.url) as another:
        await one.client.delete(LEASE)
        assert await one.log.lease(LEASE, 60)
        assert not await another.log.lease(LEASE, 60)
        assert not await one.log.lease(LEASE, 60)
        await one.client.pexpire(LEASE, 1)
        await eventually(lambda: another.log.lease(LEASE, 60))
        await one.client.delete(LEASE)


async def test_of_many_sweepers_one_sweeps_each_round(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "INTERVAL", 0.1)
    rounds: list[int] = []

    async with AsyncExitStack() as stack:
        begun = asyncio.get_running_loop().time()
        for name in range(3):
            opened = await stack.enter_async_context(open_log(redis_server.url))

            async def topics(name: int = name) -> AsyncIterator[Sequence[TopicLog]]:
                rounds.append(name)
                yield []

            sweeper = Sweeper(opened.log, topics)
            sweeper.start()
            stack.push_async_callback(sweeper.stop)
        await eventually(lambda: len(rounds) >= 10)
        elapsed = asyncio.get_running_loop().time() - begun
    # A lease ends nine tenths of a round after it was taken.
    assert len(rounds) <= elapsed / 0.09 + 1


@pytest.mark.parametrize("failure", [Unavailable("away"), LookupError("nobody expects this")])
async def test_a_round_that_fails_is_not_the_last(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(retention, "INTERVAL", 0.05)
    rounds = 0

    async def topics() -> AsyncIterator[Sequence[TopicLog]]:
        nonlocal rounds
        rounds += 1
        yield []
        raise failure

    async with open_log(redis_server.url) as opened:
        sweeper = Sweeper(opened.log, topics)
        sweeper.start()
        await eventually(lambda: rounds >= 3)
        await sweeper.stop()


async def test_a_topic_that_can_not_be_trimmed_keeps_no_other_from_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a cluster's server that is down."""
    async with open_log(redis_server.url) as opened:
        log, down, up = opened.log, new_topic(size=1), new_topic(size=1)
        await publish(log, up._replace(retention_bytes=0), "a")
        trim = log.trim

        async def trim_unless_down(topic: TopicLog) -> int:
            if topic is down:
                raise Unavailable("down")
            return await trim(topic)

        async def topics() -> AsyncIterator[Sequence[TopicLog]]:
            yield [down]
            yield [up]

        monkeypatch.setattr(log, "trim", trim_unless_down)
        with pytest.raises(Unavailable, match="down"):
            await Sweeper(log, topics).sweep()
        assert await log.offsets(new_cursor(up)) == Offsets(1, 1, 1)
