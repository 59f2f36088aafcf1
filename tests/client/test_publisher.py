"""Publishing in batches."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from ams.client import (
    AsyncClient,
    BatchLimits,
    Client,
    InvalidName,
    NotConnected,
    OutgoingMessage,
    Retries,
    ServiceError,
    UnexpectedAnswer,
)
from tests.client.odd_server import Answer, OddServer, Request
from tests.conftest import StartNode
from tests.eventually import eventually, eventually_sync

#: Longer than any test: a batch that is sent at all is sent for another reason.
NEVER = 3600.0


def texts(request: Request) -> list[str]:
    return [message["data"] for message in json.loads(request.body)["messages"]]


def stored(client: Client, project: str) -> list[bytes]:
    return [each.message.data for each in client.subscriptions.pull(project, "s", 100_000)]


class Topic:
    """Gives ids as a broker does; holds answers back on demand."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.messages = 0

    def __call__(self, request: Request) -> Answer:
        self.open.wait()
        first, self.messages = self.messages, self.messages + len(texts(request))
        ids = [str(number) for number in range(first, self.messages)]
        return Answer(body=json.dumps({"messageIds": ids}).encode())


@pytest.fixture
def topic(odd_server: OddServer) -> Iterator[Topic]:
    topic = Topic()
    odd_server.otherwise = topic
    yield topic
    topic.open.set()


@pytest.fixture
def odd_client(odd_server: OddServer) -> Iterator[Client]:
    with Client(odd_server.url, retries=0) as client:
        yield client


def test_messages_get_their_ids_and_keep_their_order(client: Client, project: str) -> None:
    limits = BatchLimits(messages=7)
    with client.publisher(project, "t", limits) as publisher:
        futures = [publisher.publish(str(number).encode(), n=str(number)) for number in range(100)]
    assert [future.result() for future in futures] == [str(number) for number in range(100)]
    assert stored(client, project) == [str(number).encode() for number in range(100)]


async def test_the_async_publisher_does_the_same(
    async_client: AsyncClient, client: Client, project: str
) -> None:
    async with async_client.publisher(project, "t", BatchLimits(messages=7)) as publisher:
        futures = [await publisher.publish(str(number).encode()) for number in range(100)]
    assert await asyncio.gather(*futures) == [str(number) for number in range(100)]
    assert stored(client, project) == [str(number).encode() for number in range(100)]


def test_threads_share_a_publisher(client: Client, project: str) -> None:
    with ThreadPoolExecutor(8) as threads, client.publisher(project, "t") as publisher:
        futures = list(threads.map(lambda n: publisher.publish(str(n).encode()), range(500)))
    assert {future.result() for future in futures} == {str(number) for number in range(500)}


def test_a_batch_goes_when_it_has_enough_messages(
    odd_client: Client, odd_server: OddServer, topic: Topic
) -> None:
    limits = BatchLimits(messages=3, delay_seconds=NEVER)
    with odd_client.publisher("p", "t", limits) as publisher:
        futures = [publisher.publish(b"x") for _ in range(7)]
        assert [future.result(10) for future in futures[:6]] == ["0", "1", "2", "3", "4", "5"]
        assert not futures[6].done()
    assert futures[6].result() == "6"
    assert [len(texts(request)) for request in odd_server.requests] == [3, 3, 1]


def test_a_batch_goes_before_it_has_too_many_bytes(
    odd_client: Client, odd_server: OddServer, topic: Topic
) -> None:
    limits = BatchLimits(bytes=1000, delay_seconds=NEVER)
    with odd_client.publisher("p", "t", limits) as publisher:
        for size in (300, 300, 300, 5000, 10):
            publisher.publish(b"x" * size)
    assert [len(texts(request)) for request in odd_server.requests] == [2, 1, 1, 1]
    assert all(len(request.body) < 1100 for request in odd_server.requests[:2])


def test_a_batch_goes_after_a_while(odd_client: Client, topic: Topic) -> None:
    with odd_client.publisher("p", "t", BatchLimits(delay_seconds=0.05)) as publisher:
        assert publisher.publish(b"x").result(10) == "0"
        assert publisher.publish(b"x").result(10) == "1"


