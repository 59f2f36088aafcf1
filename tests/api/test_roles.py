"""Which roles may use which routes (contract: ams-core 1.4, 1.5, ams-users-metrics 3.2)."""

import sqlite3
from contextlib import closing

import httpx
import pytest

from ams.api.app import OPERATIONS
from ams.auth.roles import DEFAULT_ROLES
from tests.api.client import FORBIDDEN, Project, assert_error, create_user, object_in
from tests.conftest import StartNode

#: Route, method and path. Names in the path are of nothing, except the project's.
GUARDED = [(each.name, each.method, each.full_path) for each in OPERATIONS if not each.is_open]
# The last one ends the project in which the others are tried.
GUARDED.sort(key=lambda guarded: guarded[0] == "projects:delete")
#: Who has this role must be on a list, which is looked at first (contract: ams-users-metrics 2.6).
LISTED = {"topics:metrics": "publisher", "subscriptions:metrics": "consumer"}
#: What who may use a route gets: of nothing, or where push is disabled, there is nothing to be had.
ALLOWED = {200, 400, 404, 409}
ALL_ROLES = sorted(frozenset().union(*DEFAULT_ROLES.values()))


async def attempt(project: Project, method: str, path: str, token: str) -> httpx.Response:
    """Uses a route in a way that changes nothing: without a body, or on what does not exist."""
    for variable in ("topic", "subscription", "user", "schema", "uuid", "token"):
        path = path.replace(f"<{variable}>", "nothing")
    path = path.replace("<project>", project.name)
    content = b"[" if method == "PUT" else b""
    return await project.node.request(method, path, token=token, content=content)


def may(route: str, *roles: str) -> bool:
    return not DEFAULT_ROLES.get(route, frozenset()).isdisjoint(roles)


@pytest.mark.parametrize("role", ALL_ROLES)
async def test_a_service_role_opens_its_routes_and_no_others(project: Project, role: str) -> None:
    user = await project.user(service_roles=[role])
    for route, method, path in GUARDED:
        answer = await attempt(project, method, path, user.token)
        if may(route, role) and LISTED.get(route) != role:
            assert answer.status_code in ALLOWED, (route, answer.text)
        else:
            assert_error(answer, 403, FORBIDDEN)


@pytest.mark.parametrize("role", ALL_ROLES)
async def test_a_project_role_opens_its_routes_in_the_project_and_no_others(
    project: Project, role: str
) -> None:
    user = await project.user(role)
    elsewhere = await Project.create(project.node)
    for route, method, path in GUARDED:
        answer = await attempt(project, method, path, user.token)
        if "<project>" not in path:
            assert_error(answer, 401, "Unauthorized")
        elif may(route, role) and LISTED.get(route) != role:
            assert answer.status_code in ALLOWED, (route, answer.text)
        else:
            assert_error(answer, 403, FORBIDDEN)
        if "<project>" in path:
            assert_error(await attempt(elsewhere, method, path, user.token), 401, "Unauthorized")
    await elsewhere.remove()


async def test_one_role_that_may_is_enough(project: Project) -> None:
    """Contract: ams-core 1.4."""
    user = await project.user("metrics_viewer", "publisher", service_roles=["push_worker"])
    for path, status in (("/topics", 200), ("/subscriptions/no", 404), ("/subscriptions", 403)):
        assert (await project.request("GET", path, token=user.token)).status_code == status


@pytest.mark.parametrize("token", ["", "unknown"])
async def test_without_a_valid_token_all_routes_are_closed(project: Project, token: str) -> None:
    """Contract: ams-core 1.2 step 4."""
    for _, method, path in GUARDED:
        answer = await attempt(project, method, path, token)
        assert_error(answer, 401, "Unauthorized")


async def test_operators_can_replace_the_roles_of_a_route(start_node: StartNode) -> None:
    """Contract: ams-core 1.4, ams-users-metrics 3.1: a role of their own is not filtered."""
    node = await start_node()
    path = str(node.settings["database"]["url"]).removeprefix("sqlite://")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO role_grants (route, role) VALUES (?, ?)",
            [("topics:list", "reader"), ("topics:publish", "reader")],
        )
    await node.restart()
    project = await Project.create(node)
    await project.topic("t")
    reader = await project.user("reader")
    page = object_in(await project.request("GET", "/topics", token=reader.token))
    assert page["totalSize"] == 1
    published = await project.request("POST", "/topics/t:publish", json={}, token=reader.token)
    assert object_in(published) == {"messageIds": []}
    answer = await project.request("GET", "/topics/t", token=reader.token)
    assert_error(answer, 403, FORBIDDEN)
    # The built-in roles of a route with rows do not count any more.
    admin = await project.user("project_admin")
    assert_error(await project.request("GET", "/topics", token=admin.token), 403, FORBIDDEN)
    assert_error(await project.request("GET", "/topics"), 403, FORBIDDEN)


async def test_a_service_admin_of_a_project_is_none_of_the_service(project: Project) -> None:
    """Contract: decision 15, ams-users-metrics 14 #5."""
    user = await project.user("service_admin")
    object_in(await project.request("GET", token=user.token))
    answer = await project.node.request("GET", f"/v1/users/{user.name}", token=user.token)
    assert_error(answer, 401, "Unauthorized")
    other = await create_user(project.node)
    answer = await project.node.request("DELETE", f"/v1/users/{other.name}", token=user.token)
    assert_error(answer, 401, "Unauthorized")
    await project.node.request("DELETE", f"/v1/users/{other.name}")
