"""Changes of users (contract: ams-users-metrics 5.7)."""

import asyncio
import json

import pytest

from tests.api.client import Object, Project, User, assert_error, new_name, object_in
from tests.api.test_projects import assert_now
from tests.api.test_users import BAD
from tests.eventually import eventually
from tests.node import Node


async def shown(project: Project, user: User) -> Object:
    return object_in(await project.node.request("GET", f"/v1/users/{user.name}"))


def place(project: Project, *roles: str) -> Object:
    """A user's entry for a project, as it is shown."""
    return {"project": project.name, "roles": list(roles), "topics": [], "subscriptions": []}


async def test_texts_that_are_given_change_and_the_rest_stays(project: Project) -> None:
    """Contract: ams-users-metrics 5.7, 14 #25: the full view; no text can be cleared."""
    user = await project.user("consumer", service_roles=["admin_viewer"])
    made = await shown(project, user)
    path = f"/v1/users/{user.name}"
    texts = {
        "first_name": "First",
        "last_name": "Last",
        "organization": "Organization",
        "description": "Description",
        "email": "no address at all",
    }
    ignored = {"uuid": "7", "token": "chosen", "created_on": "x", "created_by": "x"}
    empty = dict.fromkeys(texts, "")
    for body in ({**texts, **ignored}, empty, {}, {"projects": None, "service_roles": None}):
        changed = object_in(await project.node.request("PUT", path, json=body))
        assert changed == {**made, **texts, "modified_on": changed["modified_on"]}
        assert_now(changed["modified_on"])
        assert await shown(project, user) == changed
    assert changed["token"] == user.token


async def test_every_change_moves_the_time(project: Project) -> None:
    """Contract: ams-users-metrics 5.7."""
    user = await project.user()
    made = await shown(project, user)

    async def moved() -> bool:
        answer = await project.node.request("PUT", f"/v1/users/{user.name}", content=b"null")
        return bool(object_in(answer)["modified_on"] > made["modified_on"])

    await eventually(moved)


async def test_lists_replace_what_there_is(project: Project) -> None:
    """Contract: ams-users-metrics 5.7. Rights change at once."""
    other = await Project.create(project.node)
    user = await project.user("project_admin", service_roles=["admin_viewer"])
    path = f"/v1/users/{user.name}"
    object_in(await project.request("GET", token=user.token))
    body: Object = {"projects": [{"project": other.name, "roles": ["project_admin"]}]}
    changed = object_in(await project.node.request("PUT", path, json=body))
    assert changed["projects"] == [place(other, "project_admin")]
    assert changed["service_roles"] == ["admin_viewer"]
    object_in(await other.request("GET", token=user.token))
    answer = await project.request("GET", token=user.token)
    assert_error(answer, 403, "Access to this resource is forbidden")
    body = {
        "projects": [{"project": project.name}, {"project": other.name, "roles": ["consumer"]}],
        "service_roles": ["metrics_viewer", "push_worker"],
    }
    changed = object_in(await project.node.request("PUT", path, json=body))
    assert changed["projects"] == [place(project), place(other, "consumer")]
    assert changed["service_roles"] == ["metrics_viewer", "push_worker"]
    emptied = object_in(
        await project.node.request("PUT", path, json={"projects": [], "service_roles": []})
    )
    assert "projects" not in emptied
    assert emptied["service_roles"] == []
    await other.remove()


async def test_a_renamed_user_keeps_token_uuid_roles_and_access(queue: Project) -> None:
    """Contract: ams-users-metrics 5.7."""
    user = await queue.user("publisher")
    await queue.allow("topics/t", user)
    name = new_name("renamed")
    path = f"/v1/users/{user.name}"
    changed = object_in(await queue.node.request("PUT", path, json={"name": name}))
    assert (changed["name"], changed["uuid"]) == (name, user.uuid)
    assert changed["token"] == user.token
    assert_error(await queue.node.request("GET", path), 404, "User doesn't exist")
    published = await queue.request(
        "POST", "/topics/t:publish", json={"messages": []}, token=user.token
    )
    object_in(published)
    acl = object_in(await queue.request("GET", "/topics/t:acl"))
    assert acl == {"authorized_users": [name]}
    path = f"/v1/users/{name}"
    object_in(await queue.node.request("PUT", path, json={"name": name}))
    await queue.node.request("DELETE", path)


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "a\n", "a:b", "\u00e9", "x" * 256, " ", "profile", "usageReport"]
)
async def test_a_name_that_no_path_can_have_is_400(project: Project, name: str) -> None:
    """Contract: ams-users-metrics 14 #11 and #24."""
    user = await project.user("consumer")
    before = await shown(project, user)
    body = {"name": name, "email": "not stored"}
    assert_error(await project.node.request("PUT", f"/v1/users/{user.name}", json=body), 400, BAD)
    assert await shown(project, user) == before


