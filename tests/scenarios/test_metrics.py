"""Metrics are exact while two brokers are busy (contract: ams-users-metrics 8)."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Final

import pytest_asyncio

from tests.api.client import Object, Project, object_in
from tests.node import Node

Nodes = tuple[Node, Node]

#: Each with a subscription.
TOPICS: Final = 3
#: That publish to a topic through a node; as many pull.
CLIENTS: Final = 4
#: Requests of each client, and messages of each publish.
TURNS: Final = 15
BATCH: Final = 3
DATA: Final = base64.b64encode(b"some data").decode()


@pytest_asyncio.fixture
async def places(two_nodes: Nodes) -> AsyncIterator[tuple[Project, Project]]:
    """The same project, seen from each node."""
    here = await Project.create(two_nodes[0])
    for number in range(TOPICS):
        await here.topic(f"t{number}")
        await here.subscription(f"s{number}", f"t{number}")
    yield here, Project(two_nodes[1], here.name)
    await here.remove()


async def values(place: Project, path: str) -> dict[str, float]:
    """The metrics that are not rates; of daily series the sum."""
    found: list[Object] = object_in(await place.request("GET", f"{path}:metrics"))["metrics"]
    return {
        each["metric"].partition(".")[2]: sum(point["value"] for point in each["timeseries"])
        for each in found
        if each["metric_type"] == "counter"
    }


async def published(place: Project) -> int:
    path = f"/v1/metrics/va_metrics?projects={place.name}"
    report = object_in(await place.node.request("GET", path))
    count: int = report["projects_metrics"]["total_message_count"]
    return count


async def test_numbers_are_exact_while_both_nodes_publish_and_pull(
    places: tuple[Project, Project],
) -> None:
    pulled = dict.fromkeys(range(TOPICS), 0)
    answered = 0
    busy = True

    async def publish(place: Project, number: int) -> None:
        nonlocal answered
        for _ in range(TURNS):
            await place.publish_messages(f"t{number}", *[{"data": DATA}] * BATCH)
            answered += BATCH

    async def pull(place: Project, number: int) -> None:
        for _ in range(TURNS):
            messages = await place.pull(f"s{number}", 5)
            pulled[number] += len(messages)

    async def watch(place: Project) -> None:
        """What was answered is counted, on whichever node; and no more than was sent."""
        while busy:
            least = answered
            days = (await values(place, ""))["number_of_daily_messages"]
            assert least <= days <= await published(place) <= everything

    each_topic = 2 * CLIENTS * TURNS * BATCH
    everything = TOPICS * each_topic
    watchers = [asyncio.create_task(watch(place)) for place in places]
    await asyncio.gather(
        *(
            work(place, number)
            for work in (publish, pull)
            for place in places
            for number in range(TOPICS)
            for _ in range(CLIENTS)
        )
    )
    busy = False
    await asyncio.gather(*watchers)
    for place in places:
        assert await values(place, "") == {
            "number_of_topics": TOPICS,
            "number_of_subscriptions": TOPICS,
            "number_of_daily_messages": everything,
        }
        assert await published(place) == everything
        for number in range(TOPICS):
            assert await values(place, f"/topics/t{number}") == {
                "number_of_subscriptions": 1,
                "number_of_messages": each_topic,
                "number_of_bytes": each_topic * len(DATA),
                "number_of_daily_messages": each_topic,
            }
            assert await values(place, f"/subscriptions/s{number}") == {
                "number_of_messages": pulled[number],
                "number_of_bytes": pulled[number] * len(DATA),
            }


async def test_a_changed_access_list_holds_on_the_other_node_for_the_next_request(
    places: tuple[Project, Project],
) -> None:
    here, there = places
    user = await here.user("publisher", "consumer")
    for turn in range(6):
        allowed = turn % 2 == 1
        for resource in ("topics/t0", "subscriptions/s0"):
            await here.allow(resource, *[user] * allowed)
            answer = await there.request("GET", f"/{resource}:metrics", token=user.token)
            assert answer.status_code == (200 if allowed else 403)
        here, there = there, here


async def test_both_nodes_tell_of_the_same_hosts(two_nodes: Nodes) -> None:
    """Contract: ams-users-metrics 14 #6: one record a host, whoever measured it last."""
    for node in two_nodes * 2:
        found = object_in(await node.request("GET", "/v1/metrics"))["metrics"]
        assert [each["metric"] for each in found] == [
            "ams_node.cpu_usage",
            "ams_node.memory_usage",
        ]
