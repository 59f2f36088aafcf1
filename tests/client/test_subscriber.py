"""Consuming a subscription of a real broker."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import pytest

from ams.client import (
    AsyncClient,
    Client,
    InvalidName,
    Message,
    OutgoingMessage,
    Retries,
    ServiceError,
    Subscriber,
)
from tests.client.breaking_proxy import BreakingProxy
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.node import Node

QUICK = Retries(base_seconds=0.01, cap_seconds=0.1)


def publish(client: Client, project: str, *numbers: int) -> None:
    messages = [OutgoingMessage(str(number).encode()) for number in numbers]
    client.topics.publish(project, "t", messages)


def current(client: Client, project: str) -> int:
    return client.subscriptions.offsets(project, "s").current


class Received:
    """A callback that stops its subscriber after so many messages."""

    def __init__(self, wanted: int, handle: Callable[[int], None] = lambda _: None) -> None:
        self.numbers: list[int] = []
        self.subscriber: Subscriber
        self._wanted = wanted
        self._handle = handle

    def __call__(self, message: Message) -> None:
        number = int(message.data)
        self.numbers.append(number)
        self._handle(number)
        if len(self.numbers) == self._wanted:
            self.subscriber.stop()

    def run(self, client: Client, project: str, *, max_messages: int = 100) -> list[int]:
        self.subscriber = client.subscribe(project, "s", self, max_messages=max_messages)
        self.subscriber.run()
        return self.numbers


def test_messages_come_in_order_and_are_acknowledged(client: Client, project: str) -> None:
    publish(client, project, *range(50))
    assert Received(50).run(client, project, max_messages=7) == list(range(50))
    assert current(client, project) == 50


async def test_the_async_subscriber_does_the_same(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, *range(50))
    numbers: list[int] = []

    async def handle(message: Message) -> None:
        numbers.append(int(message.data))
        if len(numbers) == 50:
            subscriber.stop()

    subscriber = async_client.subscribe(project, "s", handle, max_messages=7)
    await subscriber.run()
    assert numbers == list(range(50))
    assert current(client, project) == 50


def test_batches_come_whole(client: Client, project: str) -> None:
    publish(client, project, *range(10))
    batches: list[list[int]] = []

    def handle(messages: tuple[Message, ...]) -> None:
        batches.append([int(message.data) for message in messages])
        if batches[-1][-1] == 9:
            subscriber.stop()

    subscriber = client.subscribe_batches(project, "s", handle, max_messages=4)
    subscriber.run()
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert current(client, project) == 10


async def test_async_batches_come_whole(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, *range(3))
    batches: list[int] = []

    async def handle(messages: tuple[Message, ...]) -> None:
        batches.append(len(messages))
        subscriber.stop()

    subscriber = async_client.subscribe_batches(project, "s", handle)
    await subscriber.run()
    assert (batches, current(client, project)) == ([3], 3)


def test_a_subscriber_works_beside_other_things(client: Client, project: str) -> None:
    arrived = threading.Event()
    received = Received(1, lambda _: arrived.set())
    with client.subscribe(project, "s", received) as received.subscriber:
        publish(client, project, 0)
        assert arrived.wait(10)
    assert current(client, project) == 1


async def test_an_async_subscriber_that_waits_stops_at_once(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    arrived = asyncio.Event()

    async def handle(_message: Message) -> None:
        arrived.set()

    async with async_client.subscribe(project, "s", handle):
        publish(client, project, 0)
        await arrived.wait()
        await eventually(lambda: current(client, project) == 1)
        started = time.monotonic()
    # The broker would hold the pull for five seconds.
    assert time.monotonic() - started < 3


def test_stopping_finishes_the_messages_in_hand(client: Client, project: str) -> None:
    publish(client, project, *range(10))
    received = Received(1)
    assert received.run(client, project, max_messages=6) == list(range(6))
    assert current(client, project) == 6
    # Stopped before it starts, it does nothing.
    received.subscriber.run()
    assert len(received.numbers) == 6


async def test_cancelling_finishes_the_messages_in_hand(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, *range(10))
    started, go_on = asyncio.Event(), asyncio.Event()
    numbers: list[int] = []

    async def handle(message: Message) -> None:
        started.set()
        await go_on.wait()
        numbers.append(int(message.data))

    task = asyncio.create_task(async_client.subscribe(project, "s", handle, max_messages=6).run())
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (numbers, current(client, project)) == (list(range(6)), 6)


async def test_cancelling_twice_interrupts_the_callback(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, *range(10))
    third = asyncio.Event()

    async def handle(message: Message) -> None:
        if message.data == b"2":
            third.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(async_client.subscribe(project, "s", handle).run())
    await third.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert current(client, project) == 2


@pytest.mark.parametrize("error", [KeyError("no"), ServiceError(503, "", "of another broker")])
def test_what_a_callback_raises_ends_the_subscriber(
    client: Client, project: str, error: Exception
) -> None:
    publish(client, project, *range(10))

    def fail(number: int) -> None:
        if number == 4:
            raise error

    with pytest.raises(type(error)) as raised:
        Received(10, fail).run(client, project)
    assert raised.value is error
    assert current(client, project) == 4
    with (
        pytest.raises(type(error)),
        client.subscribe(project, "s", Received(10, fail)) as subscriber,
    ):
        subscriber._thread.join()
    assert current(client, project) == 4


async def test_what_an_async_callback_raises_ends_the_subscriber(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, 0, 1)

    async def fail(message: Message) -> None:
        if message.data == b"1":
            raise KeyError

    with pytest.raises(KeyError):
        await async_client.subscribe(project, "s", fail).run()
    assert current(client, project) == 1
    arrived = asyncio.Event()

    async def fail_again(_message: Message) -> None:
        arrived.set()
        raise KeyError

    with pytest.raises(KeyError):
        async with async_client.subscribe(project, "s", fail_again):
            await arrived.wait()


def test_with_on_error_the_message_comes_again(node: Node, project: str) -> None:
    failures = count()
    errors: list[Exception] = []

    def fail_twice(number: int) -> None:
        if number == 1 and next(failures) < 2:
            raise KeyError(number)

    received = Received(5, fail_twice)
    with Client(node.http, node.service_token, retries=QUICK) as client:
        publish(client, project, *range(3))
        received.subscriber = client.subscribe(project, "s", received, on_error=errors.append)
        received.subscriber.run()
        assert received.numbers == [0, 1, 1, 1, 2]
        assert [error.args for error in errors] == [(1,), (1,)]
        assert current(client, project) == 3


def test_on_error_may_end_the_subscriber(client: Client, project: str) -> None:
    publish(client, project, 0)

    def give_up(error: Exception) -> None:
        raise RuntimeError from error

    def fail(_message: Message) -> None:
        raise KeyError

    with pytest.raises(RuntimeError):
        client.subscribe(project, "s", fail, on_error=give_up).run()
    assert current(client, project) == 0


def test_slow_callbacks_are_acknowledged_as_they_go(client: Client, project: str) -> None:
    """Contract: ams-core 6.2. All at once would be past the deadline, and all come again."""
    client.subscriptions.modify_ack_deadline(project, "s", 1)
    publish(client, project, *range(6))
    assert Received(6, lambda _: time.sleep(0.4)).run(client, project) == list(range(6))
    assert current(client, project) == 6


def test_a_callback_slower_than_the_deadline_gets_each_message_once(
    node: Node, project: str
) -> None:
    """Contract: ams-core 6.2, 12.5. The published client would pull the same for ever."""
    with Client(node.http, node.service_token, retries=QUICK) as client:
        client.subscriptions.modify_ack_deadline(project, "s", 0)
        publish(client, project, *range(3))
        received = Received(3, lambda _: time.sleep(1.1))
        assert received.run(client, project) == [0, 1, 2]
        assert current(client, project) == 3


def test_two_subscribers_of_one_subscription_lose_nothing(node: Node, project: str) -> None:
    """Contract: ams-core 5.6. They disturb each other, and both go on."""
    with Client(node.http, node.service_token, retries=QUICK) as client:
        everything = set(range(400))
        seen: set[int] = set()
        done = threading.Event()

        def handle(message: Message) -> None:
            seen.add(int(message.data))
            if seen == everything:
                done.set()

        first = client.subscribe(project, "s", handle, max_messages=10)
        second = client.subscribe(project, "s", handle, max_messages=7)
        with first, second:
            for number in range(0, 400, 20):
                publish(client, project, *range(number, number + 20))
            assert done.wait(20)
        assert seen == everything


def test_what_can_never_work_is_raised(client: Client, project: str) -> None:
    def ignore(_message: Message) -> None:
        pass

    with pytest.raises(InvalidName):
        client.subscribe(project, "a/b", ignore)
    with pytest.raises(ValueError, match="at least one"):
        client.subscribe(project, "s", ignore, max_messages=0)
    with pytest.raises(ServiceError, match="Subscription doesn't exist"):
        client.subscribe(project, "no", ignore).run()
    client.topics.delete(project, "t")
    with pytest.raises(ServiceError, match="Subscription's topic doesn't exist"):
        client.subscribe(project, "s", ignore).run()
    client.topics.create(project, "t")


async def test_a_subscriber_goes_on_when_its_broker_comes_back(start_node: StartNode) -> None:
    node = await start_node()
    token = node.service_token
    with Client(node.http, token, retries=QUICK) as client:
        await asyncio.to_thread(client.projects.create, "p")
        await asyncio.to_thread(client.topics.create, "p", "t")
        await asyncio.to_thread(client.subscriptions.create, "p", "s", "t")
        await asyncio.to_thread(publish, client, "p", *range(20))
        received = Received(60)
        received.subscriber = client.subscribe("p", "s", received, max_messages=3)
        running = asyncio.create_task(asyncio.to_thread(received.subscriber.run))
        await eventually(lambda: len(received.numbers) > 5)
        for start in (20, 40):
            node.kill()
            await node.start()
            await asyncio.to_thread(publish, client, "p", *range(start, start + 20))
            await eventually(partial(received.numbers.__contains__, start + 19))
        received.subscriber.stop()
        await running
        assert sorted(set(received.numbers)) == list(range(60))
        assert await asyncio.to_thread(current, client, "p") == 60


async def test_broken_connections_repeat_no_message_for_ever(node: Node, project: str) -> None:
    with (
        BreakingProxy(int(node.http.rpartition(":")[2])) as proxy,
        Client(node.http, node.service_token) as client,
    ):
        publish(client, project, *range(300))
        async with AsyncClient(proxy.url, node.service_token, retries=QUICK) as broken:
            numbers: list[int] = []

            async def handle(message: Message) -> None:
                numbers.append(int(message.data))
                if len(numbers) % 40 == 0:
                    proxy.break_connections()

            async with broken.subscribe(project, "s", handle, max_messages=15):
                await eventually(lambda: current(client, project) == 300)
    # An acknowledgement that was lost is made up for, so nothing came twice.
    assert numbers == list(range(300))
