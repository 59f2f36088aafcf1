"""The same thing asked of two brokers at once: made once, told to the others, nothing lost."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.node import Node
from tests.scenarios.test_two_nodes import Nodes, make_user, ok

#: Requests that race.
RACERS: Final = 10
#: Races for each kind of thing: whoever comes first differs from time to time.
ROUNDS: Final = 3


class Kind(NamedTuple):
    """How a thing is made, how it is listed, and what it is called in errors."""

    method: str
    path: str
    thing: str
    listed: str
    key: str
    body: str = "{{}}"

    @property
    def resource(self) -> str:
        """What the trail calls it."""
        return self.path.removeprefix("/v1")


_PROJECT: Final = "/v1/projects/{project}"
KINDS: Final = {
    "project": Kind("POST", "/v1/projects/{name}", "Project", "/v1/projects", "projects"),
    "user": Kind("POST", "/v1/users/{name}", "User", "/v1/users", "users"),
    "member": Kind("POST", f"{_PROJECT}/members/{{name}}", "User", f"{_PROJECT}/members", "users"),
    "topic": Kind("PUT", f"{_PROJECT}/topics/{{name}}", "Topic", f"{_PROJECT}/topics", "topics"),
    "subscription": Kind(
        "PUT",
        f"{_PROJECT}/subscriptions/{{name}}",
        "Subscription",
        f"{_PROJECT}/subscriptions",
        "subscriptions",
        '{{"topic": "projects/{project}/topics/t"}}',
    ),
    "schema": Kind(
        "POST",
        f"{_PROJECT}/schemas/{{name}}",
        "Schema",
        f"{_PROJECT}/schemas",
        "schemas",
        '{{"type": "avro", "schema": {{"type": "string"}}}}',
    ),
}


def new_name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest_asyncio.fixture
async def project(two_nodes: Nodes) -> AsyncIterator[str]:
    """The name of a project with topic `t` and its subscription `s`."""
    name = new_name("project")
    path = f"/v1/projects/{name}"
    await ok(two_nodes[0], "POST", path, {})
    await ok(two_nodes[0], "PUT", f"{path}/topics/t")
    await ok(two_nodes[0], "PUT", f"{path}/subscriptions/s", {"topic": f"projects/{name}/topics/t"})
    yield name
    await ok(two_nodes[0], "DELETE", path)


# Any: handed to httpx (json, content).
async def race(nodes: Nodes, method: str, path: str, **request: Any) -> list[httpx.Response]:  # noqa: ANN401
    """The answers to one request that both nodes get at once, five times each."""
    return await asyncio.gather(
        *(
            node.request(method, path, **request)
            for node in itertools.islice(itertools.cycle(nodes), RACERS)
        )
    )


def assert_one_won(answers: Sequence[httpx.Response], code: int, message: str, status: str) -> None:
    """One was answered with 200, and all others with this error."""
    refused = [answer for answer in answers if answer.status_code != HTTPStatus.OK]
    assert len(refused) == len(answers) - 1
    error = {"code": code, "message": message, "status": status}
    assert [answer.json() for answer in refused] == [{"error": error}] * len(refused)


async def trail(node: Node, resource: str) -> list[dict[str, Any]]:
    """What was done to a thing, newest first."""
    answer = await node.request("GET", "/v1/audit", params={"resource": resource})
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


@pytest.mark.parametrize("kind", KINDS)
async def test_of_creations_of_one_name_on_two_nodes_one_succeeds(
    two_nodes: Nodes, project: str, kind: str
) -> None:
    """Contract: O-51, ams-users-metrics 14 #48. It is there once, and once in the trail."""
    how = KINDS[kind]
    for _ in range(ROUNDS):
        names = {"project": project, "name": new_name("one")}
        path, content = how.path.format(**names), how.body.format(**names)
        answers = await race(two_nodes, how.method, path, content=content)
        assert_one_won(answers, 409, f"{how.thing} already exists", "ALREADY_EXISTS")
        (made,) = (answer.json() for answer in answers if answer.status_code == HTTPStatus.OK)
        for node in two_nodes:
            listed = await ok(node, "GET", how.listed.format(**names))
            items = listed[how.key]
            assert isinstance(items, list)
            assert [each["name"] for each in items].count(made["name"]) == 1
        assert len(await trail(two_nodes[1], how.resource.format(**names))) == 1
        if kind in ("project", "user", "member"):
            home = "projects" if kind == "project" else "users"
            await ok(two_nodes[0], "DELETE", f"/v1/{home}/{names['name']}")


async def test_of_additions_of_one_member_on_two_nodes_one_succeeds(
    two_nodes: Nodes, project: str
) -> None:
    """Contract: ams-users-metrics 6.5, 14 #46."""
    name = new_name("user")
    await ok(two_nodes[0], "POST", f"/v1/users/{name}", {})
    path = f"/v1/projects/{project}/members/{name}"
    answers = await race(two_nodes, "POST", f"{path}:add", json={"roles": ["consumer"]})
    assert_one_won(answers, 409, "User is already a member of the project", "CONFLICT")
    page = await ok(two_nodes[1], "GET", f"/v1/projects/{project}/members")
    assert page["totalSize"] == 1
    answers = await race(two_nodes, "POST", f"{path}:remove")
    refusal = "Access to this resource is forbidden. User is not a member of the project"
    assert_one_won(answers, 403, refusal, "FORBIDDEN")
    await ok(two_nodes[0], "DELETE", f"/v1/users/{name}")


