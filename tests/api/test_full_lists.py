"""Lists in full, sorted and filtered. The usual view is the contract's: see test_paging.py."""

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from ams.api import subscription_list, topic_list
from tests.api.client import Object, Project, assert_empty, assert_error, object_in
from tests.conftest import StartNode


# Any: what httpx takes for a parameter.
async def listed(project: Project, kind: str = "topics", **query: Any) -> Object:  # noqa: ANN401 (handed to httpx)
    return object_in(await project.request("GET", f"/{kind}", params=query))


def names(page: Object, kind: str = "topics") -> list[str]:
    return [item["name"].rpartition("/")[2] for item in page[kind]]


async def statistics(project: Project, kind: str) -> dict[str, Object]:
    page = await listed(project, kind, view="full")
    return {item["name"].rpartition("/")[2]: item["statistics"] for item in page[kind]}


async def busy(project: Project) -> None:
    """Topics `a`, `b`, `c` with 1, 3 and 2 messages; `idle` without any."""
    for name, texts in (("a", "x"), ("b", "xyz"), ("c", "xy"), ("idle", "")):
        await project.topic(name)
        if texts:
            await project.publish(name, *texts)


@pytest.mark.parametrize("kind", ["topics", "subscriptions"])
async def test_the_basic_view_is_byte_for_byte_the_contracts(queue: Project, kind: str) -> None:
    """Contract: ams-core 1.14, 3.4, 4.5."""
    plain = await queue.request("GET", f"/{kind}")
    basic = await queue.request("GET", f"/{kind}", params={"view": "basic", "filter": ""})
    assert basic.content == plain.content
    (item,) = object_in(plain)[kind]
    shown = object_in(await queue.request("GET", f"/{kind}/{item['name'].rpartition('/')[2]}"))
    assert item == shown
    assert plain.content.startswith(f'{{"{kind}":[{{"name":"/projects/'.encode())
    assert plain.content.endswith(b'}],"nextPageToken":"","totalSize":1}')


async def test_a_topic_in_full(queue: Project) -> None:
    await queue.topic("idle")
    await queue.publish("t", "one", "two")
    object_in(await queue.request("POST", "/topics/t:purge"))
    await queue.publish("t", "three")
    peeked = object_in(await queue.request("GET", "/topics/t/messages"))
    found = await statistics(queue, "topics")
    assert found["idle"] == {
        "messages": 0,
        "bytes": 0,
        "storedMessages": 0,
        "storedBytes": 0,
        "publishRate": 0.0,
        "subscriptions": 0,
    }
    assert found["t"].pop("publishRate") > 0
    assert found["t"].pop("storedBytes") >= 8
    assert found["t"] == {
        "messages": 3,
        "bytes": 4 + 4 + 8,
        "storedMessages": 1,
        "subscriptions": 1,
        "lastPublish": peeked["messages"][0]["publishTime"],
    }


