"""The members of a project (contract: ams-users-metrics 6)."""

import asyncio

import pytest

from tests.api.client import (
    FORBIDDEN,
    Object,
    Project,
    User,
    assert_error,
    new_name,
    object_in,
)
from tests.api.past import sql
from tests.api.test_projects import assert_now
from tests.api.test_users import BAD

NO_MEMBER = f"{FORBIDDEN}. User is not a member of the project"


async def full(project: Project, user: User) -> Object:
    """A user as service admins see them."""
    return object_in(await project.node.request("GET", f"/v1/users/{user.name}"))


def limited(user: Object, project: Project) -> Object:
    """What others see of a user (contract: ams-users-metrics 2.4)."""
    here = [place for place in user["projects"] if place["project"] == project.name]
    seen = {**user, "projects": here, "service_roles": []}
    return {key: value for key, value in seen.items() if key not in ("token", "created_by")}


async def make_rich(project: Project, elsewhere: Project) -> User:
    """A member who has roles elsewhere, access to something, and a creator."""
    creator = await project.user(service_roles=["service_admin"])
    name = new_name("rich")
    body: Object = {
        "projects": [
            {"project": elsewhere.name, "roles": ["project_admin"]},
            {"project": project.name, "roles": ["publisher"]},
        ],
        "service_roles": ["admin_viewer"],
        "email": "rich@example.org",
        "first_name": "First",
    }
    path = f"/v1/users/{name}"
    made = object_in(await project.node.request("POST", path, json=body, token=creator.token))
    await project.topic("t")
    member = User(name, made["uuid"], made["token"])
    await project.allow("topics/t", member)
    return member


async def test_who_is_no_service_admin_sees_no_tokens_creators_and_roles_elsewhere(
    project: Project,
) -> None:
    """Contract: ams-users-metrics 2.4, 6.1, 6.2."""
    elsewhere = await Project.create(project.node)
    member = await make_rich(project, elsewhere)
    admin = await project.user("project_admin")
    everything = await full(project, member)
    assert everything["created_by"]
    assert everything["token"]
    assert len(everything["projects"]) == 2
    seen = limited(everything, project)
    assert seen["projects"] == [
        {"project": project.name, "roles": ["publisher"], "topics": ["t"], "subscriptions": []}
    ]
    for token, expected in ((None, everything), (admin.token, seen)):
        caller = {} if token is None else {"token": token}
        answer = await project.request("GET", f"/members/{member.name}", **caller)
        assert object_in(answer) == expected
        answer = await project.request("GET", "/members?details=true", **caller)
        assert object_in(answer)["users"][1] == expected
        answer = await project.request("GET", "/members", **caller)
        without = {key: value for key, value in expected.items() if key != "projects"}
        assert object_in(answer)["users"][1] == without
    await project.node.request("DELETE", f"/v1/users/{member.name}")
    await elsewhere.remove()


async def test_a_service_admin_of_a_project_only_sees_no_tokens(project: Project) -> None:
    """Contract: decision 15, ams-users-metrics 14 #5."""
    caller = await project.user("service_admin")
    member = await project.user("consumer")
    answer = await project.request("GET", f"/members/{member.name}", token=caller.token)
    assert object_in(answer) == limited(await full(project, member), project)
    answer = await project.request("GET", "/members?details=true", token=caller.token)
    assert [user.get("token") for user in object_in(answer)["users"]] == [None, None]
    answer = await project.request(
        "POST", f"/members/{new_name('user')}", token=caller.token, json=role_in(project, "x")
    )
    assert_error(answer, 400, "invalid role: x")
    body = role_in(project, "service_admin")
    answer = await project.request("PUT", f"/members/{member.name}", token=caller.token, json=body)
    assert_error(answer, 400, "invalid role: service_admin")


async def test_who_lists_all_users_and_is_no_service_admin_sees_no_tokens(
    project: Project,
) -> None:
    """Contract: ams-users-metrics 2.4, 3.2: a service role `project_admin` opens the list."""
    caller = await project.user(service_roles=["project_admin"])
    member = await project.user("consumer", service_roles=["service_admin"])
    seen = limited(await full(project, member), project)
    path = f"/v1/users?project={project.name}&details=true"
    answer = await project.node.request("GET", path, token=caller.token)
    assert object_in(answer)["users"] == [seen]
    answer = await project.node.request(
        "GET", "/v1/users?details=true&pageSize=1", token=caller.token
    )
    del seen["projects"]
    assert object_in(answer)["users"] == [seen]


