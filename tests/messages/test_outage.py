"""A Redis that forgets, dies or hangs: every caller is answered in time, and the log heals."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from ams.messages.figures import WAITING
from ams.messages.log import MessageLog
from ams.service.errors import ServiceError, Unavailable
from tests.eventually import eventually
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    open_log,
    publish,
    pull_all,
)
from tests.servers import FSYNC, RedisCluster, RedisServer

#: What one round trip may take in tests of an outage, in seconds; kept short, as they wait for it.
SHORT = 1.5
#: By how much a caller may be answered later than that, in seconds: this machine may be busy.
TOLERANCE = 1.4


@pytest.fixture(scope="module")
def own_redis(redis_binary: Path) -> Iterator[RedisServer]:
    """A Redis that these tests may kill; what was answered survives that."""
    with RedisServer(redis_binary, **FSYNC) as server:
        yield server


@pytest_asyncio.fixture
async def mortal(own_redis: RedisServer) -> AsyncIterator[OpenLog]:
    """A log on it."""
    async with open_log(own_redis.url, timeout=SHORT, durability="fsync") as opened:
        yield opened


async def works(log: MessageLog) -> bool:
    """Whether a publish and a pull work now."""
    topic = new_topic()
    try:
        await publish(log, topic, "a")
        return bool(await log.pull(new_cursor(topic), 1))
    except Unavailable:
        return False


async def outcome(call: Awaitable[object]) -> tuple[object, float]:
    """What a call returned or raised, and the seconds it took."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    try:
        return await call, clock() - begun
    except ServiceError as error:
        return error, clock() - begun


async def test_forgotten_scripts_are_not_noticed(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    calls: Sequence[Callable[[], Awaitable[object]]] = [
        lambda: publish(log, topic, "a", "b"),
        lambda: log.pull(cursor, 2),
        lambda: log.acknowledge(cursor, 0, deadline=60),
        lambda: log.offsets(cursor),
        lambda: log.seek(cursor, 0),
        lambda: log.offset_at_time(topic.uuid, 0),
        lambda: log.trim(topic),
        lambda: log.raise_topic_epoch(topic.uuid, 1),
        lambda: log.raise_subscription_epoch(topic.uuid, cursor.subscription, 1),
        lambda: log.drop_subscription(topic.uuid, cursor.subscription),
        lambda: log.drop(topic.uuid),
    ]
    for call in calls:
        await opened.client.script_flush()
        await call()


async def test_scripts_forgotten_under_load_are_not_noticed(opened: OpenLog) -> None:
    topic = new_topic()

    async def publisher(name: int) -> None:
        for turn in range(20):
            await publish(opened.log, topic, f"{name} {turn}")

    publishers = asyncio.gather(*map(publisher, range(16)))
    while not publishers.done():
        await opened.client.script_flush()
    await publishers
    assert await opened.log.end(topic.uuid) == 16 * 20


async def test_what_was_answered_survives_a_crash(mortal: OpenLog, own_redis: RedisServer) -> None:
    """And while Redis is away every caller hears so at once; afterwards the log heals itself."""
    log, topic = mortal.log, new_topic()
    answered: list[tuple[int, bytes]] = []
    down = asyncio.Event()

    async def publisher(name: int) -> None:
        turn = 0
        while not down.is_set():
            text = f"{name} {turn}"
            turn += 1
            try:
                answered.append(((await publish(log, topic, text)).offset, message(text)))
            except Unavailable:
                down.set()

    publishers = asyncio.gather(*map(publisher, range(16)))
    await eventually(lambda: len(answered) > 300)
    own_redis.kill()
    async with asyncio.timeout(5):
        await publishers
    for call in (publish(log, topic, "b"), log.pull(new_cursor(topic), 1), log.end(topic.uuid)):
        result, seconds = await outcome(call)
        assert isinstance(result, Unavailable)
        assert seconds < SHORT + TOLERANCE
    own_redis.start()
    await eventually(lambda: works(log))
    stored = await pull_all(log, topic)
    for offset, text in answered:
        assert stored[offset] == text


async def test_a_redis_that_hangs_keeps_nobody_longer_than_the_timeout(
    mortal: OpenLog, own_redis: RedisServer
) -> None:
    """Also those who come while others wait already, again and again."""
    log, topic = mortal.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    results: list[asyncio.Task[tuple[object, float]]] = []
    loop = asyncio.get_running_loop()
    begun = loop.time()

    def come() -> None:
        calls = (publish(log, topic, "b"), log.pull(cursor, 1), log.offsets(cursor))
        results.extend(asyncio.ensure_future(outcome(call)) for call in calls)
        if loop.time() - begun < 3 * SHORT:
            loop.call_later(SHORT / 10, come)
        else:
            done.set_result(None)

    done = loop.create_future()
    own_redis.pause()
    try:
        come()
        await done
        async with asyncio.timeout(3 * SHORT):
            answered = await asyncio.gather(*results)
    finally:
        own_redis.resume()
    assert all(isinstance(result, Unavailable) for result, _ in answered)
    assert max(seconds for _, seconds in answered) < SHORT + TOLERANCE
    await eventually(lambda: works(log))


async def test_answers_that_come_too_late_are_given_to_nobody(
    mortal: OpenLog, own_redis: RedisServer
) -> None:
    """Redis does what it was sent before it hung; that is not taken for what is sent later."""
    log = mortal.log
    own_redis.pause()
    try:
        late = (outcome(publish(log, new_topic(), "late", "late")) for _ in range(20))
        assert all(isinstance(result, Unavailable) for result, _ in await asyncio.gather(*late))
    finally:
        own_redis.resume()
    await eventually(lambda: works(log))
    for turn in range(20):
        topic = new_topic()
        assert (await publish(log, topic, f"{turn}")).offset == 0
        assert messages_of(await log.pull(new_cursor(topic), 10)) == [message(f"{turn}")]


async def test_a_pull_that_waits_is_answered_when_redis_goes_away(
    mortal: OpenLog, own_redis: RedisServer
) -> None:
    """When it looks again, that is, and its place is given back."""
    log, topic = mortal.log, new_topic()
    until = asyncio.get_running_loop().time() + 60
    pull = asyncio.create_task(log.pull(new_cursor(topic), 1, until=until))
    await eventually(lambda: mortal.marked(topic.uuid))
    own_redis.kill()
    try:
        log.waiting.wake_all()  # As the channel does when it is back.
        with pytest.raises(Unavailable):
            await pull
        assert WAITING.value == 0
    finally:
        own_redis.start()
    await eventually(lambda: works(log))


async def test_connections_that_are_cut_cost_one_failure_at_most(
    any_redis: RedisServer | RedisCluster, opened: OpenLog
) -> None:
    log, topic = opened.log, new_topic()
    await asyncio.gather(*(publish(log, topic, "x" * 200_000) for _ in range(50)))
    for server in any_redis.nodes if isinstance(any_redis, RedisCluster) else [any_redis]:
        with server.client() as client:
            client.client_kill_filter(_type="normal", skipme=True)
    results = [(await outcome(publish(log, topic, "a")))[0] for _ in range(20)]
    assert sum(isinstance(result, Unavailable) for result in results) <= 1
