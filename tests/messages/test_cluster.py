"""A Redis Cluster: topics on all its servers, slots that move, servers that go away."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis
from redis.exceptions import MovedError

from ams.messages import keys
from ams.messages.group_commit import TopicLog
from ams.messages.history import Round
from ams.messages.log import MessageLog
from ams.service.errors import Unavailable
from ams.service.settings_sections import MessagesSettings
from tests.eventually import eventually
from tests.messages.logs import (
    InterruptedLog,
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    open_log,
    publish,
    pull_all,
)
from tests.servers import FSYNC, HASH_SLOTS, RedisCluster, RedisServer

#: What one round trip may take, in seconds, and by how much an answer may be later than that.
SHORT, TOLERANCE = 1.5, 1.4


@pytest.fixture(scope="module")
def cluster(redis_binary: Path) -> Iterator[RedisCluster]:
    """A cluster whose servers can be killed, and serve what they have when others are away."""
    with RedisCluster(redis_binary, cluster_require_full_coverage="no", **FSYNC) as cluster:
        yield cluster


@pytest_asyncio.fixture
async def opened(cluster: RedisCluster) -> AsyncIterator[OpenLog]:
    await eventually(lambda: all(map(is_well, cluster.nodes)))
    async with open_log(cluster.url, timeout=SHORT) as opened:
        yield opened


@pytest.fixture
def log(opened: OpenLog) -> MessageLog:
    return opened.log


def is_well(server: RedisServer) -> bool:
    """Whether a server knows that all slots are served."""
    with server.client() as client:
        state: bytes = client.execute_command("CLUSTER", "INFO")
    return {b"cluster_state:ok", b"cluster_slots_ok:%d" % HASH_SLOTS} <= set(state.split())


def slot_of(server: Redis, topic: TopicLog) -> int:
    # redis-py has no types for this method.
    return int(server.execute_command("CLUSTER", "KEYSLOT", keys.log(topic.uuid)))  # type: ignore[no-untyped-call]


def id_of(server: Redis) -> str:
    name: bytes = server.execute_command("CLUSTER", "MYID")  # type: ignore[no-untyped-call]
    return name.decode()


def serves(server: RedisServer, topic: TopicLog) -> bool:
    """Whether a server has the slot of a topic."""
    with server.client() as client:
        try:
            client.exists(keys.log(topic.uuid))
        except MovedError:
            return False
        return True


def topic_on(server: RedisServer) -> TopicLog:
    """A new topic whose slot a server has."""
    while not serves(server, topic := new_topic()):
        pass
    return topic


def move(cluster: RedisCluster, topic: TopicLog, source: RedisServer, target: RedisServer) -> None:
    """Moves the slot of a topic, with its keys, as `redis-cli --cluster reshard` does."""
    with source.client() as old, target.client() as new:
        slot = slot_of(old, topic)
        new.execute_command("CLUSTER", "SETSLOT", str(slot), "IMPORTING", id_of(old))
        old.execute_command("CLUSTER", "SETSLOT", str(slot), "MIGRATING", id_of(new))
        while found := old.execute_command("CLUSTER", "GETKEYSINSLOT", str(slot), "10"):
            old.execute_command(
                "MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *found
            )
    assign(slot, target, [each for each in cluster.nodes if each is not target])


def assign(slot: int, target: RedisServer, others: Sequence[RedisServer]) -> None:
    """Tells a server, and then others, that the first has a slot now."""
    with target.client() as new:
        name = id_of(new)
    for server in (target, *others):
        with server.client() as client:
            client.execute_command("CLUSTER", "SETSLOT", str(slot), "NODE", name)


async def failures_of_a_caller(log: MessageLog, topic: TopicLog) -> int:
    """How often a caller fails that does a few things in turn."""
    cursor = new_cursor(topic)
    failures = 0
    for turn in range(10):
        try:
            await publish(log, topic, str(turn))
            await log.pull(cursor, 1)
            await log.offsets(cursor)
        except Unavailable:
            failures += 1
    return failures


async def works(log: MessageLog, topic: TopicLog) -> bool:
    try:
        await publish(log, topic, "works")
    except Unavailable:
        return False
    return True


async def test_topics_on_all_servers_work_in_one_process(
    log: MessageLog, cluster: RedisCluster
) -> None:
    topics = [topic_on(server) for server in cluster.nodes]

    async def use(number: int) -> None:
        topic = topics[number % len(topics)]
        await publish(log, topic, "a")
        assert messages_of(await log.pull(new_cursor(topic), 1)) == [message("a")]

    await asyncio.gather(*map(use, range(60)))
    for topic in topics:
        assert await log.end(topic.uuid) == 20
    for server, topic in zip(cluster.nodes, topics, strict=True):
        with server.client() as client:
            assert client.exists(keys.log(topic.uuid))


async def test_a_slot_that_has_moved_costs_a_caller_one_failure_at_most(
    log: MessageLog, cluster: RedisCluster
) -> None:
    source, target, _ = cluster.nodes
    topic = topic_on(source)
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b")
    await log.pull(cursor, 1)
    move(cluster, topic, source, target)
    async with asyncio.TaskGroup() as callers:
        tasks = [callers.create_task(failures_of_a_caller(log, topic)) for _ in range(10)]
    assert max(task.result() for task in tasks) <= 1
    # What was pulled before can be acknowledged still.
    await log.acknowledge(cursor, 0, deadline=60)
    assert (await pull_all(log, topic))[:2] == [message("a"), message("b")]
    move(cluster, topic, target, source)


async def test_a_slot_that_moves_before_a_pull_or_between_its_steps_costs_one_failure(
    opened: OpenLog, cluster: RedisCluster
) -> None:
    """Its slot, and with it the subscription's state, is where the next pull looks."""
    source, target, _ = cluster.nodes
    log = InterruptedLog(opened.client, MessagesSettings(durability="memory"), timeout=30)
    topic = topic_on(source)
    cursor = new_cursor(topic)
    await publish(log, topic, "x" * 10_000)

    async def move_once() -> None:
        log.between = None
        await asyncio.to_thread(move, cluster, topic, source, target)

    log.between = move_once
    with pytest.raises(Unavailable, match="has moved"):
        await log.pull(cursor, 1)
    assert messages_of(await log.pull(cursor, 1)) == [message("x" * 10_000)]
    move(cluster, topic, target, source)
    with pytest.raises(Unavailable, match="has moved"):
        await log.pull(cursor, 1)
    assert messages_of(await log.pull(cursor, 1)) == [message("x" * 10_000)]
    await log.acknowledge(cursor, 0, deadline=60)