def test_flush_sends_what_is_there_and_waits_for_it(odd_client: Client, topic: Topic) -> None:
    with odd_client.publisher("p", "t", BatchLimits(delay_seconds=NEVER)) as publisher:
        publisher.flush()
        futures = [publisher.publish(b"x") for _ in range(3)]
        publisher.flush()
        assert [future.done() for future in futures] == [True] * 3
        late = publisher.publish(b"x")
        assert not late.done()
    assert late.result() == "3"


def test_publishing_waits_for_room(odd_client: Client, topic: Topic) -> None:
    topic.open.clear()
    limits = BatchLimits(delay_seconds=0, pending_bytes=10_000)
    with odd_client.publisher("p", "t", limits) as publisher:
        published: list[Future[str]] = []

        def fill() -> None:
            for _ in range(20):
                published.append(publisher.publish(b"x" * 1000))  # noqa: PERF401  # is watched

        thread = threading.Thread(target=fill)
        thread.start()
        eventually_sync(lambda: len(published) == 4)
        # It would be there by now, were it not waiting.
        thread.join(0.2)
        assert (thread.is_alive(), len(published)) == (True, 4)
        topic.open.set()
        thread.join()
    assert [future.result() for future in published] == [str(number) for number in range(20)]


async def test_async_publishing_waits_for_room(odd_server: OddServer, topic: Topic) -> None:
    topic.open.clear()
    limits = BatchLimits(delay_seconds=0, pending_bytes=10_000)
    async with AsyncClient(odd_server.url) as client:
        async with client.publisher("p", "t", limits) as publisher:
            for _ in range(4):
                await publisher.publish(b"x" * 1000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(publisher.publish(b"x" * 1000), timeout=0.2)
            topic.open.set()
            last = await publisher.publish(b"x" * 50_000)
        assert last.result() == "4"


def test_an_error_fails_its_batch_only(
    odd_client: Client, odd_server: OddServer, topic: Topic
) -> None:
    wrong_ids = Answer(body=b'{"messageIds": ["0"]}')
    odd_server.answers = [topic, Answer(503), wrong_ids, topic]
    with odd_client.publisher("p", "t", BatchLimits(messages=2, delay_seconds=NEVER)) as publisher:
        futures = [publisher.publish(b"x") for _ in range(8)]
    assert [future.result() for future in (*futures[:2], *futures[6:])] == ["0", "1", "2", "3"]
    for future, kind in zip(futures[2:6], [ServiceError] * 2 + [UnexpectedAnswer] * 2, strict=True):
        assert isinstance(future.exception(), kind)


def test_what_is_no_message_is_refused_at_once(client: Client, project: str) -> None:
    with pytest.raises(InvalidName):
        client.publisher(project, "a/b")
    with client.publisher(project, "t") as publisher:
        with pytest.raises(UnicodeEncodeError):
            publisher.publish(b"x", key="\ud800")
        assert publisher.publish(b"x").result() == "0"
    with pytest.raises(RuntimeError, match="closed"):
        publisher.publish(b"x")
    for limits in ({"messages": 0}, {"bytes": 0}, {"pending_bytes": -1}):
        with pytest.raises(ValueError, match="at least 1"):
            BatchLimits(**limits)


def test_a_cancelled_future_takes_its_message_out(
    odd_client: Client, odd_server: OddServer, topic: Topic
) -> None:
    with odd_client.publisher("p", "t", BatchLimits(delay_seconds=NEVER)) as publisher:
        kept, dropped = publisher.publish(b"kept"), publisher.publish(b"dropped")
        assert dropped.cancel()
    assert kept.result() == "0"
    with pytest.raises(CancelledError):
        dropped.result()
    assert len(texts(odd_server.requests[0])) == 1


async def test_a_batch_that_is_too_large_is_split(start_node: StartNode) -> None:
    """Contract: ams-core 3.11."""
    node = await start_node(server={"max_request_bytes": 20_000})
    token = node.service_token
    async with AsyncClient(node.http, token) as client:
        await client.projects.create("p")
        await client.topics.create("p", "t")
        await client.subscriptions.create("p", "s", "t")
        async with client.publisher("p", "t", BatchLimits(delay_seconds=NEVER)) as publisher:
            sizes = [3000] * 5 + [30_000] + [3000] * 5
            futures = [await publisher.publish(bytes(size)) for size in sizes]
        results = await asyncio.gather(*futures, return_exceptions=True)
        too_large = results.pop(5)
        assert isinstance(too_large, ServiceError)
        assert too_large.code == 413
        assert results == [str(number) for number in range(10)]


async def test_what_is_answered_outlives_a_broker_that_is_killed(start_node: StartNode) -> None:
    node = await start_node()
    patient = Retries(attempts=100, cap_seconds=0.5, may_duplicate=True)
    with Client(node.http, node.service_token, retries=patient) as client:
        await asyncio.to_thread(make_project, client)
        publisher = client.publisher("p", "t", BatchLimits(messages=10))
        futures = [publisher.publish(str(number).encode()) for number in range(200)]
        await asyncio.wrap_future(futures[20])
        node.kill()
        futures += [publisher.publish(str(number).encode()) for number in range(200, 400)]
        await node.start()
        ids = await asyncio.gather(*map(asyncio.wrap_future, futures))
        await asyncio.to_thread(publisher.close)
        messages = await asyncio.to_thread(stored, client, "p")
    assert [messages[int(number)] for number in ids] == [str(n).encode() for n in range(400)]
    assert [int(number) for number in ids] == sorted(map(int, ids))


async def test_nothing_is_stored_twice_unless_asked_for(start_node: StartNode) -> None:
    node = await start_node()
    async with AsyncClient(node.http, node.service_token, retries=0) as client:
        for made in (client.projects.create("p"), client.topics.create("p", "t")):
            await made
        await client.subscriptions.create("p", "s", "t")
        publisher = client.publisher("p", "t", BatchLimits(messages=5))
        futures = [await publisher.publish(str(number).encode()) for number in range(100)]
        await futures[7]
        node.kill()
        lost = await publisher.publish(b"lost")
        with pytest.raises(NotConnected):
            await lost
        await node.start()
        futures.append(await publisher.publish(b"after"))
        await publisher.close()
        results = await asyncio.gather(*futures, return_exceptions=True)
        pulled = await client.subscriptions.pull("p", "s", 1000)
    messages = [received.message.data for received in pulled]
    assert len(messages) == len(set(messages))
    sent = [str(number).encode() for number in range(100)] + [b"after"]
    for data, result in zip(sent, results, strict=True):
        if isinstance(result, str):
            assert messages[int(result)] == data


async def test_a_publisher_whose_task_is_cancelled_leaves_nobody_waiting(
    odd_server: OddServer, topic: Topic
) -> None:
    topic.open.clear()
    async with AsyncClient(odd_server.url) as client:
        publisher = client.publisher("p", "t", BatchLimits(messages=1))
        futures = [await publisher.publish(b"x") for _ in range(2)]
        await eventually(lambda: odd_server.requests)
        flushing = asyncio.create_task(publisher.flush())
        publisher._task.cancel()
        for result in await asyncio.gather(*futures, return_exceptions=True):
            assert "stopped before" in str(result)
        await flushing
        with pytest.raises(RuntimeError, match="closed"):
            await publisher.publish(b"x")
        await publisher.close()


def make_project(client: Client) -> None:
    client.projects.create("p")
    client.topics.create("p", "t")
    client.subscriptions.create("p", "s", "t")


def test_one_message_at_a_time_is_the_same_route(client: Client, project: str) -> None:
    with client.publisher(project, "t", BatchLimits(messages=1)) as publisher:
        publisher.publish(b"a", key="v", data="attribute")
    client.topics.publish(project, "t", [OutgoingMessage(b"a", {"key": "v", "data": "attribute"})])
    first, second = client.subscriptions.pull(project, "s", 2)
    assert first.message.attributes == second.message.attributes
    assert first.message.data == second.message.data