@pytest.mark.parametrize("kind", ["project", "user"])
async def test_of_those_who_want_one_name_on_two_nodes_one_gets_it(
    two_nodes: Nodes, kind: str
) -> None:
    """Contract: O-48, O-51, ams-users-metrics 5.7, 14 #48."""
    path = f"/v1/{kind}s"
    names = [new_name("one") for _ in range(RACERS)]
    nodes = itertools.cycle(two_nodes)
    for name in names:
        await ok(next(nodes), "POST", f"{path}/{name}", {})
    wanted = new_name("wanted")
    answers = await asyncio.gather(
        *(next(nodes).request("PUT", f"{path}/{name}", json={"name": wanted}) for name in names)
    )
    message = f"invalid {kind} name change, name already exists"
    assert_one_won(answers, 400, message, "INVALID_ARGUMENT")
    left = [
        name
        for name, answer in zip(names, answers, strict=True)
        if answer.status_code != HTTPStatus.OK
    ]
    for name in (*left, wanted):
        for node in two_nodes:
            await ok(node, "GET", f"{path}/{name}")
        await ok(next(nodes), "DELETE", f"{path}/{name}")


async def test_of_those_who_accept_registrations_of_one_name_on_two_nodes_one_makes_the_user(
    two_nodes: Nodes,
) -> None:
    """Contract: ams-users-metrics 7.2, 14 #48."""
    name, path = new_name("user"), "/v1/registrations"
    asked = [await ok(two_nodes[n % 2], "POST", path, {"name": name}) for n in range(RACERS)]
    nodes = itertools.cycle(two_nodes)
    answers = await asyncio.gather(
        *(next(nodes).request("POST", f"{path}/{each['uuid']}:accept") for each in asked)
    )
    assert_one_won(answers, 409, "User already exists", "ALREADY_EXISTS")
    states = [(await ok(next(nodes), "GET", f"{path}/{each['uuid']}"))["status"] for each in asked]
    assert sorted(map(str, states)) == ["accepted", *["pending"] * (RACERS - 1)]
    declined = next(each for each, state in zip(asked, states, strict=True) if state == "pending")
    answers = await race(two_nodes, "POST", f"{path}/{declined['uuid']}:decline")
    assert_one_won(answers, 404, "User registration doesn't exist", "NOT_FOUND")
    await ok(two_nodes[0], "DELETE", f"/v1/users/{name}")


@pytest.mark.parametrize("resource", ["topics/t", "subscriptions/s"])
async def test_of_access_lists_set_on_two_nodes_at_once_one_holds_as_a_whole(
    two_nodes: Nodes, project: str, resource: str
) -> None:
    """Contract: ams-core 3.7. The newest entry of the trail says which."""
    users = [(await make_user(two_nodes[0], project, "consumer"))[0] for _ in range(4)]
    lists = [list(each) for each in itertools.permutations(users, 3)][:RACERS]
    path = f"/v1/projects/{project}/{resource}"
    nodes = itertools.cycle(two_nodes)
    await asyncio.gather(
        *(
            ok(next(nodes), "POST", f"{path}:modifyAcl", {"authorized_users": each})
            for each in lists
        )
    )
    newest, *others = await trail(two_nodes[1], f"/projects/{project}/{resource}")
    for node in two_nodes:
        assert await ok(node, "GET", f"{path}:acl") == newest["detail"]
    told = [each["detail"]["authorized_users"] for each in (newest, *others[: RACERS - 1])]
    assert sorted(told) == sorted(lists)
    for user in users:
        await ok(two_nodes[0], "DELETE", f"/v1/users/{user}")


async def test_memberships_and_access_lists_changed_on_two_nodes_at_once_lose_nothing(
    two_nodes: Nodes, project: str
) -> None:
    """Of the same users, some of them in one request."""
    nodes = itertools.cycle(two_nodes)
    users = [(await make_user(next(nodes), project, "consumer"))[0] for _ in range(4)]
    other, path = new_name("other"), f"/v1/projects/{project}"
    await ok(next(nodes), "POST", f"/v1/projects/{other}", {})
    lists: dict[str, list[str]] = {}
    for number in range(4):
        await ok(next(nodes), "PUT", f"{path}/topics/t{number}")
        body = {"topic": f"projects/{project}/topics/t{number}"}
        await ok(next(nodes), "PUT", f"{path}/subscriptions/s{number}", body)
        turned = users[number:] + users[:number]
        lists[f"topics/t{number}"] = turned
        lists[f"subscriptions/s{number}"] = turned[::-1]
    roles = {"projects": [{"project": project, "roles": ["publisher", "consumer"]}]}
    await asyncio.gather(
        *(
            ok(next(nodes), "POST", f"{path}/{resource}:modifyAcl", {"authorized_users": names})
            for resource, names in lists.items()
        ),
        *(ok(next(nodes), "PUT", f"{path}/members/{user}", roles) for user in users),
        *(
            ok(next(nodes), "POST", f"/v1/projects/{other}/members/{user}:add", {"roles": []})
            for user in users
        ),
    )
    for node in two_nodes:
        for resource, names in lists.items():
            acl = await ok(node, "GET", f"{path}/{resource}:acl")
            assert acl == {"authorized_users": names}
        for user in users:
            here = {
                "topics": [f"t{number}" for number in range(4)],
                "subscriptions": [f"s{number}" for number in range(4)],
            }
            assert (await ok(node, "GET", f"/v1/users/{user}"))["projects"] == [
                {**roles["projects"][0], **here},
                {"project": other, "roles": [], "topics": [], "subscriptions": []},
            ]
    for gone in (f"projects/{other}", *(f"users/{user}" for user in users)):
        await ok(next(nodes), "DELETE", f"/v1/{gone}")