async def test_nothing_is_lost_while_a_slot_moves(log: MessageLog, cluster: RedisCluster) -> None:
    """Callers may be refused meanwhile; what was answered is there afterwards, in its place."""
    source, target, _ = cluster.nodes
    topic = topic_on(source)
    answered: list[tuple[int, bytes]] = []
    enough = asyncio.Event()

    async def publisher(name: int) -> None:
        turn = 0
        while not enough.is_set():
            turn += 1
            text = f"{name} {turn}"
            try:
                answered.append(((await publish(log, topic, text)).offset, message(text)))
            except Unavailable:
                await asyncio.sleep(0.01)  # As clients do that are told to try again later.

    async def many_more() -> None:
        before = len(answered)
        await eventually(lambda: len(answered) > before + 200)

    async with asyncio.TaskGroup() as publishers:
        for name in range(8):
            publishers.create_task(publisher(name))
        for way in ((source, target), (target, source)):
            await many_more()
            await asyncio.to_thread(move, cluster, topic, *way)
        await many_more()
        enough.set()
    stored = await pull_all(log, topic)
    assert len(stored) >= len(answered)
    for offset, text in answered:
        assert stored[offset] == text


async def test_a_new_day_while_a_slot_moves_spoils_nothing(
    opened: OpenLog, cluster: RedisCluster
) -> None:
    """It needs no key more, which would be on either server, or new."""
    log = opened.log
    source, target, _ = cluster.nodes
    topic = topic_on(source)
    await publish(log, topic, "a")
    await opened.age(topic, days=1)
    with source.client() as old, target.client() as new:
        slot = slot_of(old, topic)
        new.execute_command("CLUSTER", "SETSLOT", str(slot), "IMPORTING", id_of(old))
        old.execute_command("CLUSTER", "SETSLOT", str(slot), "MIGRATING", id_of(new))
    assert (await publish(log, topic, "b")).offset == 1
    for server in (target, source):
        with server.client() as client:
            client.execute_command("CLUSTER", "SETSLOT", str(slot), "STABLE")
    assert await pull_all(log, topic) == [message("a"), message("b")]
    assert list((await log.daily_counts([topic.uuid]))[topic.uuid].values()) == [1, 1]


