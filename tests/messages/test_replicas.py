"""Replicas: a publish waits for them if it is to, and the log follows Sentinel to a new master."""

import asyncio

from redis.exceptions import ResponseError

from ams.messages.log import MessageLog
from ams.service.errors import Unavailable
from tests.eventually import eventually
from tests.messages.logs import message, new_cursor, new_topic, open_log, publish, pull_all
from tests.servers import SENTINEL_NAME, RedisSentinel

#: What one round trip may take, in seconds.
SHORT = 1.0
#: How long replicas may take, in seconds.
REPLICA_TIMEOUT = 1.0
#: By how much an answer may be later than that, in seconds: this machine may be busy.
TOLERANCE = 1.4


async def works(log: MessageLog) -> bool:
    topic = new_topic()
    try:
        await publish(log, topic, "a")
        return bool(await log.pull(new_cursor(topic), 1))
    except Unavailable:
        return False


def begins_to_fail_over(sentinel: RedisSentinel) -> bool:
    """Tells Sentinel to let the replica take over; it must have looked at it before."""
    with sentinel.sentinel.client() as client:
        try:
            return bool(client.execute_command("SENTINEL", "FAILOVER", SENTINEL_NAME))
        except ResponseError:
            return False


async def test_a_replicated_publish_is_answered_when_replicas_have_it(
    redis_sentinel: RedisSentinel,
) -> None:
    log_on = open_log(
        redis_sentinel.url,
        durability="replicated",
        replicas=1,
        replica_timeout_seconds=REPLICA_TIMEOUT,
    )
    async with log_on as opened:
        log, topic = opened.log, new_topic()
        clock = asyncio.get_running_loop().time
        await eventually(lambda: works(log))  # The replica has just begun to follow.
        assert (await publish(log, topic, "a")).offset == 0
        redis_sentinel.replica.pause()
        try:
            begun = clock()
            outcomes = await asyncio.gather(
                *(publish(log, each, "b") for each in (topic, new_topic(), new_topic())),
                return_exceptions=True,
            )
            assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
            assert "replicas" in str(outcomes[0])
            assert REPLICA_TIMEOUT * 0.9 < clock() - begun < REPLICA_TIMEOUT + TOLERANCE
            # What changes nothing in the log does not wait for replicas.
            assert await pull_all(log, topic) == [message("a"), message("b")]
        finally:
            redis_sentinel.replica.resume()
        # It was stored all the same: who got no answer can't know.
        await eventually(lambda: works(log))
        assert (await publish(log, topic, "c")).offset == 2


async def test_the_log_follows_to_the_replica_when_the_master_dies(
    redis_sentinel: RedisSentinel,
) -> None:
    async with open_log(redis_sentinel.url, timeout=SHORT) as opened:
        log, topic = opened.log, new_topic()
        cursor = new_cursor(topic)
        await publish(log, topic, "a")
        await log.pull(cursor, 1)
        with redis_sentinel.master.client() as client:
            assert client.wait(1, 5000) == 1
        await asyncio.to_thread(redis_sentinel.fail_over)
        await eventually(lambda: works(log))
        await log.acknowledge(cursor, 0, deadline=60)
        assert (await publish(log, topic, "b")).offset == 1


async def test_the_log_follows_when_master_and_replica_change_places(
    redis_sentinel: RedisSentinel,
) -> None:
    """The old master lives on and refuses to write; nobody may stay with it."""
    async with open_log(redis_sentinel.url, timeout=SHORT) as opened:
        log, topic = opened.log, new_topic()
        await publish(log, topic, "a")
        await eventually(lambda: begins_to_fail_over(redis_sentinel))
        await eventually(lambda: redis_sentinel.master_port() == redis_sentinel.replica.port)
        await eventually(lambda: works(log))
        assert (await publish(log, topic, "b")).offset == 1
        for _ in range(20):
            assert await works(log)
