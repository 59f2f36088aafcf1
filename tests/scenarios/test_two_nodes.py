"""Two brokers on one Redis and one MariaDB behave as one."""

import asyncio
import base64
import itertools
import time
import uuid
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import pytest_asyncio

from tests.conftest import StartNode
from tests.eventually import eventually
from tests.mariadb import MariaDB
from tests.node import Node
from tests.servers import FSYNC, RedisServer

Nodes = tuple[Node, Node]
PUBLISHERS = 32
PUBLISHES = 40


class Project:
    """A project with topic `t`, subscription `s` and users, made through one node."""

    def __init__(self, name: str, publisher: str, consumer: str) -> None:
        self.path = f"/v1/projects/{name}"
        self.name = name
        self.publisher = publisher
        self.consumer = consumer

    @property
    def publish(self) -> str:
        return f"{self.path}/topics/t:publish"

    @property
    def pull(self) -> str:
        return f"{self.path}/subscriptions/s:pull"


async def ok(node: Node, method: str, path: str, json: object = None) -> dict[str, object]:
    answer = await node.request(method, path, json=json)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json() if answer.content else {}


def message(text: str) -> dict[str, object]:
    return {"messages": [{"data": base64.b64encode(text.encode()).decode()}]}


async def make_user(node: Node, project: str, role: str) -> tuple[str, str]:
    """Name and token of a new user with a role in the project."""
    name = f"{role}-{uuid.uuid4().hex[:8]}"
    body = {"projects": [{"project": project, "roles": [role]}]}
    user = await ok(node, "POST", f"/v1/users/{name}", body)
    return name, str(user["token"])


@pytest_asyncio.fixture
async def project(two_nodes: Nodes) -> AsyncIterator[Project]:
    first, _ = two_nodes
    name = f"project-{uuid.uuid4().hex[:8]}"
    await ok(first, "POST", f"/v1/projects/{name}", {})
    await ok(first, "PUT", f"/v1/projects/{name}/topics/t")
    await ok(
        first,
        "PUT",
        f"/v1/projects/{name}/subscriptions/s",
        {"topic": f"projects/{name}/topics/t"},
    )
    yield Project(
        name,
        (await make_user(first, name, "publisher"))[1],
        (await make_user(first, name, "consumer"))[1],
    )
    await ok(first, "DELETE", f"/v1/projects/{name}")


async def test_created_here_and_published_there_at_once(two_nodes: Nodes) -> None:
    here, there = two_nodes
    name = f"project-{uuid.uuid4().hex[:8]}"
    for turn in range(20):
        await ok(here, "POST", f"/v1/projects/{name}-{turn}", {})
        await ok(here, "PUT", f"/v1/projects/{name}-{turn}/topics/t")
        answer = await ok(
            there, "POST", f"/v1/projects/{name}-{turn}/topics/t:publish", message("x")
        )
        assert answer == {"messageIds": ["0"]}
        here, there = there, here


async def test_a_changed_access_list_holds_on_the_other_node_for_the_next_request(
    two_nodes: Nodes, project: Project
) -> None:
    here, there = two_nodes
    user, token = await make_user(here, project.name, "publisher")
    for turn in range(20):
        allowed = turn % 2 == 1
        names = [user] if allowed else []
        body = {"authorized_users": names}
        await ok(here, "POST", f"{project.path}/topics/t:modifyAcl", body)
        for node in (there, here, there):
            answer = await node.request("POST", project.publish, token=token, json=message("x"))
            assert answer.status_code == (HTTPStatus.OK if allowed else HTTPStatus.FORBIDDEN)
        here, there = there, here


async def test_who_is_let_in_or_gets_a_topic_back_is_not_refused_for_want_of_a_broadcast(
    start_node: StartNode, redis_binary: Path
) -> None:
    """What one node remembers against a request is looked up before it is said."""
    with RedisServer(redis_binary, **FSYNC) as server, server.client() as redis:
        here, there = [await start_node(redis={"url": server.url}) for _ in range(2)]
        await ok(here, "POST", "/v1/projects/p", {})
        user, token = await make_user(here, "p", "publisher")
        topic, pull = "/v1/projects/p/topics/t", "/v1/projects/p/subscriptions/s:pull"
        await ok(here, "PUT", topic)
        await ok(here, "PUT", "/v1/projects/p/subscriptions/s", {"topic": "projects/p/topics/t"})
        for _ in range(5):
            answer = await there.request("POST", f"{topic}:publish", token=token, json=message("x"))
            assert answer.status_code == HTTPStatus.FORBIDDEN
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await ok(here, "POST", f"{topic}:modifyAcl", {"authorized_users": [user]})
            answer = await there.request("POST", f"{topic}:publish", token=token, json=message("x"))
            assert answer.status_code == HTTPStatus.OK
            await ok(here, "DELETE", topic)
            assert (await there.request("POST", pull, json={})).status_code == HTTPStatus.CONFLICT
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await ok(here, "PUT", topic)
            await ok(there, "POST", pull, {})


