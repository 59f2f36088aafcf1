"""Thousands of pulls that wait cost next to nothing (contract: decision 2, O-29)."""

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.api.bare import exchange, head
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.node import Node
from tests.servers import FSYNC, RedisServer

WAITING = 2000
#: Most connections to Redis that a worker may hold.
CONNECTIONS = 8
#: Seconds over which the processor time of waiting is measured, and the share that is nothing: a
#: broker without any client takes a third of it.
QUIET_SECONDS = 5.0
QUIET_SHARE = 0.03


@pytest_asyncio.fixture
async def patient(
    start_node: StartNode, redis_binary: Path
) -> AsyncIterator[tuple[Node, RedisServer]]:
    """A node whose pulls wait for minutes, and its Redis."""
    with RedisServer(redis_binary, **FSYNC) as redis:
        node = await start_node(
            redis={"url": redis.url}, messages={"pull_wait_seconds": 300.0}, log={"requests": False}
        )
        for method, path, body in (
            ("POST", "/v1/projects/p", {}),
            ("PUT", "/v1/projects/p/topics/busy", {}),
            ("PUT", "/v1/projects/p/topics/idle", {}),
            ("PUT", "/v1/projects/p/subscriptions/busy", {"topic": "projects/p/topics/busy"}),
            ("PUT", "/v1/projects/p/subscriptions/idle", {"topic": "projects/p/topics/idle"}),
        ):
            assert (await node.request(method, path, json=body)).status_code == HTTPStatus.OK
        yield node, redis


async def waiting(node: Node) -> int:
    """The gauge of waiting pulls."""
    text = (await node.request("GET", "/metrics")).text
    found = re.search(r"^ams_waiting_pulls (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0


def pull(client: httpx.AsyncClient, node: Node, name: str) -> "asyncio.Task[httpx.Response]":
    return asyncio.create_task(
        client.post(
            f"/v1/projects/p/subscriptions/{name}:pull",
            headers={"x-api-key": node.service_token},
            json={"returnImmediately": "false"},
        )
    )


def bare_pull(node: Node, name: str) -> asyncio.Task[int]:
    """A pull on a connection of its own, as an HTTP client's pool is slow with thousands of them.

    Gives the number of messages.
    """
    body = b'{"returnImmediately": "false"}'
    path = f"/v1/projects/p/subscriptions/{name}:pull"
    request = head("POST", path, {"Content-Length": len(body)}) + body

    async def number() -> int:
        answer = await exchange(node, request, within=300)
        return len(json.loads(answer.body)["receivedMessages"])

    return asyncio.create_task(number())


async def publish(node: Node, topic: str) -> None:
    body = {"messages": [{"data": base64.b64encode(b"wake up").decode()}]}
    answer = await node.request("POST", f"/v1/projects/p/topics/{topic}:publish", json=body)
    assert answer.status_code == HTTPStatus.OK


def patient_client(node: Node) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=node.http, timeout=300, trust_env=False)


def processor_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), fields 14 and 15)."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 (proc is no ordinary file)
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_2000_waiting_pulls_hold_few_connections_and_no_processor(
    patient: tuple[Node, RedisServer],
) -> None:
    node, redis = patient
    idle = [bare_pull(node, "idle") for _ in range(WAITING - 10)]
    busy = [bare_pull(node, "busy") for _ in range(10)]
    await eventually(lambda: all_wait(node, WAITING), within=60)
    with redis.client() as redis_client:
        others = 1  # This client itself.
        assert len(redis_client.client_list()) - others <= CONNECTIONS
    before, start = processor_seconds(node.process.pid), time.monotonic()
    await eventually(lambda: time.monotonic() - start > QUIET_SECONDS)
    used = processor_seconds(node.process.pid) - before
    assert used / QUIET_SECONDS < QUIET_SHARE

    await publish(node, "busy")
    assert set(await asyncio.gather(*busy)) == {1}
    assert await waiting(node) == len(idle)
    assert not any(task.done() for task in idle)

    for task in idle[:500]:
        task.cancel()
    await eventually(lambda: all_wait(node, len(idle) - 500), within=30)

    await publish(node, "idle")
    assert set(await asyncio.gather(*idle[500:])) == {1}
    assert await waiting(node) == 0


async def all_wait(node: Node, count: int) -> bool:
    return await waiting(node) == count


async def test_a_stopping_node_answers_the_pulls_that_wait(
    patient: tuple[Node, RedisServer],
) -> None:
    node, _ = patient
    async with patient_client(node) as client:
        task = pull(client, node, "idle")
        await eventually(lambda: all_wait(node, 1))
        assert await asyncio.to_thread(node.terminate) == 0
        answer = await task
    assert (answer.status_code, answer.json()) == (HTTPStatus.OK, {"receivedMessages": []})


async def test_moving_the_offset_back_wakes_a_pull_that_waits(
    patient: tuple[Node, RedisServer],
) -> None:
    node, _ = patient
    await publish(node, "idle")
    path = "/v1/projects/p/subscriptions/idle"
    await node.request("POST", f"{path}:modifyOffset", json={"offset": 1})
    async with patient_client(node) as client:
        task = pull(client, node, "idle")
        await eventually(lambda: all_wait(node, 1))
        await node.request("POST", f"{path}:modifyOffset", json={"offset": 0})
        assert len((await task).json()["receivedMessages"]) == 1


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/projects/p/topics/idle", 409, "Subscription's topic doesn't exist"),
        ("/v1/projects/p/subscriptions/idle", 404, "Subscription doesn't exist"),
        ("/v1/projects/p", 404, "Subscription doesn't exist"),
    ],
)
async def test_deleting_what_a_pull_waits_for_ends_the_wait(
    patient: tuple[Node, RedisServer], path: str, status: int, message: str
) -> None:
    node, _ = patient
    async with patient_client(node) as client:
        task = pull(client, node, "idle")
        await eventually(lambda: all_wait(node, 1))
        assert (await node.request("DELETE", path)).status_code == HTTPStatus.OK
        answer = await asyncio.wait_for(task, 10)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


async def test_a_wait_survives_a_restart_of_redis(patient: tuple[Node, RedisServer]) -> None:
    node, redis = patient
    async with patient_client(node) as client:
        task = pull(client, node, "idle")
        await eventually(lambda: all_wait(node, 1))
        await asyncio.to_thread(redis.restart)
        await eventually(lambda: published(node, "idle"))
        assert len((await asyncio.wait_for(task, 20)).json()["receivedMessages"]) == 1


async def published(node: Node, topic: str) -> bool:
    body = {"messages": [{"data": ""}]}
    answer = await node.request("POST", f"/v1/projects/p/topics/{topic}:publish", json=body)
    return answer.status_code == HTTPStatus.OK


async def test_a_pull_that_waits_in_vain_answers_an_empty_list(start_node: StartNode) -> None:
    node = await start_node(messages={"pull_wait_seconds": 0.2})
    await node.request("POST", "/v1/projects/p", json={})
    await node.request("PUT", "/v1/projects/p/topics/t")
    await node.request(
        "PUT", "/v1/projects/p/subscriptions/s", json={"topic": "projects/p/topics/t"}
    )
    start = time.monotonic()
    answer = await node.request(
        "POST", "/v1/projects/p/subscriptions/s:pull", json={"returnImmediately": "false"}
    )
    assert answer.json() == {"receivedMessages": []}
    assert 0.2 <= time.monotonic() - start < 2
