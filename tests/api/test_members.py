"""Members of projects (contract: ams-users-metrics 6)."""

import asyncio

import httpx
import pytest

from tests.api.client import Object, Project, User, assert_error, new_name, object_in
from tests.node import Node

NOT_MEMBER = "Access to this resource is forbidden. User is not a member of the project"


def entry(project: Project, *roles: str) -> Object:
    return {"project": project.name, "roles": list(roles), "topics": [], "subscriptions": []}


async def member(project: Project, user: User, token: str | None = None) -> Object:
    sent = {"token": token} if token else {}
    return object_in(await project.request("GET", f"/members/{user.name}", **sent))


async def put(project: Project, user: str, body: object, **request: str) -> httpx.Response:
    return await project.request("PUT", f"/members/{user}", json=body, **request)


async def add(project: Project, user: str, body: object, **request: str) -> httpx.Response:
    return await project.request("POST", f"/members/{user}:add", json=body, **request)


async def test_who_is_privileged_sees_a_member_whole_and_others_this_project_only(
    project: Project,
) -> None:
    """Contract: 2.4, 6.2, decision 15."""
    admin = await project.user("project_admin")
    other = await Project.create(project.node)
    user = await project.user("publisher", service_roles=["consumer"])
    object_in(await add(other, user.name, {"roles": ["consumer"]}))
    whole = await member(project, user)
    assert whole["token"] == user.token
    assert whole["service_roles"] == ["consumer"]
    assert whole["projects"] == [entry(project, "publisher"), entry(other, "consumer")]
    part = await member(project, user, admin.token)
    assert part["service_roles"] == []
    assert part["projects"] == [entry(project, "publisher")]
    assert not {"token", "created_by"} & set(part)
    await other.remove()


async def test_members_are_listed_with_details_on_demand(project: Project) -> None:
    """Contract: 6.1, 14 #28."""
    users = [await project.user("publisher"), await project.user("project_admin")]
    listed = object_in(await project.request("GET", "/members"))
    assert [user["name"] for user in listed["users"]] == [users[1].name, users[0].name]
    assert (listed["totalSize"], listed["nextPageToken"]) == (2, "")
    assert not any("projects" in user for user in listed["users"])
    query = {"details": "True", "pageSize": 1}
    first = object_in(await project.request("GET", "/members", params=query, token=users[1].token))
    assert first["users"][0]["projects"] == [entry(project, "project_admin")]
    query["nextPageToken"] = first["nextPageToken"]
    second = object_in(await project.request("GET", "/members", params=query))
    assert [user["name"] for user in second["users"]] == [users[0].name]
    for name in ("pageSize", "pageToken"):
        answer = await project.request("GET", "/members", params={name: "x"})
        assert_error(answer, 400, f"Invalid page {name[4:].lower()}")


async def test_a_member_is_created_with_a_token_for_a_project_admin_to_hand_over(
    project: Project,
) -> None:
    """Contract: 6.3."""
    admin = await project.user("project_admin")
    name = new_name("user")
    body = {
        "email": "a@example.org",
        "first_name": "ignored",
        "service_roles": ["service_admin"],
        "projects": [
            {"project": "elsewhere", "roles": ["nonsense"]},
            {"project": project.name, "roles": ["consumer"]},
            {"project": project.name, "roles": ["publisher"]},
        ],
    }
    path = f"/members/{name}"
    made = object_in(await project.request("POST", path, json=body, token=admin.token))
    assert made["projects"] == [entry(project, "consumer")]
    assert (made["email"], made["service_roles"]) == ("a@example.org", [])
    assert made["created_by"] == admin.name
    assert "first_name" not in made
    profile = await project.node.request("GET", "/v1/users/profile", token=made["token"])
    assert object_in(profile)["name"] == name
    again = await project.request("POST", path, json={"projects": [entry(project, "no")]})
    assert_error(again, 409, "User already exists", "ALREADY_EXISTS")
    await project.node.request("DELETE", f"/v1/users/{name}")


@pytest.mark.parametrize("role", ["service_admin", "push_worker", "metrics_viewer", "nonsense"])
async def test_a_project_admin_gives_only_the_roles_of_projects(
    project: Project, role: str
) -> None:
    """Contract: decision 15, 14 #5."""
    admin = await project.user("project_admin")
    user = await project.user("publisher")
    stranger = await project.user()
    body = {"projects": [entry(project, role)]}
    answers = [
        await project.request("POST", f"/members/{new_name('user')}", json=body, token=admin.token),
        await put(project, user.name, body, token=admin.token),
        await add(project, stranger.name, {"roles": [role]}, token=admin.token),
    ]
    for answer in answers:
        assert_error(answer, 400, f"invalid role: {role}")
    if role != "nonsense":
        object_in(await put(project, user.name, body))