async def test_the_list_has_the_members_of_the_project_and_nobody_else(project: Project) -> None:
    """Contract: ams-users-metrics 6.1, 4.3."""
    empty: Object = {"users": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await project.request("GET", "/members")) == empty
    users = [await project.user("consumer"), await project.user("publisher")]
    await project.user(service_roles=["service_admin"])
    elsewhere = await Project.create(project.node)
    stranger = await elsewhere.user("consumer")
    page = object_in(await project.request("GET", "/members"))
    assert [user["name"] for user in page["users"]] == [user.name for user in users[::-1]]
    assert (page["nextPageToken"], page["totalSize"]) == ("", 2)
    for name in (stranger.name, new_name("nobody")):
        answer = await project.request("GET", f"/members/{name}")
        assert_error(answer, 404, "User doesn't exist")
    await elsewhere.remove()


def role_in(project: Project, *roles: str) -> Object:
    """A body that gives roles in a project."""
    return {"projects": [{"project": project.name, "roles": list(roles)}]}


@pytest.mark.parametrize("privileged", [True, False])
async def test_a_members_roles_are_replaced(project: Project, privileged: bool) -> None:
    """Contract: ams-users-metrics 6.4: the first entry counts, and nothing else of the body."""
    caller = await project.user(
        *([] if privileged else ["project_admin"]),
        service_roles=["service_admin"] if privileged else [],
    )
    elsewhere = await Project.create(project.node)
    member = await make_rich(project, elsewhere)
    before = await full(project, member)
    body = {
        "name": "ignored",
        "email": "ignored",
        "service_roles": ["nonsense"],
        "projects": [
            {"project": "unknown", "roles": ["nonsense"]},
            *role_in(project, "consumer", "project_admin")["projects"],
            *role_in(project, "nonsense")["projects"],
        ],
    }
    answer = await project.request("PUT", f"/members/{member.name}", token=caller.token, json=body)
    changed = await full(project, member)
    before["projects"][1]["roles"] = ["consumer", "project_admin"]
    assert changed == {**before, "modified_on": changed["modified_on"]}
    assert object_in(answer) == (changed if privileged else limited(changed, project))
    assert_now(changed["modified_on"])
    object_in(await project.request("GET", token=member.token))
    await project.node.request("DELETE", f"/v1/users/{member.name}")
    await elsewhere.remove()


async def test_an_entry_without_roles_locks_the_member_out(project: Project) -> None:
    """Contract: ams-users-metrics 6.4."""
    member = await project.user("project_admin")
    body = {"projects": [{"project": project.name}]}
    changed = object_in(await project.request("PUT", f"/members/{member.name}", json=body))
    assert changed["projects"][0]["roles"] == []
    assert_error(await project.request("GET", token=member.token), 401, "Unauthorized")


@pytest.mark.parametrize("body", [{}, {"projects": []}, {"projects": [{"project": "other"}]}])
async def test_a_change_without_an_entry_for_the_project_is_403(
    project: Project, body: Object
) -> None:
    """Contract: ams-users-metrics 6.4, 14 #14."""
    member = await project.user("consumer")
    before = await full(project, member)
    answer = await project.request("PUT", f"/members/{member.name}", json=body)
    assert_error(answer, 403, NO_MEMBER)
    assert await full(project, member) == before


async def test_a_change_is_refused_in_the_order_body_user_membership_roles(
    project: Project,
) -> None:
    """Contract: ams-users-metrics 6.4."""
    member, stranger = await project.user("consumer"), await project.user()
    nobody = new_name("nobody")
    bad = role_in(project, "x")
    for name in (nobody, stranger.name, member.name):
        for content in (b"", b"{", b"[]", b"{} x", b'{"email": 3}', b'{"projects": [3]}'):
            answer = await project.request("PUT", f"/members/{name}", content=content)
            assert_error(answer, 400, BAD)
    answer = await project.request("PUT", f"/members/{nobody}", json=bad)
    assert_error(answer, 404, "User doesn't exist")
    answer = await project.request("PUT", f"/members/{stranger.name}", json=bad)
    assert_error(answer, 403, NO_MEMBER)
    answer = await project.request("PUT", f"/members/{member.name}", json=bad)
    assert_error(answer, 400, "invalid role: x")
    answer = await project.request("PUT", f"/members/{nobody}", json={})
    assert_error(answer, 404, "User doesn't exist")


@pytest.mark.parametrize("privileged", [True, False])
async def test_a_user_is_added_to_a_project(queue: Project, privileged: bool) -> None:
    """Contract: ams-users-metrics 6.5: access is what lists say, not what was sent."""
    caller = await queue.user(
        *([] if privileged else ["project_admin"]),
        service_roles=["service_admin"] if privileged else [],
    )
    elsewhere = await Project.create(queue.node)
    user = await elsewhere.user("publisher")
    body = {"project": "x", "roles": ["project_admin"], "topics": ["t"], "subscriptions": ["s"]}
    answer = await queue.request("POST", f"/members/{user.name}:add", token=caller.token, json=body)
    changed = await full(queue, user)
    assert object_in(answer) == (changed if privileged else limited(changed, queue))
    assert [(entry["project"], entry["roles"]) for entry in changed["projects"]] == [
        (elsewhere.name, ["publisher"]),
        (queue.name, ["project_admin"]),
    ]
    assert changed["projects"][1]["topics"] == []
    assert_now(changed["modified_on"])
    object_in(await queue.request("GET", token=user.token))
    await elsewhere.remove()


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"roles": null}', b'{"ROLES": []}'])
async def test_a_user_may_be_added_without_roles(project: Project, body: bytes) -> None:
    """Contract: ams-users-metrics 6.5."""
    user = await project.user()
    answer = await project.request("POST", f"/members/{user.name}:add", content=body)
    assert object_in(answer)["projects"][0]["roles"] == []
    assert_error(await project.request("GET", token=user.token), 401, "Unauthorized")


