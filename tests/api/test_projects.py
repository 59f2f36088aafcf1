"""Projects (contract: ams-core 2)."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.client import (
    Project,
    assert_empty,
    assert_error,
    create_user,
    new_name,
    object_in,
)
from tests.conftest import StartNode
from tests.node import Node

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def assert_now(text: str) -> None:
    """Contract: ams-core 1.13."""
    assert TIME.fullmatch(text)
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=30)


async def test_a_new_project_is_answered_with_its_fields(node: Node) -> None:
    """Contract: ams-core 2.1, 2.4. The service token is no user: `created_by` is absent (1.3)."""
    name = new_name("project")
    made = object_in(await node.request("POST", f"/v1/projects/{name}", json={"description": "d"}))
    assert made == {
        "name": name,
        "created_on": made["created_on"],
        "modified_on": made["created_on"],
        "description": "d",
    }
    assert_now(made["created_on"])
    assert object_in(await node.request("GET", f"/v1/projects/{name}")) == made
    assert_empty(await node.request("DELETE", f"/v1/projects/{name}"))


async def test_a_project_without_description_has_no_such_field(project: Project) -> None:
    """Contract: ams-core 2.1."""
    assert set(object_in(await project.request("GET"))) == {"name", "created_on", "modified_on"}


async def test_a_project_names_its_creator_as_long_as_they_exist(node: Node) -> None:
    """Contract: ams-core 2.1."""
    admin = await create_user(node, service_roles=["service_admin"])
    path = f"/v1/projects/{new_name('project')}"
    made = object_in(await node.request("POST", path, json={}, token=admin.token))
    assert made["created_by"] == admin.name
    await node.request("DELETE", f"/v1/users/{admin.name}")
    assert "created_by" not in object_in(await node.request("GET", path))
    await node.request("DELETE", path)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b' {"description": null} ',
        b'{"unknown": [1, {}]}',
        b'{"name": "other", "created_on": "x", "modified_on": "x", "created_by": "x"}',
    ],
)
async def test_nothing_in_the_body_of_creation_is_needed(node: Node, body: bytes) -> None:
    """Contract: ams-core 1.9, 2.4. The name is the one of the path."""
    path = f"/v1/projects/{new_name('project')}"
    made = object_in(await node.request("POST", path, content=body))
    assert path.endswith(made["name"])
    assert_now(made["created_on"])
    assert "created_by" not in made
    await node.request("DELETE", path)


async def test_field_names_match_in_any_letter_case_and_the_last_one_counts(node: Node) -> None:
    """Contract: ams-core 1.9."""
    path = f"/v1/projects/{new_name('project')}"
    body = b'{"description": "first", "DESCRIPTION": "last"}'
    assert object_in(await node.request("POST", path, content=body))["description"] == "last"
    await node.request("DELETE", path)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"7",
        b"{} {}",
        b"{}x",
        b'{"description": 7}',
        b'{"description": ["x"]}',
        b'{"name": 7}',
        b'{"created_by": {}}',
    ],
)
async def test_a_bad_body_of_creation_is_400(node: Node, body: bytes) -> None:
    """Contract: ams-core 2.4, O-49."""
    answer = await node.request("POST", f"/v1/projects/{new_name('project')}", content=body)
    assert_error(answer, 400, "Invalid Project Arguments")


async def test_a_name_that_is_taken_is_409(project: Project) -> None:
    """Contract: ams-core 2.4."""
    answer = await project.request("POST", json={})
    assert_error(answer, 409, "Project already exists", "ALREADY_EXISTS")


async def test_names_differ_by_letter_case(node: Node) -> None:
    name = new_name("project")
    for path in (f"/v1/projects/{name}", f"/v1/projects/{name.upper()}"):
        object_in(await node.request("POST", path, json={}))
    for path in (f"/v1/projects/{name}", f"/v1/projects/{name.upper()}"):
        assert_empty(await node.request("DELETE", path))


async def test_of_creations_at_once_one_succeeds(node: Node) -> None:
    """Contract: O-51."""
    path = f"/v1/projects/{new_name('project')}"
    answers = await asyncio.gather(*(node.request("POST", path, json={}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    await node.request("DELETE", path)


async def test_the_creator_needs_a_service_role(node: Node, project: Project) -> None:
    """Contract: ams-core 2.4: 401 for a new name, 403 for the project one administers."""
    admin = await project.user("project_admin")
    answer = await node.request(
        "POST", f"/v1/projects/{new_name('project')}", json={}, token=admin.token
    )
    assert_error(answer, 401, "Unauthorized")
    answer = await project.request("POST", json={}, token=admin.token)
    assert_error(answer, 403, "Access to this resource is forbidden")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_project_is_404(node: Node, method: str) -> None:
    """Contract: ams-core 2.3, 2.6."""
    answer = await node.request(method, f"/v1/projects/{new_name('project')}")
    assert_error(answer, 404, "project doesn't exist")


async def test_the_list_has_all_projects_in_the_order_of_their_creation(node: Node) -> None:
    """Contract: ams-core 2.2. No paging: its parameters are ignored (1.14)."""
    projects = [await Project.create(node) for _ in range(3)]
    params = {"pageSize": "x", "pageToken": "!"}
    answer = object_in(await node.request("GET", "/v1/projects", params=params))
    assert set(answer) == {"projects"}
    names = [project["name"] for project in answer["projects"]]
    ours = [project.name for project in projects]
    assert [name for name in names if name in ours] == ours
    assert answer["projects"][names.index(ours[0])] == object_in(await projects[0].request("GET"))
    for project in projects:
        await project.remove()


async def test_a_broker_without_projects_lists_none(start_node: StartNode) -> None:
    """Contract: O-10; ams-users-metrics 4.3."""
    node = await start_node()
    assert object_in(await node.request("GET", "/v1/projects")) == {"projects": []}
    users = {"users": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await node.request("GET", "/v1/users")) == users


async def test_deletion_takes_all_that_is_in_the_project(queue: Project) -> None:
    """Contract: decision 17, ams-core 2.6, O-11; ams-users-metrics 14 #20."""
    member = await queue.user("project_admin")
    await queue.allow("topics/t", member)
    await queue.publish("t", "lost with the project")
    assert_empty(await queue.request("DELETE"))
    assert_error(await queue.request("GET"), 404, "project doesn't exist")
    assert_error(await queue.request("GET", "/topics/t"), 404, "project doesn't exist")
    user = object_in(await queue.node.request("GET", f"/v1/users/{member.name}"))
    assert "projects" not in user

    object_in(await queue.request("POST", json={}))
    for path, key in (("/topics", "topics"), ("/subscriptions", "subscriptions")):
        page = {key: [], "nextPageToken": "", "totalSize": 0}
        assert object_in(await queue.request("GET", path)) == page
    assert_error(await queue.request("GET", token=member.token), 401, "Unauthorized")
    await queue.topic("t")
    await queue.subscription("s", "t")
    assert await queue.offsets() == {"max": 0, "min": 0, "current": 0}


async def test_a_project_admin_may_see_and_delete_the_project(project: Project) -> None:
    """Contract: ams-core 1.5."""
    admin = await project.user("project_admin")
    assert object_in(await project.request("GET", token=admin.token))["name"] == project.name
    assert_empty(await project.request("DELETE", token=admin.token))