async def test_a_changed_ack_deadline_holds_on_the_other_node_for_the_next_request(
    two_nodes: Nodes, project: Project
) -> None:
    """Contract: ams-core 4.8. It counts for a pull already outstanding, too."""
    here, there = two_nodes
    path = f"{project.path}/subscriptions/s"
    await ok(there, "POST", project.publish, message("x"))
    pulled = await ok(there, "POST", project.pull, {})
    received = pulled["receivedMessages"]
    assert isinstance(received, list)
    pulled_at = int(time.time())
    await ok(here, "POST", f"{path}:modifyAckDeadline", {"ackDeadlineSeconds": 0})
    await eventually(lambda: int(time.time()) > pulled_at)
    ack = {"ackIds": [received[0]["ackId"]]}
    answer = await there.request("POST", f"{path}:acknowledge", json=ack)
    assert answer.status_code == HTTPStatus.REQUEST_TIMEOUT


async def test_a_deleted_topic_is_gone_on_the_other_node_for_the_next_request(
    two_nodes: Nodes, project: Project
) -> None:
    here, there = two_nodes
    for _ in range(10):
        await ok(there, "POST", project.publish, message("x"))
        await ok(there, "POST", project.pull, {})
        await ok(here, "DELETE", f"{project.path}/topics/t")
        publish = await there.request("POST", project.publish, json=message("late"))
        assert publish.status_code == HTTPStatus.NOT_FOUND
        assert publish.json()["error"]["message"] == "Topic doesn't exist"
        pull = await there.request("POST", project.pull, json={})
        assert pull.status_code == HTTPStatus.CONFLICT
        assert pull.json()["error"]["message"] == "Subscription's topic doesn't exist"
        await ok(here, "PUT", f"{project.path}/topics/t")
        assert (await ok(there, "POST", project.pull, {}))["receivedMessages"] == []
        here, there = there, here


async def test_a_recreated_topic_starts_at_0_and_its_subscriptions_with_it(
    two_nodes: Nodes, project: Project
) -> None:
    """Contract: O-14."""
    here, there = two_nodes
    await ok(here, "POST", project.publish, message("old"))
    await ok(here, "POST", project.pull, {})
    await ok(here, "DELETE", f"{project.path}/topics/t")
    await ok(there, "PUT", f"{project.path}/topics/t")
    assert (await ok(here, "POST", project.publish, message("new")))["messageIds"] == ["0"]
    offsets = await ok(here, "GET", f"{project.path}/subscriptions/s:offsets")
    assert offsets == {"max": 1, "min": 0, "current": 0}


async def test_a_refreshed_token_is_refused_on_the_other_node_within_a_second(
    two_nodes: Nodes, project: Project
) -> None:
    here, there = two_nodes
    user, token = await make_user(here, project.name, "publisher")
    await ok(here, "POST", f"{project.path}/topics/t:modifyAcl", {"authorized_users": [user]})
    for _ in range(5):
        assert await publishes(there, project, token)
        fresh = str((await ok(here, "POST", f"/v1/users/{user}:refreshToken"))["token"])
        await eventually(partial(refused, there, project, token), within=1.0)
        assert await publishes(there, project, fresh)
        token = fresh


async def test_a_deleted_user_is_refused_on_the_other_node_within_a_second(
    two_nodes: Nodes, project: Project
) -> None:
    here, there = two_nodes
    user, token = await make_user(here, project.name, "publisher")
    await ok(here, "POST", f"{project.path}/topics/t:modifyAcl", {"authorized_users": [user]})
    assert await publishes(there, project, token)
    await ok(here, "DELETE", f"/v1/users/{user}")
    await eventually(partial(refused, there, project, token), within=1.0)


