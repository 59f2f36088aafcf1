"""Nothing that was answered is lost, whoever is killed."""

import asyncio
import base64
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartNode
from tests.eventually import eventually
from tests.node import Node
from tests.servers import FSYNC, RedisServer

KILLS = 10
PUBLISHERS = 8
#: The longest that any request may take while something is down, in seconds.
LONGEST_ANSWER = 5.0


@dataclass
class Publishers:
    """Publish without a pause, and remember what they were told."""

    node: Node
    answered: dict[int, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    refusals: list[httpx.Response] = field(default_factory=list)
    slowest: float = 0.0
    stopping: bool = False

    async def run(self, number: int) -> None:
        for turn in itertools.count():
            if self.stopping:
                return
            text = f"publisher {number} turn {turn}"
            self.sent.add(text)
            await self.publish(text)

    async def publish(self, text: str) -> None:
        data = base64.b64encode(text.encode()).decode()
        start = time.monotonic()
        try:
            answer = await self.node.request(
                "POST", "/v1/projects/p/topics/t:publish", json={"messages": [{"data": data}]}
            )
        except httpx.TransportError:
            await asyncio.sleep(0)  # The broker itself is down: no answer, no promise.
            return
        finally:
            self.slowest = max(self.slowest, time.monotonic() - start)
        if answer.status_code == HTTPStatus.OK:
            (offset,) = answer.json()["messageIds"]
            assert int(offset) not in self.answered
            self.answered[int(offset)] = text
        else:
            self.refusals.append(answer)

    async def go_on(self) -> None:
        """Returns when 50 more publishes have been answered."""
        enough = len(self.answered) + 50
        await eventually(lambda: len(self.answered) >= enough)


async def make_topic(node: Node) -> None:
    for method, path, body in (
        ("POST", "/v1/projects/p", {}),
        ("PUT", "/v1/projects/p/topics/t", {}),
        ("PUT", "/v1/projects/p/subscriptions/s", {"topic": "projects/p/topics/t"}),
    ):
        assert (await node.request(method, path, json=body)).status_code == HTTPStatus.OK


async def everything_stored(node: Node) -> dict[int, str]:
    """All messages of the topic, by offset."""
    stored: dict[int, str] = {}
    path = "/v1/projects/p/subscriptions/s"
    while True:
        pull = {"maxMessages": "1000", "returnImmediately": "true"}
        answer = await node.request("POST", f"{path}:pull", json=pull)
        assert answer.status_code == HTTPStatus.OK, answer.text
        messages = answer.json()["receivedMessages"]
        if not messages:
            return stored
        for each in messages:
            text = base64.b64decode(each["message"]["data"]).decode()
            stored[int(each["message"]["messageId"])] = text
        ack = {"ackIds": [messages[-1]["ackId"]]}
        assert (await node.request("POST", f"{path}:acknowledge", json=ack)).status_code == 200


async def check(publishers: Publishers) -> None:
    stored = await everything_stored(publishers.node)
    assert publishers.answered, "nothing was published"
    assert {offset: stored.get(offset) for offset in publishers.answered} == publishers.answered
    assert sorted(stored) == list(range(len(stored)))
    assert set(stored.values()) <= publishers.sent
    for refusal in publishers.refusals:
        assert refusal.status_code == HTTPStatus.SERVICE_UNAVAILABLE, refusal.text
        assert refusal.json()["error"]["status"] == "UNAVAILABLE"
    assert publishers.slowest < LONGEST_ANSWER


async def kill_ten_times(publishers: Publishers, crash: Callable[[], object]) -> None:
    """Crashes something again and again, each time after it has been of use."""
    tasks = [asyncio.create_task(publishers.run(number)) for number in range(PUBLISHERS)]
    for _ in range(KILLS):
        await publishers.go_on()
        result = crash()
        if asyncio.iscoroutine(result):
            await result
    await publishers.go_on()
    publishers.stopping = True
    await asyncio.gather(*tasks)


@pytest.fixture
def durable_redis(redis_binary: Path) -> Iterator[RedisServer]:
    with RedisServer(redis_binary, **FSYNC) as server:
        yield server


async def test_redis_killed_ten_times_loses_nothing_that_was_answered(
    start_node: StartNode, durable_redis: RedisServer
) -> None:
    node = await start_node(redis={"url": durable_redis.url})
    await make_topic(node)
    publishers = Publishers(node)

    async def crash() -> None:
        """Kills Redis, and starts it again once a publish has met it dead."""
        met = len(publishers.refusals)
        durable_redis.kill()
        await eventually(lambda: len(publishers.refusals) > met)
        durable_redis.start()

    await kill_ten_times(publishers, crash)
    await check(publishers)


async def test_a_broker_killed_ten_times_loses_nothing_that_was_answered(
    start_node: StartNode,
) -> None:
    node = await start_node()
    await make_topic(node)
    publishers = Publishers(node)
    await kill_ten_times(publishers, node.restart)
    await check(publishers)


async def test_a_redis_that_hangs_is_answered_with_503_within_five_seconds(
    start_node: StartNode, durable_redis: RedisServer
) -> None:
    node = await start_node(redis={"url": durable_redis.url})
    await make_topic(node)
    publishers = Publishers(node)
    await publishers.publish("before")
    durable_redis.pause()
    try:
        await asyncio.gather(*(publishers.publish(f"meanwhile {n}") for n in range(20)))
    finally:
        durable_redis.resume()
    assert len(publishers.refusals) == 20
    publishers.sent |= {f"meanwhile {n}" for n in range(20)} | {"before", "after"}
    await eventually(lambda: publish_succeeds(publishers, "after"))
    await check(publishers)


async def publish_succeeds(publishers: Publishers, text: str) -> bool:
    before = len(publishers.answered)
    await publishers.publish(text)
    return len(publishers.answered) > before


async def test_a_full_redis_refuses_publishes_and_nothing_else(
    start_node: StartNode, durable_redis: RedisServer
) -> None:
    node = await start_node(redis={"url": durable_redis.url})
    await make_topic(node)
    big = base64.b64encode(b"x" * 100_000).decode()
    publish = {"messages": [{"data": big}] * 10}
    with durable_redis.client() as redis:
        used = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", used + 5_000_000)
        answers = [
            await node.request("POST", "/v1/projects/p/topics/t:publish", json=publish)
            for _ in range(20)
        ]
        assert answers[0].status_code == HTTPStatus.OK
        full = answers[-1]
        assert full.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert full.json()["error"]["message"] == "Message store is full, try again later"
        stored = sum(answer.status_code == HTTPStatus.OK for answer in answers) * 10
        path = "/v1/projects/p/subscriptions/s"
        offsets = (await node.request("GET", f"{path}:offsets")).json()
        assert offsets == {"max": stored, "min": 0, "current": 0}
        pulled = await node.request("POST", f"{path}:pull", json={"maxMessages": "3"})
        assert len(pulled.json()["receivedMessages"]) == 3
        ack = {"ackIds": [pulled.json()["receivedMessages"][-1]["ackId"]]}
        assert (await node.request("POST", f"{path}:acknowledge", json=ack)).status_code == 200
        assert (await node.request("GET", f"{path}:offsets")).json()["current"] == 3
        redis.config_set("maxmemory", used + 50_000_000)
    again = await node.request("POST", "/v1/projects/p/topics/t:publish", json=publish)
    assert again.json()["messageIds"][0] == str(stored)