async def test_the_name_of_another_user_is_400_and_changes_nothing(project: Project) -> None:
    """Contract: ams-users-metrics 5.7."""
    user, other = await project.user("consumer"), await project.user()
    before = await shown(project, user)
    body = {"name": other.name, "email": "not stored", "projects": [], "service_roles": []}
    answer = await project.node.request("PUT", f"/v1/users/{user.name}", json=body)
    assert_error(answer, 400, "invalid user name change, name already exists")
    assert await shown(project, user) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"7",
        b"{} x",
        b'{"name": 3}',
        b'{"EMAIL": 3}',
        b'{"service_roles": "x"}',
        b'{"service_roles": [3]}',
        b'{"projects": {}}',
        b'{"projects": ["x"]}',
        b'{"projects": [{"subscriptions": "x"}]}',
    ],
)
async def test_a_bad_body_is_400(node: Node, body: bytes) -> None:
    """Contract: ams-users-metrics 1.6, 5.7: before the user is looked for."""
    path = f"/v1/users/{new_name('user')}"
    assert_error(await node.request("PUT", path, content=body), 400, BAD)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"projects": [{"project": "unknown"}]}, "invalid project: unknown"),
        ({"projects": [{"project": "{p}", "roles": ["x"]}]}, "invalid role: x"),
        ({"projects": [{"project": "{p}"}] * 2}, "duplicate reference of project {p}"),
        ({"service_roles": ["service_admin", "x"]}, "invalid role: x"),
        (
            {"projects": [{"project": "{p}", "roles": ["x"]}], "service_roles": ["y"]},
            "invalid role: x",
        ),
        ({"name": "taken", "service_roles": ["y"]}, "invalid role: y"),
    ],
)
async def test_a_reference_to_nothing_is_400_and_changes_nothing(
    project: Project, body: Object, message: str
) -> None:
    """Contract: ams-users-metrics 5.7: before the user is looked for."""
    body = json.loads(json.dumps({**body, "email": "new"}).replace("{p}", project.name))
    user = await project.user("consumer")
    before = await shown(project, user)
    for name in (user.name, new_name("unknown")):
        answer = await project.node.request("PUT", f"/v1/users/{name}", json=body)
        assert_error(answer, 400, message.replace("{p}", project.name))
    assert await shown(project, user) == before


async def test_an_entry_that_names_no_project_is_skipped(project: Project) -> None:
    """Contract: ams-users-metrics 5.6."""
    user = await project.user("consumer")
    entries: list[Object] = [{"roles": ["nonsense"]}, {"project": project.name, "roles": []}, {}]
    path = f"/v1/users/{user.name}"
    changed = object_in(await project.node.request("PUT", path, json={"projects": entries}))
    assert changed["projects"] == [place(project)]


@pytest.mark.parametrize("body", [{}, {"email": "x"}, {"name": "x"}, {"projects": []}])
async def test_an_unknown_user_is_404(node: Node, body: Object) -> None:
    """Contract: ams-users-metrics 14 #1: not somebody else's record."""
    answer = await node.request("PUT", f"/v1/users/{new_name('user')}", json=body)
    assert_error(answer, 404, "User doesn't exist")


async def test_of_users_who_want_one_name_at_once_one_gets_it(project: Project) -> None:
    """Contract: ams-users-metrics 14 #48."""
    users = [await project.user() for _ in range(5)]
    name = new_name("wanted")
    answers = await asyncio.gather(
        *(
            project.node.request("PUT", f"/v1/users/{user.name}", json={"name": name})
            for user in users
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 4
    await project.node.request("DELETE", f"/v1/users/{name}")
