"""Users made as members of a project, and the roles they can be given.

Contract: ams-users-metrics 6.3, decision 15.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.client import Object, Project, assert_error, new_name, object_in, secrets
from tests.api.test_members import role_in
from tests.api.test_projects import assert_now
from tests.api.test_users import BAD, TOKEN, UUID
from tests.node import Node

#: What the admin of a project can make others in it (contract: decision 15).
OF_PROJECTS = ["project_admin", "publisher", "consumer"]
#: Valid roles that only a service admin can give.
OF_THE_SERVICE = [
    "service_admin",
    "push_worker",
    "metrics_viewer",
    "admin_viewer",
    "register_admin",
    "argo_api_authn",
]


@pytest_asyncio.fixture
async def name(node: Node) -> AsyncIterator[str]:
    """The name of a user who does not exist, and is gone after the test."""
    name = new_name("made")
    yield name
    await node.request("DELETE", f"/v1/users/{name}")


async def test_who_makes_a_member_gets_the_token_even_as_a_project_admin(
    project: Project, name: str
) -> None:
    """Contract: ams-users-metrics 6.3. Of the body, the address and the first entry count."""
    admin = await project.user("project_admin")
    body: Object = {
        "email": "a@b",
        "first_name": "ignored",
        "last_name": "ignored",
        "organization": "ignored",
        "description": "ignored",
        "service_roles": ["service_admin", "nonsense"],
        "projects": [
            {"project": "unknown", "roles": ["nonsense"]},
            *role_in(project, "project_admin")["projects"],
            *role_in(project, "nonsense")["projects"],
        ],
    }
    made = object_in(
        await project.request("POST", f"/members/{name}", token=admin.token, json=body)
    )
    secrets.add(made["token"])
    place = {"project": project.name, "roles": ["project_admin"], "topics": [], "subscriptions": []}
    assert made == {
        "uuid": made["uuid"],
        "projects": [place],
        "name": name,
        "token": made["token"],
        "email": "a@b",
        "service_roles": [],
        "created_on": made["created_on"],
        "modified_on": made["created_on"],
        "created_by": admin.name,
    }
    assert UUID.fullmatch(made["uuid"])
    assert TOKEN.fullmatch(made["token"])
    assert_now(made["created_on"])
    assert object_in(await project.node.request("GET", f"/v1/users/{name}")) == made
    object_in(await project.request("GET", token=made["token"]))


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b'{"projects": []}', b'{"projects": [{"project": "other"}]}']
)
async def test_without_an_entry_the_member_has_no_roles(
    project: Project, name: str, body: bytes
) -> None:
    """Contract: ams-users-metrics 6.3."""
    made = object_in(await project.request("POST", f"/members/{name}", content=body))
    assert [(entry["project"], entry["roles"]) for entry in made["projects"]] == [
        (project.name, [])
    ]
    assert "created_by" not in made
    page = object_in(await project.request("GET", "/members"))
    assert [user["name"] for user in page["users"]] == [name]


async def test_a_creation_is_refused_in_the_order_body_name_roles(
    project: Project, name: str
) -> None:
    """Contract: ams-users-metrics 6.3: names are of the whole service."""
    elsewhere = await Project.create(project.node)
    taken = await elsewhere.user("consumer")
    for content in (b"", b"{", b"[]", b"{} x", b'{"email": 3}', b'{"organization": 3}'):
        for of in (name, taken.name):
            answer = await project.request("POST", f"/members/{of}", content=content)
            assert_error(answer, 400, BAD)
    bad = role_in(project, "consumer", "x")
    answer = await project.request("POST", f"/members/{taken.name}", json=bad)
    assert_error(answer, 409, "User already exists", "ALREADY_EXISTS")
    answer = await project.request("POST", f"/members/{name}", json=bad)
    assert_error(answer, 400, "invalid role: x")
    answer = await project.node.request("GET", f"/v1/users/{name}")
    assert_error(answer, 404, "User doesn't exist")
    await elsewhere.remove()


@pytest.mark.parametrize("reserved", ["profile", "usageReport"])
async def test_names_that_are_paths_of_users_are_no_members(
    project: Project, reserved: str
) -> None:
    """Contract: ams-users-metrics 14 #24."""
    answer = await project.request("POST", f"/members/{reserved}", json={})
    assert_error(answer, 400, "Invalid user name")


async def test_of_creations_at_once_one_succeeds(project: Project, name: str) -> None:
    """Contract: ams-users-metrics 14 #48: whichever route makes the user."""
    member, user = f"/v1/projects/{project.name}/members/{name}", f"/v1/users/{name}"
    answers = await asyncio.gather(
        *(project.node.request("POST", path, json={}) for path in (member, user) * 4)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize("role", [*OF_PROJECTS, *OF_THE_SERVICE, "_admin_", "nonsense", ""])
async def test_a_project_admin_can_give_roles_of_projects_only(
    project: Project, name: str, role: str
) -> None:
    """Contract: decision 15, ams-users-metrics 14 #5: by all three routes."""
    admin, stranger = await project.user("project_admin"), await project.user()
    member = await project.user("consumer")
    entry = role_in(project, "consumer", role)
    for method, path, body in (
        ("POST", f"/members/{name}", entry),
        ("POST", f"/members/{stranger.name}:add", {"roles": ["consumer", role]}),
        ("PUT", f"/members/{member.name}", entry),
    ):
        answer = await project.request(method, path, json=body, token=admin.token)
        if role in OF_PROJECTS:
            assert object_in(answer)["projects"][0]["roles"] == ["consumer", role]
        else:
            assert_error(answer, 400, f"invalid role: {role}")


@pytest.mark.parametrize("role", OF_THE_SERVICE)
async def test_a_service_admin_can_give_any_valid_role(
    project: Project, name: str, role: str
) -> None:
    """Contract: decision 15."""
    admin = await project.user(service_roles=["service_admin"])
    stranger, member = await project.user(), await project.user("consumer")
    for method, path, body in (
        ("POST", f"/members/{name}", role_in(project, role)),
        ("POST", f"/members/{stranger.name}:add", {"roles": [role]}),
        ("PUT", f"/members/{member.name}", role_in(project, role)),
    ):
        answer = await project.request(method, path, json=body, token=admin.token)
        assert object_in(answer)["projects"][0]["roles"] == [role]


async def test_an_admin_may_take_roles_away_that_only_others_can_give(project: Project) -> None:
    """Contract: ams-users-metrics 14 #17: what is not sent is not checked."""
    admin = await project.user("project_admin")
    member = await project.user("metrics_viewer", service_roles=["push_worker"])
    path = f"/members/{member.name}"
    answer = await project.request(
        "PUT", path, json=role_in(project, "consumer"), token=admin.token
    )
    assert object_in(answer)["projects"][0]["roles"] == ["consumer"]
    assert object_in(await project.request("POST", f"{path}:remove", token=admin.token)) == {}