async def publishes(node: Node, project: Project, token: str) -> bool:
    answer = await node.request("POST", project.publish, token=token, json=message("x"))
    return answer.status_code == HTTPStatus.OK


async def refused(node: Node, project: Project, token: str) -> bool:
    answer = await node.request("POST", project.publish, token=token, json=message("x"))
    return answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_offsets_are_exact_and_contiguous_under_publishers_on_both_nodes(
    two_nodes: Nodes, project: Project
) -> None:
    """Contract: O-18."""
    told: dict[int, str] = {}

    async def run(number: int, node: Node) -> None:
        for turn in range(PUBLISHES):
            texts = [f"{number} {turn} {i}" for i in range(1 + turn % 3)]
            body = {"messages": [message(text)["messages"][0] for text in texts]}  # type: ignore[index]
            answer = await ok(node, "POST", project.publish, body)
            offsets = [int(str(offset)) for offset in answer["messageIds"]]  # type: ignore[attr-defined]
            assert offsets == list(range(offsets[0], offsets[0] + len(texts)))
            told.update(zip(offsets, texts, strict=True))

    nodes = itertools.cycle(two_nodes)
    await asyncio.gather(*(run(number, next(nodes)) for number in range(PUBLISHERS)))
    assert sorted(told) == list(range(len(told)))
    pull = {"maxMessages": "1000", "returnImmediately": "true"}
    stored: dict[int, str] = {}
    while len(stored) < len(told):
        pulled = await ok(two_nodes[1], "POST", project.pull, pull)
        received = pulled["receivedMessages"]
        assert isinstance(received, list)
        for each in received:
            text = base64.b64decode(each["message"]["data"]).decode()
            stored[int(each["message"]["messageId"])] = text
        ack = {"ackIds": [received[-1]["ackId"]]}
        await ok(two_nodes[0], "POST", f"{project.path}/subscriptions/s:acknowledge", ack)
    assert stored == told


async def test_a_pull_that_waits_here_gets_what_is_published_there(
    two_nodes: Nodes, project: Project
) -> None:
    here, there = two_nodes
    for turn in range(10):
        waiting = asyncio.create_task(
            ok(here, "POST", project.pull, {"returnImmediately": "false"})
        )
        await eventually(partial(pulls_wait, here))
        await ok(there, "POST", project.publish, message(str(turn)))
        received = (await waiting)["receivedMessages"]
        assert isinstance(received, list)
        assert received[0]["message"]["messageId"] == str(turn)
        ack = {"ackIds": [received[0]["ackId"]]}
        await ok(there, "POST", f"{project.path}/subscriptions/s:acknowledge", ack)
        here, there = there, here


async def pulls_wait(node: Node) -> bool:
    return "ams_waiting_pulls 1.0" in (await node.request("GET", "/metrics")).text


async def test_with_mariadb_away_cached_metadata_serves_for_a_while_and_then_503(
    start_node: StartNode, mariadb: MariaDB
) -> None:
    own = MariaDB()
    with own:
        node = await start_node(database={"url": own.create_database()})
        await ok(node, "POST", "/v1/projects/p", {})
        await ok(node, "PUT", "/v1/projects/p/topics/t")
        await ok(node, "PUT", "/v1/projects/p/topics/other")
        await ok(node, "POST", "/v1/projects/p/topics/t:publish", message("before"))
        own.kill()
        await ok(node, "POST", "/v1/projects/p/topics/t:publish", message("cached"))
        for path in ("/v1/projects/p/topics", "/v1/users"):
            answer = await node.request("GET", path)
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert answer.json()["error"]["status"] == "UNAVAILABLE"
        uncached = await node.request(
            "POST", "/v1/projects/p/topics/other:publish", json=message("x")
        )
        assert uncached.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        await eventually(lambda: no_longer_cached(node))
        own.start()
        await eventually(lambda: publishes_again(node))


async def no_longer_cached(node: Node) -> bool:
    answer = await node.request("POST", "/v1/projects/p/topics/t:publish", json=message("x"))
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE


async def publishes_again(node: Node) -> bool:
    answer = await node.request("POST", "/v1/projects/p/topics/other:publish", json=message("x"))
    return answer.status_code == HTTPStatus.OK
