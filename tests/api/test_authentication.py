"""Whose token it is, and where it is read (contract: ams-core 1.2, 1.3, ams-users-metrics 2)."""

import pytest

from tests.api.client import Project, assert_error, create_user, data_of, object_in
from tests.conftest import StartNode
from tests.node import SERVICE_TOKEN, Node

UNAUTHORIZED = "Unauthorized"

#: Ways to present the token `{}`, by the value of `auth.auth_option` they are read with. A good
#: token is the service token, a bad one belongs to nobody.
HEADER = {"x-api-key": SERVICE_TOKEN}
BEARER = {"authorization": f"Bearer {SERVICE_TOKEN}"}
GOOD, BAD = f"?key={SERVICE_TOKEN}", "?key=bad"
WAYS: dict[str, list[tuple[dict[str, str], str, bool]]] = {
    "both": [
        (HEADER, "", True),
        ({"X-API-KEY": SERVICE_TOKEN}, "", True),
        (BEARER, "", True),
        ({"authorization": f"bearer {SERVICE_TOKEN}"}, "", True),
        ({}, GOOD, True),
        ({}, f"?other=1&key={SERVICE_TOKEN}&key=bad", True),
        (HEADER, BAD, True),
        (BEARER, BAD, True),
        ({"x-api-key": ""}, GOOD, True),
        ({"x-api-key": "", **BEARER}, "", True),
        ({"authorization": f"Basic {SERVICE_TOKEN}"}, GOOD, True),
        ({}, "", False),
        ({"x-api-key": ""}, "", False),
        ({"authorization": ""}, "", False),
        ({"authorization": "Bearer"}, "", False),
        ({"authorization": SERVICE_TOKEN}, "", False),
        ({"authorization": f"Basic {SERVICE_TOKEN}"}, "", False),
        # A bad token in the header is not made good by one in the query.
        ({"x-api-key": "bad"}, GOOD, False),
        ({"authorization": "Bearer bad"}, GOOD, False),
        ({"x-api-key": "bad", **BEARER}, "", False),
        ({}, BAD, False),
        ({}, "?key=", False),
        ({}, f"?Key={SERVICE_TOKEN}", False),
        ({}, f"?key=bad&key={SERVICE_TOKEN}", False),
        ({"x-api-key": SERVICE_TOKEN.upper()}, "", False),
        ({"x-api-key": SERVICE_TOKEN + "x"}, "", False),
        ({"x-api-key": f"Bearer {SERVICE_TOKEN}"}, "", False),
        ({"cookie": f"key={SERVICE_TOKEN}; x-api-key={SERVICE_TOKEN}"}, "", False),
    ],
    "header": [
        (HEADER, "", True),
        (BEARER, "", True),
        (HEADER, BAD, True),
        ({}, GOOD, False),
        ({"x-api-key": ""}, GOOD, False),
    ],
    "key": [
        ({}, GOOD, True),
        ({"x-api-key": "bad"}, GOOD, True),
        (HEADER, "", False),
        (BEARER, "", False),
        (HEADER, BAD, False),
    ],
}


@pytest.mark.parametrize(("headers", "query", "accepted"), WAYS["both"])
async def test_a_token_is_read_from_a_header_or_else_from_the_query(
    node: Node, headers: dict[str, str], query: str, accepted: bool
) -> None:
    """Contract: ams-core 1.3, O-3, decision 1: `both` is the default."""
    await assert_ways(node, [(headers, query, accepted)])


async def assert_ways(node: Node, ways: list[tuple[dict[str, str], str, bool]]) -> None:
    for headers, query, accepted in ways:
        path = f"/v1/projects{query}"
        answer = await node.request("GET", path, token=None, headers=headers)
        if accepted:
            object_in(answer)
        else:
            assert_error(answer, 401, UNAUTHORIZED)


@pytest.mark.parametrize("option", ["header", "key"])
async def test_the_place_of_the_token_can_be_restricted(start_node: StartNode, option: str) -> None:
    """Contract: ams-core 1.3, decision 1."""
    node = await start_node(auth={"auth_option": option})
    await assert_ways(node, WAYS[option])


async def test_only_a_valid_token_learns_which_projects_exist(project: Project) -> None:
    """Contract: O-2, decision 8: the token comes first; 404 is for valid users."""
    node = project.node
    member, stranger = await project.user("consumer"), await project.user()
    for path in (f"/v1/projects/{project.name}", "/v1/projects/unknown"):
        for token in (None, "", "bad"):
            answer = await node.request("GET", path, token=token)
            assert_error(answer, 401, UNAUTHORIZED)
    for token in (member.token, stranger.token, SERVICE_TOKEN):
        answer = await node.request("GET", "/v1/projects/unknown/topics/t", token=token)
        assert_error(answer, 404, "project doesn't exist")