async def test_a_subscription_in_full(queue: Project) -> None:
    found = await statistics(queue, "subscriptions")
    idle = {
        "backlog": 0,
        "deliveredMessages": 0,
        "deliveredBytes": 0,
        "consumptionRate": 0.0,
        "pushState": "none",
    }
    assert found["s"] == idle
    await queue.publish("t", *"abc")
    await queue.pull("s", 3)
    await queue.acknowledge("s", 0)
    found = await statistics(queue, "subscriptions")
    assert 0 <= found["s"].pop("oldestUnacknowledgedSeconds") < 60
    assert found["s"].pop("consumptionRate") > 0
    assert found["s"].pop("lastPull") <= found["s"].pop("lastAcknowledgement")
    assert found["s"] == {
        "backlog": 2,
        "deliveredMessages": 3,
        "deliveredBytes": 12,
        "pushState": "none",
    }
    assert_empty(await queue.request("DELETE", "/topics/t"))
    assert (await statistics(queue, "subscriptions"))["s"] == idle


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", ["idle", "c", "b", "a"]),
        ("created desc", ["idle", "c", "b", "a"]),
        ("created", ["a", "b", "c", "idle"]),
        ("name", ["a", "b", "c", "idle"]),
        ("name desc", ["idle", "c", "b", "a"]),
        ("messages", ["idle", "a", "c", "b"]),
        ("messages desc", ["b", "c", "a", "idle"]),
        ("bytes desc", ["b", "c", "a", "idle"]),
        ("storedMessages", ["idle", "a", "c", "b"]),
        ("storedBytes desc", ["b", "c", "a", "idle"]),
        ("lastPublish", ["idle", "a", "b", "c"]),
        ("lastPublish desc", ["c", "b", "a", "idle"]),
        ("subscriptions", ["a", "b", "c", "idle"]),
        ("subscriptions desc", ["idle", "c", "b", "a"]),
    ],
)
async def test_topics_come_in_any_order_on_pages_of_any_size(
    project: Project, order: str, expected: list[str]
) -> None:
    await busy(project)
    assert names(await listed(project, view="full", orderBy=order)) == expected
    for view in (
        ["full"] if order.removesuffix(" desc") in topic_list._COUNTERS else ["full", "basic"]
    ):
        found: list[str] = []
        token, pages = "", 0
        while pages == 0 or token:
            page = await listed(project, view=view, orderBy=order, pageSize=3, pageToken=token)
            assert page["totalSize"] == 4
            found += names(page)
            token, pages = page["nextPageToken"], pages + 1
        assert (found, pages) == (expected, 2)


async def test_subscriptions_are_sorted_by_all_that_they_show(project: Project) -> None:
    for name in ("a", "b", "idle"):
        await project.topic(name)
        await project.subscription(name, name)
    await project.publish("a", "x")
    await project.publish("b", *"xy")
    await project.pull("a")
    await project.pull("b", 2)
    await project.acknowledge("b", 0)
    up = {
        "backlog": ["idle", "a", "b"],
        "oldestUnacknowledgedSeconds": ["idle", "b", "a"],
        "lastPull": ["idle", "a", "b"],
        "lastAcknowledgement": ["a", "idle", "b"],
        "deliveredMessages": ["idle", "a", "b"],
        "deliveredBytes": ["idle", "a", "b"],
    }
    # Both have one message left: who was made later has the larger id.
    assert {*up, "consumptionRate"} == set(subscription_list._COUNTERS)
    for order, expected in up.items():
        page = await listed(project, "subscriptions", view="full", orderBy=order)
        assert names(page, "subscriptions") == expected, order
        page = await listed(project, "subscriptions", view="full", orderBy=f"{order} desc")
        assert names(page, "subscriptions") == expected[::-1], order


async def test_pages_by_a_counter_are_stable_while_it_grows(project: Project) -> None:
    await busy(project)
    query = {"view": "full", "orderBy": "messages desc", "pageSize": "2"}
    first = await listed(project, **query)
    await project.publish("b", "more")
    assert_empty(await project.request("DELETE", "/topics/a"))
    second = await listed(project, **query, pageToken=first["nextPageToken"])
    assert names(first) + names(second) == ["b", "c", "idle"]
    assert (second["nextPageToken"], second["totalSize"]) == ("", 3)


@pytest.mark.parametrize(
    ("part", "found"),
    [("news", ["OldNews", "news1"]), ("NEWS1", ["news1"]), ("%", []), ("_", ["a_b"]), ("\0", [])],
)
async def test_a_filter_finds_parts_of_names_in_any_case(
    project: Project, part: str, found: list[str]
) -> None:
    for name in ("a_b", "news1", "OldNews"):
        await project.topic(name)
        await project.subscription(name, name)
    for kind in ("topics", "subscriptions"):
        for query in ({}, {"view": "full"}, {"view": "full", "orderBy": "created desc"}):
            page = await listed(project, kind, filter=part, **query)
            assert (names(page, kind), page["totalSize"]) == (found, len(found))


async def test_publishers_and_consumers_see_their_own_in_full_too(queue: Project) -> None:
    """Contract: ams-core 1.6."""
    await queue.topic("other")
    await queue.subscription("another", "other")
    user = await queue.user("publisher", "consumer")
    await queue.allow("topics/t", user)
    await queue.allow("subscriptions/s", user)
    for kind, name, order in (("topics", "t", "messages"), ("subscriptions", "s", "backlog")):
        answer = await queue.request(
            "GET", f"/{kind}", token=user.token, params={"view": "full", "orderBy": order}
        )
        assert (names(object_in(answer), kind), answer.json()["totalSize"]) == ([name], 1)


