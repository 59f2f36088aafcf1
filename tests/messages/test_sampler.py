"""All topics are sampled as each minute begins, by one of all workers."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from ams.messages import keys
from ams.messages.history import ROUNDS, Round, Sampled
from ams.messages.sampling import RETRY, Sampler
from ams.service.errors import Unavailable
from tests.eventually import eventually
from tests.messages.logs import OpenLog, new_cursor, new_topic, open_log, publish
from tests.servers import RedisServer


async def is_sampled(opened: OpenLog, topic: str, subscription: str = "") -> bool:
    return keys.hour(topic, subscription) in await opened.keys_of(topic)


async def test_a_round_is_taken_by_one_worker(opened: OpenLog) -> None:
    await opened.client.delete(ROUNDS)
    taken = await asyncio.gather(*(opened.log.begin_round() for _ in range(20)))
    minutes = [round_.minute for round_, _ in taken if round_]
    # A minute may have begun meanwhile.
    assert 1 <= len(minutes) == len(set(minutes)) <= 2
    assert all(0 < left <= 60 for _, left in taken)


async def test_a_round_knows_the_last_one_that_missed_nothing(opened: OpenLog) -> None:
    client, log = opened.client, opened.log
    await client.delete(ROUNDS)
    (first, _) = await log.begin_round()
    assert first
    assert first.seen == 0
    for done in (first.minute - 1, first.minute):
        await log.end_round(Round(done, 0))
        await client.hdel(ROUNDS, "begun")
        (following, _) = await log.begin_round()
        assert following
        assert following.seen == done


async def test_a_sampler_samples_everything_when_it_starts(opened: OpenLog) -> None:
    log, topics = opened.log, [new_topic() for _ in range(3)]
    cursors = [new_cursor(topic) for topic in topics]
    for topic, cursor in zip(topics, cursors, strict=True):
        await publish(log, topic, "a")
        await log.pull(cursor, 1)
    await opened.client.delete(ROUNDS)

    async def all_topics() -> AsyncIterator[Sequence[Sampled]]:
        yield []
        yield [(topics[0].uuid, [cursors[0]]), (topics[1].uuid, [cursors[1]])]
        yield [(topics[2].uuid, [cursors[2]])]

    async def is_done() -> bool:
        return "done" in await opened.hash(ROUNDS)

    sampler = Sampler(log, all_topics)
    sampler.start()
    await eventually(is_done)
    await sampler.stop()
    for topic, cursor in zip(topics, cursors, strict=True):
        assert await is_sampled(opened, topic.uuid)
        assert await is_sampled(opened, topic.uuid, cursor.subscription)


async def test_a_sampler_wakes_when_the_next_minute_begins(opened: OpenLog) -> None:
    """Whether it has sampled in this one or another did; soon, if Redis did not say."""

    async def nothing() -> AsyncIterator[Sequence[Sampled]]:
        yield []

    sampler = Sampler(opened.log, nothing)
    for _ in range(2):
        await sampler._turn()
        _, left = await opened.log.begin_round()
        assert sampler._pause() == pytest.approx(left, abs=0.5) or left > 59
    async with open_log("redis://127.0.0.1:1") as away:
        lost = Sampler(away.log, nothing)
        with pytest.raises(Unavailable):
            await lost._turn()
        assert RETRY - 1 < lost._pause() <= RETRY


async def test_a_round_that_missed_something_is_not_done(opened: OpenLog) -> None:
    """What could be sampled is, and the next round comes."""
    log, topic = opened.log, new_topic()
    await publish(log, topic, "a")
    await opened.client.delete(ROUNDS)
    rounds = 0

    async def topics() -> AsyncIterator[Sequence[Sampled]]:
        nonlocal rounds
        rounds += 1
        yield [(topic.uuid, [])]
        raise LookupError("the database is away")

    sampler = Sampler(log, topics)
    sampler.start()
    await eventually(lambda: rounds)
    await eventually(lambda: is_sampled(opened, topic.uuid))
    assert "done" not in await opened.hash(ROUNDS)
    await sampler.stop()


async def test_a_topic_that_can_not_be_sampled_keeps_no_other_from_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_log(redis_server.url) as opened:
        log, down, up = opened.log, new_topic(), new_topic()
        await publish(log, up, "a")
        sample = log.sample

        async def sample_unless_down(round_: Round, topics: Sequence[Sampled]) -> None:
            if topics[0][0] == down.uuid:
                raise Unavailable("down")
            await sample(round_, topics)

        async def topics() -> AsyncIterator[Sequence[Sampled]]:
            yield [(down.uuid, [])]
            yield [(up.uuid, [])]

        monkeypatch.setattr(log, "sample", sample_unless_down)
        await opened.client.delete(ROUNDS)
        with pytest.raises(Unavailable, match="down"):
            await Sampler(log, topics).sample(Round(1, 0))
        assert await is_sampled(opened, up.uuid)
        assert await opened.hash(ROUNDS) == {}