async def test_a_user_without_a_role_in_the_project_is_401(project: Project) -> None:
    """Contract: ams-core 1.4, ams-users-metrics 2.3, 14 #10."""
    other = await Project.create(project.node)
    of_other = await other.user("project_admin", "consumer")
    body = {"projects": [{"project": project.name, "roles": []}]}
    without_roles = await project.node.request("POST", "/v1/users/without-roles", json=body)
    for token in (
        of_other.token,
        (await project.user()).token,
        object_in(without_roles)["token"],
    ):
        assert_error(await project.request("GET", token=token), 401, UNAUTHORIZED)
        assert_error(await project.request("GET", "/topics", token=token), 401, UNAUTHORIZED)
    await project.node.request("DELETE", "/v1/users/without-roles")
    await other.remove()


async def test_roles_in_a_project_do_not_count_where_there_is_none(project: Project) -> None:
    """Contract: ams-core 1.4: 401, not 403."""
    admin = await project.user("project_admin", "service_admin")
    for path in ("/v1/projects", "/v1/users", f"/v1/users/{admin.name}"):
        answer = await project.node.request("GET", path, token=admin.token)
        assert_error(answer, 401, UNAUTHORIZED)


async def test_service_roles_count_in_every_project(project: Project) -> None:
    """Contract: ams-core 1.4, ams-users-metrics 2.3."""
    await project.topic("t")
    publisher = await create_user(project.node, service_roles=["publisher"])
    answer = await project.request("GET", "/topics/t", token=publisher.token)
    assert object_in(answer)["name"].endswith("/t")
    answer = await project.request("DELETE", "/topics/t", token=publisher.token)
    assert_error(answer, 403, "Access to this resource is forbidden")
    await project.node.request("DELETE", f"/v1/users/{publisher.name}")


async def test_without_a_service_token_none_is_accepted(start_node: StartNode) -> None:
    """Contract: ams-core 1.3, ams-users-metrics 2.7: an empty one matches nothing."""
    node = await start_node(auth={"service_token": ""})
    for token in ("", SERVICE_TOKEN):
        assert_error(await node.request("GET", "/v1/projects", token=token), 401, UNAUTHORIZED)


async def test_access_lists_can_be_turned_off(start_node: StartNode) -> None:
    """Contract: ams-core 1.6: what a list shows is filtered all the same."""
    node = await start_node(auth={"per_resource_auth": False})
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("publisher", "consumer")
    body = {"messages": [{"data": data_of("published by whom nobody listed")}]}
    for method, path, content in (
        ("POST", "/topics/t:publish", body),
        ("POST", "/subscriptions/s:pull", {}),
        ("POST", "/subscriptions/s:acknowledge", _first(project)),
        ("GET", "/subscriptions/s:offsets", None),
    ):
        object_in(await project.request(method, path, json=content, token=user.token))
    for path in ("/topics", "/subscriptions"):
        page = object_in(await project.request("GET", path, token=user.token))
        assert page["totalSize"] == 0


async def test_access_lists_of_subscriptions_can_count_for_pull_alone(
    start_node: StartNode,
) -> None:
    """Contract: decision 16, O-6."""
    node = await start_node(auth={"consumer_acl_everywhere": False})
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("consumer")
    await project.publish("t", "a")
    await project.pull("s")
    time = {"time": "2016-11-14T12:00:00.000Z"}
    for method, verb, content, params in (
        ("POST", "acknowledge", _first(project), None),
        ("GET", "offsets", None, None),
        ("GET", "timeToOffset", None, time),
        ("POST", "modifyOffset", {"offset": 0}, None),
        ("POST", "modifyAckDeadline", {"ackDeadlineSeconds": 20}, None),
    ):
        path = f"/subscriptions/s:{verb}"
        answer = await project.request(method, path, json=content, params=params, token=user.token)
        assert answer.status_code == 200, answer.text
    answer = await project.request("POST", "/subscriptions/s:pull", json={}, token=user.token)
    assert_error(answer, 403, "Access to this resource is forbidden")


def _first(project: Project) -> dict[str, list[str]]:
    """Acknowledges the first message of `s`."""
    return {"ackIds": [f"projects/{project.name}/subscriptions/s:0"]}