def token_of(*place: object) -> str:
    return base64.b64encode(json.dumps(place).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"orderBy": "name", "pageToken": base64.b64encode(b"f" * 24).decode()},
        {"orderBy": "name", "pageToken": token_of("name desc", "t", 1)},
        {"orderBy": "name", "pageToken": token_of("name", 1, 1)},
        {"orderBy": "name", "pageToken": token_of("name", "t" * 256, 1)},
        {"orderBy": "name", "pageToken": token_of("name", "\ud800", 1)},
        {"orderBy": "name", "pageToken": token_of("name", "t", 2**63)},
        {"orderBy": "name", "pageToken": token_of("name", "t", -1)},
        {"orderBy": "name", "pageToken": token_of("name", "t")},
        {"orderBy": "name", "pageToken": token_of(*([[]] * 1000))},
        {"orderBy": "name", "pageToken": "x"},
        {"orderBy": "created", "pageToken": token_of("created", 1.5, 1)},
        {"view": "full", "orderBy": "messages", "pageToken": token_of("messages", "t", 1)},
        {"view": "full", "orderBy": "messages", "pageToken": token_of("bytes", 1, 1)},
        {"view": "full", "pageToken": token_of("created desc", "", 1)},
    ],
)
async def test_a_page_token_of_another_list_is_400(quiet: Project, query: dict[str, str]) -> None:
    answer = await quiet.request("GET", "/topics", params=query)
    assert_error(answer, 400, "Invalid page token")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"view": "FULL"}, "Invalid view (needs basic or full)"),
        ({"view": "full", "orderBy": "size"}, "Invalid orderBy"),
        ({"orderBy": "name asc"}, "Invalid orderBy"),
        ({"orderBy": "desc"}, "Invalid orderBy"),
    ],
)
async def test_a_wrong_view_or_order_is_400(
    quiet: Project, query: dict[str, str], message: str
) -> None:
    for kind in ("topics", "subscriptions"):
        assert_error(await quiet.request("GET", f"/{kind}", params=query), 400, message)


async def test_counters_sort_only_what_shows_them(quiet: Project) -> None:
    for kind, order in (("topics", "messages"), ("subscriptions", "backlog desc")):
        answer = await quiet.request("GET", f"/{kind}", params={"orderBy": order})
        assert_error(answer, 400, "Invalid orderBy: only the full view is sorted by counters")


async def test_a_full_page_has_a_hundred_items_at_most_and_counters_sort_two_thousand(
    start_node: StartNode,
) -> None:
    node = await start_node()
    project = await Project.create(node)
    for number in range(101):
        await project.topic(f"t{number:04}")
    for size in (0, 101, 10**6):
        page = await listed(project, view="full", pageSize=size, orderBy="name")
        assert (len(page["topics"]), page["totalSize"]) == (100, 101)
    page = await listed(project, view="full", orderBy="name", pageToken=page["nextPageToken"])
    assert names(page) == ["t0100"]
    path = str(node.settings["database"]["url"]).removeprefix("sqlite://")
    with closing(sqlite3.connect(path)) as database, database:
        columns = "project_id, epoch, created_on"
        database.executemany(
            f"INSERT INTO topics (uuid, name, {columns}) SELECT ?, ?, {columns} FROM topics"
            " WHERE name = 't0000'",
            [(str(uuid4()), f"x{number}") for number in range(1900)],
        )
    query = {"view": "full", "orderBy": "messages"}
    answer = await project.request("GET", "/topics", params=query)
    too_many = "Too many items to sort by a counter (2000 at most): use a filter"
    assert_error(answer, 400, too_many)
    page = await listed(project, **query, filter="t00")
    assert (len(page["topics"]), page["totalSize"]) == (100, 100)
    assert len((await listed(project, view="full"))["topics"]) == 100
