"""Rights to push, and what they keep from being done twice."""

import asyncio
from typing import cast

import pytest

from ams.messages import keys
from ams.messages.errors import PushLost, StaleMetadata
from ams.messages.log import Cursor
from ams.messages.pushing import Accepted, Pusher
from ams.service.errors import ServiceError
from tests.eventually import eventually
from tests.messages.logs import OpenLog, new_cursor, new_topic, offsets_of, open_log, publish
from tests.servers import RedisCluster, RedisServer


async def taken(opened: OpenLog, cursor: Cursor, worker: str, dead: str = "") -> Cursor:
    found = await opened.log.take_push(cursor, worker, "settings", dead)
    assert isinstance(found, Cursor)
    return found


async def test_who_has_lost_the_right_can_neither_pull_nor_acknowledge(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = new_cursor(topic)
        await publish(log, topic, "a", "b")
        old = await taken(opened, cursor, "old")
        assert offsets_of(await log.pull(old, 1)) == [0]
        new = await taken(opened, cursor, "new", "old")
        for attempt in (
            lambda: log.pull(old, 1),
            lambda: log.acknowledge_pushed(old, Accepted(0, 0, 1, retry=False)),
            lambda: log.note_push_failure(old, "why", retry=False),
        ):
            with pytest.raises(PushLost):
                await attempt()
        assert (await log.offsets(cursor)).current == 0
        (state,) = await log.push_states([(topic.uuid, cursor.subscription)])
        assert (state.worker, state.requests, state.failures) == ("new", 0, 0)
        assert offsets_of(await log.pull(new, 1)) == [0]
        assert await log.acknowledge_pushed(new, Accepted(0, 0, 1, retry=False))
        assert (await log.offsets(cursor)).current == 1


async def test_the_same_holds_in_a_cluster(redis_cluster: RedisCluster) -> None:
    async with open_log(redis_cluster.url) as opened:
        log = opened.log
        for _ in range(5):  # In slots of their own.
            topic = new_topic()
            await publish(log, topic, "a")
            old = await taken(opened, new_cursor(topic), "old")
            new = await taken(opened, old, "new", "old")
            assert offsets_of(await log.pull(new, 1)) == [0]
            with pytest.raises(PushLost):
                await log.acknowledge_pushed(old, Accepted(0, 0, 1, retry=False))
            assert await log.acknowledge_pushed(new, Accepted(0, 0, 1, retry=False))
            await log.release_push(topic.uuid, new.subscription, "new")
        await log.meet_pushers("one", 60, "host:1", shares=True)
        assert await log.pushers() == [Pusher("one", True, "host:1")]


async def test_a_right_that_was_taken_again_by_the_same_worker_is_another_one(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        topic = new_topic()
        first = await taken(opened, new_cursor(topic), "worker")
        second = await taken(opened, first._replace(pusher=""), "worker")
        assert first.pusher != second.pusher
        with pytest.raises(PushLost):
            await opened.log.pull(first, 1)
        assert await opened.log.pull(second, 1) == []


async def test_nothing_is_taken_but_from_who_is_known_to_be_dead(redis_server: RedisServer) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = new_cursor(topic)
        await taken(opened, cursor, "one")
        for dead in ("", "other"):
            assert await log.take_push(cursor, "two", "settings", dead) == "one"
        await log.release_push(topic.uuid, cursor.subscription, "two")
        assert await log.take_push(cursor, "two", "settings") == "one"
        await log.release_push(topic.uuid, cursor.subscription, "one")
        await taken(opened, cursor, "two")
        await taken(opened, cursor, "one", "two")


async def test_what_was_accepted_is_acknowledged_after_any_time_and_once(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await publish(log, topic, "a", "b", "c")
        await log.pull(cursor, 2)
        hash_ = keys.subscription(topic.uuid, cursor.subscription)
        await opened.set_field(hash_, "pending_ack", 1)
        assert await log.acknowledge_pushed(cursor, Accepted(0, 1, 2000, retry=True))
        assert not await log.acknowledge_pushed(cursor, Accepted(0, 1, 2000, retry=True))
        assert (await log.offsets(cursor)).current == 2


async def test_a_subscription_that_was_moved_meanwhile_stays_where_it_is(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await publish(log, topic, "a", "b", "c")
        for target in (0, 1, 3):
            await log.pull(cursor, 1)
            await log.seek(cursor, target)
            assert not await log.acknowledge_pushed(cursor, Accepted(0, 0, 1, retry=False))
            assert (await log.offsets(cursor)).current == target
            await log.seek(cursor, 0)


async def test_a_move_holds_though_somebody_pulls_before_the_receiver_answers(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await publish(log, topic, "a", "b", "c")
        await log.pull(cursor, 3)
        await log.seek(cursor, 1)
        assert offsets_of(await log.pull(cursor._replace(pusher=""), 1)) == [1]
        assert not await log.acknowledge_pushed(cursor, Accepted(0, 2, 1, retry=False))
        assert (await log.offsets(cursor)).current == 1


async def test_what_was_accepted_is_acknowledged_though_others_pull_and_acknowledge(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await publish(log, topic, "a", "b", "c")
        await log.pull(cursor, 2)
        other = cursor._replace(pusher="")
        await log.pull(other, 1)
        await log.acknowledge(other, 0, 10)
        assert await log.acknowledge_pushed(cursor, Accepted(0, 1, 1, retry=False))
        assert (await log.offsets(cursor)).current == 2
        await log.pull(cursor, 1)
        await log.pull(other, 1)
        await log.acknowledge(other, 2, 10)
        assert not await log.acknowledge_pushed(cursor, Accepted(2, 2, 1, retry=False))
        assert (await log.offsets(cursor)).current == 3


async def test_what_was_accepted_does_not_come_again_though_some_of_it_was_trimmed(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        for text in ("a", "b", "c"):
            await publish(log, topic, text)
        await log.pull(cursor, 3)
        stored = (await opened.hash(keys.topic(topic.uuid)))["end_bytes"]
        assert await log.trim(topic._replace(retention_bytes=stored * 2 // 3)) == 1
        assert (await log.offsets(cursor)).current == 1
        assert await log.acknowledge_pushed(cursor, Accepted(0, 2, 1, retry=False))
        assert (await log.offsets(cursor)).current == 3


async def test_old_metadata_take_nothing(redis_server: RedisServer) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 2)
        with pytest.raises(StaleMetadata):
            await log.take_push(cursor, "other", "settings")
        with pytest.raises(StaleMetadata):
            await log.acknowledge_pushed(cursor, Accepted(0, 0, 1, retry=False))
        await log.drop_subscription(topic.uuid, cursor.subscription)
        with pytest.raises(ServiceError):
            await log.note_push_failure(cursor, "why", retry=False)
        await log.release_push(topic.uuid, cursor.subscription, "worker")
        with pytest.raises(StaleMetadata):
            await log.take_push(cursor, "worker", "settings")


async def test_what_went_wrong_is_told_until_something_goes_well_or_the_settings_change(
    redis_server: RedisServer,
) -> None:
    async with open_log(redis_server.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = await taken(opened, new_cursor(topic), "worker")
        await publish(log, topic, "a")
        place = [(topic.uuid, cursor.subscription)]
        await log.note_push_failure(cursor, "ä 1", retry=False)
        await log.note_push_failure(cursor, "ä 2", retry=True)
        (state,) = await log.push_states(place)
        assert (state.error, state.failures, state.retries) == ("ä 2", 2, 1)
        assert state.error_time
        cursor = await taken(opened, cursor, "worker")
        assert (await log.push_states(place))[0].error == "ä 2", "the same settings"
        other = await log.take_push(cursor, "worker", "other settings")
        assert isinstance(other, Cursor)
        assert (await log.push_states(place))[0].error == ""
        await log.note_push_failure(other, "again", retry=True)
        await log.pull(other, 1)
        await log.acknowledge_pushed(other, Accepted(0, 0, 8000, retry=True))
        (state,) = await log.push_states(place)
        assert (state.error, state.error_time) == ("", None)
        assert (state.messages, state.requests, state.failures, state.retries) == (1, 1, 3, 3)
        assert state.latency == 8000
        assert state.last_success


async def test_workers_are_alive_as_long_as_they_say(empty_redis: RedisServer) -> None:
    async with open_log(empty_redis.url) as opened:
        log = opened.log
        assert await log.pushers() == []
        one = Pusher("one", True, "a host:1")
        two = Pusher("two", False, "[::1]:2")
        assert await log.meet_pushers("one", 60, one.endpoint, shares=True) == [one]
        assert await log.meet_pushers("two", 60, two.endpoint, shares=False) == [one, two]
        assert await log.pushers() == [one, two]
        assert await log.meet_pushers("one", 0, one.endpoint, shares=True) == [two]
        await log.meet_pushers("two", 0.2, two.endpoint, shares=False)
        await eventually(lambda: nobody(opened), within=1)
        assert await log.meet_pushers("one", 60, one.endpoint, shares=True) == [one]


async def test_who_said_so_by_another_clock_is_alive_no_longer_than_by_this_one(
    empty_redis: RedisServer,
) -> None:
    """After a failover to a server whose clock is behind, or when one is set back."""
    async with open_log(empty_redis.url) as opened:
        log = opened.log
        one = Pusher("one", True, "host:1")
        await log.meet_pushers("one", 50, one.endpoint, shares=True)
        said = cast("bytes", await opened.client.hget(keys.PUSHERS, "one")).decode()
        expiry, _, rest = said.partition(" ")
        for behind, alive in ((40, [one]), (60, []), (3600, [])):
            later = f"{int(expiry) + behind * 1_000_000} {rest}"
            await opened.client.hset(keys.PUSHERS, "one", later)
            assert await log.pushers() == alive, behind
            assert await log.meet_pushers("two", 0, "host:2", shares=True) == alive, behind
        assert one in await log.meet_pushers("one", 50, one.endpoint, shares=True)


async def nobody(opened: OpenLog) -> bool:
    return await opened.log.pushers() == []


async def test_workers_hear_of_each_other(empty_redis: RedisServer) -> None:
    async with open_log(empty_redis.url) as opened:
        log, topic = opened.log, new_topic()
        cursor = new_cursor(topic)
        async with opened.client.pubsub() as channel:
            await channel.subscribe(keys.PUSH_CHANNEL)
            await log.meet_pushers("one", 60, "host:1", shares=True)
            await log.meet_pushers("one", 60, "host:1", shares=True)  # Nothing new.
            await taken(opened, cursor, "one")
            await log.release_push(topic.uuid, cursor.subscription, "one")
            await log.meet_pushers("one", 60, "host:1", shares=False)
            await log.meet_pushers("one", 0, "host:1", shares=False)
            heard: list[str] = []
            async with asyncio.timeout(5):
                while len(heard) < 4:
                    message = await channel.get_message(True, timeout=1)
                    if message:
                        heard.append(message["data"].decode())
        assert heard == ["", f"{cursor.subscription} one", "", ""]
