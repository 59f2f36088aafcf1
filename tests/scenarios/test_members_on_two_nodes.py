"""Users and members, changed through two brokers at once: nothing is made twice or lost."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus

import pytest_asyncio

from tests.eventually import eventually
from tests.mariadb import MariaDB
from tests.node import Node
from tests.scenarios.test_two_nodes import Nodes, make_user, ok

#: Projects that one user joins at once.
RACERS = 10
#: Members of a large project.
MEMBERS = 120
#: Most SELECTs of one list, and of what two idle brokers read meanwhile.
MOST_SELECTS = 30


def new_name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest_asyncio.fixture
async def project(two_nodes: Nodes) -> AsyncIterator[str]:
    """The name of an empty project."""
    name = new_name("project")
    await ok(two_nodes[0], "POST", f"/v1/projects/{name}", {})
    yield name
    await ok(two_nodes[0], "DELETE", f"/v1/projects/{name}")


async def test_changes_of_one_user_on_two_nodes_lose_nothing(
    two_nodes: Nodes, project: str
) -> None:
    """In many projects, and of the user, all at once."""
    name, _ = await make_user(two_nodes[0], project, "publisher")
    others = [new_name("other") for _ in range(RACERS)]
    nodes = itertools.cycle(two_nodes)
    for other in (*others, leaving := new_name("leaving")):
        await ok(next(nodes), "POST", f"/v1/projects/{other}", {})
    await ok(next(nodes), "POST", f"/v1/projects/{leaving}/members/{name}:add", {})
    member = f"/v1/projects/{project}/members/{name}"
    texts = {"email": "e", "first_name": "f", "last_name": "l", "organization": "o"}
    await asyncio.gather(
        *(
            ok(next(nodes), "POST", f"/v1/projects/{other}/members/{name}:add", {"roles": [role]})
            for other, role in zip(others, itertools.cycle(["publisher", "consumer"]), strict=False)
        ),
        *(ok(next(nodes), "PUT", f"/v1/users/{name}", {key: text}) for key, text in texts.items()),
        ok(next(nodes), "PUT", member, {"projects": [{"project": project, "roles": ["consumer"]}]}),
        ok(next(nodes), "POST", f"/v1/projects/{leaving}/members/{name}:remove"),
    )
    for node in two_nodes:
        user = await ok(node, "GET", f"/v1/users/{name}")
        assert {key: user[key] for key in texts} == texts
        entries = user["projects"]
        assert isinstance(entries, list)
        assert {entry["project"]: entry["roles"] for entry in entries} == {
            project: ["consumer"],
            **dict(zip(others, itertools.cycle([["publisher"], ["consumer"]]), strict=False)),
        }
    for other in (*others, leaving):
        await ok(next(nodes), "DELETE", f"/v1/projects/{other}")


async def test_a_member_who_was_removed_is_refused_on_the_other_node_within_a_second(
    two_nodes: Nodes, project: str
) -> None:
    here, there = two_nodes
    name, token = await make_user(here, project, "project_admin")
    path = f"/v1/projects/{project}"
    for _ in range(3):
        assert await code(there, path, token) == HTTPStatus.OK
        await ok(here, "POST", f"{path}/members/{name}:remove")
        await eventually(partial(has_code, there, path, token, HTTPStatus.UNAUTHORIZED), within=1)
        await ok(here, "POST", f"{path}/members/{name}:add", {"roles": ["project_admin"]})
        await eventually(partial(has_code, there, path, token, HTTPStatus.OK), within=1)
        here, there = there, here


async def test_a_renamed_project_is_found_by_its_new_name_on_the_other_node(
    two_nodes: Nodes, project: str
) -> None:
    here, there = two_nodes
    name, token = await make_user(here, project, "project_admin")
    assert await code(there, f"/v1/projects/{project}", token) == HTTPStatus.OK
    other = new_name("renamed")
    await ok(here, "PUT", f"/v1/projects/{project}", {"name": other})
    assert await code(there, f"/v1/projects/{other}", token) == HTTPStatus.OK
    old = f"/v1/projects/{project}"
    await eventually(partial(has_code, there, old, token, HTTPStatus.NOT_FOUND), within=1)
    await ok(there, "PUT", f"/v1/projects/{other}", {"name": project})
    await ok(here, "DELETE", f"/v1/users/{name}")


async def code(node: Node, path: str, token: str) -> int:
    return (await node.request("GET", path, token=token)).status_code


async def has_code(node: Node, path: str, token: str, expected: int) -> bool:
    return await code(node, path, token) == expected


async def test_lists_take_a_bounded_number_of_queries_however_long_they_are(
    two_nodes: Nodes, mariadb: MariaDB, project: str
) -> None:
    slots = asyncio.Semaphore(8)
    marker = new_name("organization")

    async def make(number: int) -> None:
        async with slots:
            await make_user(two_nodes[number % 2], project, "consumer")
            body = {"name": new_name("asking"), "organization": marker}
            await ok(two_nodes[number % 2], "POST", "/v1/registrations", body)

    await asyncio.gather(*(make(number) for number in range(MEMBERS)))
    for path, key in (
        (f"/v1/projects/{project}/members?details=true", "users"),
        (f"/v1/users?details=true&project={project}", "users"),
        (f"/v1/registrations?organization={marker}", "user_registrations"),
    ):
        before = selects(mariadb)
        listed = await ok(two_nodes[0], "GET", path)
        taken = selects(mariadb) - before
        items = listed[key]
        assert isinstance(items, list)
        assert len(items) == MEMBERS
        assert 0 < taken <= MOST_SELECTS


def selects(mariadb: MariaDB) -> int:
    """How many SELECTs the server has been asked, by anybody."""
    return int(mariadb.execute("SHOW GLOBAL STATUS LIKE 'Com_select'").split()[1])