async def test_topics_of_other_servers_go_on_when_one_dies(
    log: MessageLog, cluster: RedisCluster
) -> None:
    lost, *kept = (topic_on(server) for server in cluster.nodes)
    for topic in (lost, *kept):
        await publish(log, topic, "a")
    cluster.nodes[0].kill()
    loop = asyncio.get_running_loop()
    try:
        for _ in range(3):
            begun = loop.time()
            with pytest.raises(Unavailable):
                await publish(log, lost, "b")
            with pytest.raises(Unavailable):
                await log.pull(new_cursor(lost), 1)
            assert loop.time() - begun < 2 * (SHORT + TOLERANCE)
            for topic in kept:
                assert await works(log, topic)
            with pytest.raises(Unavailable):
                await log.end(lost.uuid)
            for topic in kept:
                assert await log.end(topic.uuid) > 0
    finally:
        cluster.nodes[0].start()
    await eventually(lambda: works(log, lost))
    assert (await pull_all(log, lost))[0] == message("a")


async def test_topics_of_other_servers_are_sampled_when_one_is_away(
    opened: OpenLog, cluster: RedisCluster
) -> None:
    log = opened.log
    lost, *kept = (topic_on(server) for server in cluster.nodes)
    for topic in (lost, *kept):
        await publish(log, topic, "a")
    # More calls than leave together.
    many = [(topic.uuid, [new_cursor(topic) for _ in range(100)]) for topic in (lost, *kept)]
    cluster.nodes[0].kill()
    try:
        with pytest.raises(Unavailable):
            await log.sample(Round(1, 0), many)
        for server, topic in zip(cluster.nodes[1:], kept, strict=True):
            with server.client() as client:
                assert client.exists(keys.hour(topic.uuid))
    finally:
        cluster.nodes[0].start()
    await eventually(lambda: works(log, lost))


async def test_statistics_of_topics_on_all_servers_are_in_order(
    log: MessageLog, cluster: RedisCluster
) -> None:
    topics = [topic_on(cluster.nodes[position % 3]) for position in range(12)]
    for position, topic in enumerate(topics):
        await publish(log, topic, *["x"] * position)
    uuids = [topic.uuid for topic in topics]
    assert [each.messages for each in await log.topic_statistics(uuids)] == [*range(12)]
    counts = await log.daily_counts(uuids)
    assert [sum(counts[uuid].values()) for uuid in uuids] == [*range(12)]


async def test_topics_of_other_servers_go_on_when_one_hangs(
    log: MessageLog, cluster: RedisCluster
) -> None:
    lost, *kept = (topic_on(server) for server in cluster.nodes)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(publish(log, topic, "a") for topic in (lost, *kept)))

    async def seconds_to_fail(delay: float) -> float:
        await asyncio.sleep(delay)
        begun = loop.time()
        with pytest.raises(Unavailable):
            await log.pull(new_cursor(lost), 1)
        return loop.time() - begun

    cluster.nodes[0].pause()
    try:
        waits = asyncio.gather(*(seconds_to_fail(SHORT * n / 5) for n in range(15)))
        while not waits.done():
            for topic in kept:
                assert await works(log, topic)
        assert max(await waits) < SHORT + TOLERANCE
    finally:
        cluster.nodes[0].resume()
    await eventually(lambda: works(log, lost))


async def test_slots_of_a_server_that_hangs_are_found_with_who_took_them_over(
    log: MessageLog, cluster: RedisCluster
) -> None:
    """As its replica does."""
    hung, target, other = cluster.nodes
    topic = topic_on(hung)
    assert await works(log, topic)
    with target.client() as client:
        slot = slot_of(client, topic)
    hung.pause()
    try:
        assign(slot, target, [other])
        with target.client() as client:
            client.execute_command("CLUSTER", "BUMPEPOCH")
        await eventually(lambda: works(log, topic), within=30.0)
    finally:
        hung.resume()
    with target.client() as client:
        client.flushall()
    await eventually(lambda: not serves(hung, topic))
    with hung.client() as client:  # Else what the other still says of its slots may win.
        client.execute_command("CLUSTER", "BUMPEPOCH")
    assign(slot, hung, [target, other])
    await eventually(lambda: works(log, topic), within=30.0)