async def test_an_addition_is_refused_in_the_order_user_body_membership_roles(
    project: Project,
) -> None:
    """Contract: ams-users-metrics 6.5, 14 #15: a bad body is called otherwise than elsewhere."""
    member, stranger = await project.user("consumer"), await project.user()
    before = await full(project, member)
    bad_bodies = (b"", b"{", b"[]", b"{} x", b'{"roles": "x"}', b'{"roles": [3]}', b'{"topics": 3}')
    for content in bad_bodies:
        for name in (member.name, stranger.name):
            answer = await project.request("POST", f"/members/{name}:add", content=content)
            assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
        answer = await project.request("POST", f"/members/{new_name('no')}:add", content=content)
        assert_error(answer, 404, "User doesn't exist")
    answer = await project.request("POST", f"/members/{member.name}:add", json={"roles": ["x"]})
    assert_error(answer, 409, "User is already a member of the project")
    answer = await project.request("POST", f"/members/{stranger.name}:add", json={"roles": ["x"]})
    assert_error(answer, 400, "invalid role: x")
    assert await full(project, member) == before
    assert "projects" not in await full(project, stranger)


@pytest.mark.parametrize("body", [b"", b"{}", b'""', b"junk"])
async def test_a_member_is_removed_and_stays_a_user(queue: Project, body: bytes) -> None:
    """Contract: ams-users-metrics 6.6, 14 #27: the body is not read, and `{}` is answered."""
    member = await queue.user("project_admin")
    await queue.allow("topics/t", member)
    object_in(await queue.request("GET", token=member.token))
    answer = await queue.request("POST", f"/members/{member.name}:remove", content=body)
    assert object_in(answer) == {}
    left = await full(queue, member)
    assert "projects" not in left
    assert left["token"] == member.token
    assert_error(await queue.request("GET", token=member.token), 401, "Unauthorized")
    acl = object_in(await queue.request("GET", "/topics/t:acl"))
    assert acl == {"authorized_users": [member.name]}


async def test_a_member_with_a_role_that_is_none_any_more_can_be_removed(project: Project) -> None:
    """Contract: ams-users-metrics 14 #16: what else is known of the user is not looked at."""
    elsewhere = await Project.create(project.node)
    member = await project.user("consumer")
    body = {"roles": ["consumer"]}
    object_in(await elsewhere.request("POST", f"/members/{member.name}:add", json=body))
    await sql(
        project.node,
        "UPDATE memberships SET roles = %s WHERE user_id = (SELECT id FROM users WHERE name = %s)",
        '["gone"]',
        member.name,
    )
    answer = await project.request("POST", f"/members/{member.name}:remove")
    assert object_in(answer) == {}
    (left,) = (await full(project, member))["projects"]
    assert (left["project"], left["roles"]) == (elsewhere.name, ["gone"])
    await elsewhere.remove()


async def test_only_a_member_can_be_removed(project: Project) -> None:
    """Contract: ams-users-metrics 6.6."""
    stranger = await project.user()
    answer = await project.request("POST", f"/members/{new_name('nobody')}:remove")
    assert_error(answer, 404, "User doesn't exist")
    answer = await project.request("POST", f"/members/{stranger.name}:remove")
    assert_error(answer, 403, NO_MEMBER)


async def test_of_many_who_add_the_same_user_one_does(project: Project) -> None:
    """Contract: ams-users-metrics 14 #46."""
    user = await project.user()
    answers = await asyncio.gather(
        *(
            project.request("POST", f"/members/{user.name}:add", json={"roles": ["consumer"]})
            for _ in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len((await full(project, user))["projects"]) == 1


async def test_a_member_of_a_deleted_project_is_shown_without_it(project: Project) -> None:
    """Contract: ams-users-metrics 14 #20."""
    other = await Project.create(project.node)
    member = await project.user("consumer")
    object_in(await other.request("POST", f"/members/{member.name}:add", json={}))
    await other.remove()
    shown = object_in(await project.request("GET", f"/members/{member.name}"))
    assert [entry["project"] for entry in shown["projects"]] == [project.name]
    assert_error(await other.request("GET", "/members"), 404, "project doesn't exist")