async def test_roles_are_changed_in_this_project_only(project: Project) -> None:
    """Contract: 6.4."""
    user = await project.user("publisher")
    body = {"projects": [entry(project, "consumer")], "email": "ignored", "name": "ignored"}
    changed = object_in(await put(project, user.name, body))
    assert changed["projects"] == [entry(project, "consumer")]
    assert (changed["name"], changed["email"]) == (user.name, "")
    locked_out = object_in(await put(project, user.name, {"projects": [{"project": project.name}]}))
    assert locked_out["projects"] == [entry(project)]
    answer = await project.request("GET", "/subscriptions", token=user.token)
    assert_error(answer, 401, "Unauthorized")


async def test_an_update_of_a_member_checks_in_the_order_of_the_contract(project: Project) -> None:
    """Contract: 6.4, 14 #14."""
    user, stranger = await project.user("publisher"), await project.user()
    broken = await project.request("PUT", "/members/nobody", content=b"[")
    assert_error(broken, 400, "Invalid User Arguments")
    here = {"projects": [entry(project, "nonsense")]}
    assert_error(await put(project, "nobody", here), 404, "User doesn't exist")
    assert_error(await put(project, stranger.name, here), 403, NOT_MEMBER)
    assert_error(await put(project, user.name, here), 400, "invalid role: nonsense")
    bodies: list[Object] = [{}, {"projects": []}, {"projects": [{"project": "elsewhere"}]}]
    for body in bodies:
        assert_error(await put(project, user.name, body), 403, NOT_MEMBER)


async def test_a_user_is_added_and_removed(project: Project) -> None:
    """Contract: 6.5, 6.6."""
    user = await project.user()
    assert_error(await project.request("GET", f"/members/{user.name}"), 404, "User doesn't exist")
    added = object_in(await add(project, user.name, {"roles": ["consumer"]}))
    assert added["projects"] == [entry(project, "consumer")]
    removed = await project.request("POST", f"/members/{user.name}:remove", content=b"junk")
    assert object_in(removed) == {}
    gone = await project.request("POST", f"/members/{user.name}:remove")
    assert_error(gone, 403, NOT_MEMBER)


async def test_adding_checks_in_the_order_of_the_contract(project: Project) -> None:
    """Contract: 6.5, 14 #15."""
    user = await project.user("publisher")
    stranger = await project.user()
    missing = await project.request("POST", "/members/nobody:add", content=b"[")
    assert_error(missing, 404, "User doesn't exist")
    for content in (b"", b"[", b'{"roles": "x"}'):
        answer = await project.request("POST", f"/members/{user.name}:add", content=content)
        assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
    twice = await add(project, user.name, {"roles": ["nonsense"]})
    assert_error(twice, 409, "User is already a member of the project")
    wrong = await add(project, stranger.name, {"roles": ["nonsense"]})
    assert_error(wrong, 400, "invalid role: nonsense")
    none = await project.request("POST", "/members/nobody:remove")
    assert_error(none, 404, "User doesn't exist")


async def test_changes_of_members_at_the_same_time_lose_nothing(
    two_nodes: tuple[Node, Node],
) -> None:
    first = await Project.create(two_nodes[0])
    second = Project(two_nodes[1], first.name)
    user = await first.user()
    projects = [await Project.create(two_nodes[0]) for _ in range(6)]
    added = await asyncio.gather(
        *(
            add(Project(two_nodes[n % 2], each.name), user.name, {"roles": ["publisher"]})
            for n, each in enumerate(projects)
        ),
        *(add(each, user.name, {"roles": ["consumer"]}) for each in (first, second)),
    )
    codes = sorted(answer.status_code for answer in added)
    assert codes == [200] * 7 + [409]
    shown = object_in(await first.node.request("GET", f"/v1/users/{user.name}"))
    assert {place["project"] for place in shown["projects"]} == {
        first.name,
        *(each.name for each in projects),
    }
    for each in (*projects, first):
        await each.remove()


async def test_changes_of_members_are_on_record(project: Project) -> None:
    user = await project.user()
    await add(project, user.name, {"roles": ["consumer"]})
    await put(project, user.name, {"projects": [entry(project, "publisher")]})
    await project.request("POST", f"/members/{user.name}:remove")
    answer = await project.request("GET", "/audit", params={"pageSize": 3})
    assert [(e["action"], e["detail"]) for e in object_in(answer)["entries"]] == [
        ("projects:removeUser", {}),
        ("projects:updateUser", {"roles": ["publisher"]}),
        ("projects:addUser", {"roles": ["consumer"]}),
    ]
