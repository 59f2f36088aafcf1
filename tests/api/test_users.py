"""Users (contract: ams-users-metrics 4 and 5)."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.client import (
    Object,
    Project,
    assert_empty,
    assert_error,
    create_user,
    new_name,
    object_in,
    secrets,
)
from tests.api.test_projects import assert_now
from tests.node import Node

TOKEN = re.compile(r"[0-9a-f]{64}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
BAD = "Invalid User Arguments"


@pytest_asyncio.fixture
async def path(node: Node) -> AsyncIterator[str]:
    """The path of a user who does not exist, and is gone after the test."""
    path = f"/v1/users/{new_name('user')}"
    yield path
    await node.request("DELETE", path)


async def create(node: Node, path: str, body: Object) -> Object:
    made = object_in(await node.request("POST", path, json=body))
    secrets.add(made["token"])
    return made


async def test_a_new_user_is_answered_in_full(project: Project, path: str) -> None:
    """Contract: ams-users-metrics 4.1, 4.2, 5.6, 1.8. What the server sets can't be given."""
    given = {
        "first_name": "First",
        "last_name": "Last",
        "organization": "Organization",
        "description": "Description",
        "email": "no address at all",
        "service_roles": ["admin_viewer"],
    }
    ignored = {
        "name": "other",
        "uuid": "7",
        "token": "chosen",
        "created_on": "x",
        "modified_on": "x",
        "created_by": "x",
    }
    roles = {"project": project.name, "roles": ["publisher", "consumer"]}
    body = {**given, **ignored, "projects": [{**roles, "topics": ["x"], "subscriptions": ["y"]}]}
    made = await create(project.node, path, body)
    assert made == {
        **given,
        "uuid": made["uuid"],
        "name": path.rpartition("/")[2],
        "token": made["token"],
        "projects": [{**roles, "topics": [], "subscriptions": []}],
        "created_on": made["created_on"],
        "modified_on": made["created_on"],
    }
    assert UUID.fullmatch(made["uuid"])
    assert TOKEN.fullmatch(made["token"])
    assert_now(made["created_on"])
    assert object_in(await project.node.request("GET", path)) == made


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"service_roles": null, "projects": null}'])
async def test_a_user_of_whom_nothing_is_known(node: Node, path: str, body: bytes) -> None:
    """Contract: ams-users-metrics 1.6, 14 #3 and #4: service roles are a list, projects absent."""
    made = object_in(await node.request("POST", path, content=body))
    keys = {"uuid", "name", "token", "email", "service_roles", "created_on", "modified_on"}
    assert set(made) == keys
    assert (made["email"], made["service_roles"]) == ("", [])


async def test_a_user_names_their_creator_as_long_as_they_exist(node: Node, path: str) -> None:
    """Contract: ams-users-metrics 4.1, 2.7."""
    admin = await create_user(node, service_roles=["service_admin"])
    made = object_in(await node.request("POST", path, json={}, token=admin.token))
    assert made["created_by"] == admin.name
    await node.request("DELETE", f"/v1/users/{admin.name}")
    assert "created_by" not in object_in(await node.request("GET", path))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"7",
        b"{} x",
        b'{"email": 3}',
        b'{"Email": 3}',
        b'{"uuid": 3}',
        b'{"service_roles": "x"}',
        b'{"service_roles": [3]}',
        b'{"projects": {}}',
        b'{"projects": ["x"]}',
        b'{"projects": [{"topics": "x"}]}',
        b'{"projects": [{"project": 3}]}',
        b'{"projects": [{"roles": "x"}]}',
    ],
)
async def test_a_bad_body_is_400(node: Node, path: str, body: bytes) -> None:
    """Contract: ams-users-metrics 1.6, 5.6."""
    assert_error(await node.request("POST", path, content=body), 400, BAD)


async def test_names_in_a_body_match_in_any_letter_case(project: Project, path: str) -> None:
    """Contract: ams-users-metrics 1.6."""
    projects = [{"Project": project.name, "ROLES": ["consumer"]}]
    made = await create(project.node, path, {"EMAIL": "a@b", "Projects": projects})
    assert made["email"] == "a@b"
    assert [(p["project"], p["roles"]) for p in made["projects"]] == [(project.name, ["consumer"])]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"projects": [{"project": "unknown"}]}, "invalid project: unknown"),
        ({"projects": [{"project": "{p}", "roles": ["x"]}]}, "invalid role: x"),
        ({"projects": [{"project": "{p}", "roles": ["_admin_"]}]}, "invalid role: _admin_"),
        ({"projects": [{"project": "{p}", "roles": ["consumer", "y", "x"]}]}, "invalid role: y"),
        ({"projects": [{"project": "{p}", "roles": [""]}]}, "invalid role: "),
        ({"projects": [{"project": "{p}"}] * 2}, "duplicate reference of project {p}"),
        ({"service_roles": ["service_admin", "x"]}, "invalid role: x"),
        ({"service_roles": ["Service_admin"]}, "invalid role: Service_admin"),
        # The order of checks: projects, entry by entry, before service roles.
        (
            {"projects": [{"project": "{p}", "roles": ["x"]}], "service_roles": ["y"]},
            "invalid role: x",
        ),
        (
            {"projects": [{"project": "unknown", "roles": ["x"]}], "service_roles": ["y"]},
            "invalid project: unknown",
        ),
        (
            {"projects": [{"project": "{p}"}, {"project": "{p}", "roles": ["x"]}]},
            "duplicate reference of project {p}",
        ),
        (
            {"projects": [{"project": "{p}", "roles": ["x"]}, {"project": "unknown"}]},
            "invalid role: x",
        ),
    ],
)
async def test_a_reference_to_nothing_is_400_and_makes_no_user(
    project: Project, path: str, body: Object, message: str
) -> None:
    """Contract: ams-users-metrics 3.1, 5.6, O-4."""
    sent = json.dumps(body).replace("{p}", project.name)
    answer = await project.node.request("POST", path, content=sent)
    assert_error(answer, 400, message.replace("{p}", project.name))
    assert_error(await project.node.request("GET", path), 404, "User doesn't exist")


async def test_an_entry_that_names_no_project_is_skipped(project: Project, path: str) -> None:
    """Contract: ams-users-metrics 5.6."""
    skipped: list[Object] = [{}, {"project": "", "roles": ["nonsense"]}, {"roles": ["nonsense"]}]
    entries = [*skipped, {"project": project.name, "roles": []}]
    made = await create(project.node, path, {"projects": entries})
    shown = {"project": project.name, "roles": [], "topics": [], "subscriptions": []}
    assert made["projects"] == [shown]


async def test_a_name_that_is_taken_is_409_before_roles_are_looked_at(
    project: Project, path: str
) -> None:
    """Contract: ams-users-metrics 5.6."""
    await create(project.node, path, {})
    bodies: list[Object] = [
        {},
        {"service_roles": ["x"]},
        {"projects": [{"project": "unknown"}, {"project": "unknown"}]},
    ]
    for body in bodies:
        answer = await project.node.request("POST", path, json=body)
        assert_error(answer, 409, "User already exists", "ALREADY_EXISTS")
    assert_error(await project.node.request("POST", path, content=b"["), 400, BAD)


async def test_of_creations_at_once_one_succeeds(node: Node, path: str) -> None:
    """Contract: ams-users-metrics 14 #48."""
    answers = await asyncio.gather(*(node.request("POST", path, json={}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize("name", ["profile", "usageReport"])
async def test_names_that_are_paths_of_their_own_are_no_users(node: Node, name: str) -> None:
    """Contract: ams-users-metrics 14 #24; a wrong method is told as such (decision 6)."""
    answer = await node.request("POST", f"/v1/users/{name}", json={})
    assert_error(answer, 405, "Method Not Allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", ":refreshToken")]
)
async def test_an_unknown_user_is_404(node: Node, path: str, method: str, suffix: str) -> None:
    """Contract: ams-users-metrics 5.2, 5.8, 5.9, 14 #1 and #2."""
    assert_error(await node.request(method, f"{path}{suffix}"), 404, "User doesn't exist")


async def test_a_user_shows_the_resources_that_list_them(queue: Project) -> None:
    """Contract: ams-users-metrics 4.2: short names, in the order of creation."""
    user = await queue.user("publisher", "consumer")
    await queue.topic("t2")
    await queue.subscription("s2", "t")
    for resource in ("topics/t2", "topics/t", "subscriptions/s"):
        await queue.allow(resource, user)
    for answer in (
        await queue.node.request("GET", f"/v1/users/{user.name}"),
        await queue.node.request("GET", "/v1/users/profile", token=user.token),
    ):
        (entry,) = object_in(answer)["projects"]
        assert entry == {
            "project": queue.name,
            "roles": ["publisher", "consumer"],
            "topics": ["t", "t2"],
            "subscriptions": ["s"],
        }


async def test_the_profile_is_the_callers_full_view(project: Project) -> None:
    """Contract: ams-users-metrics 5.5: of any user, whatever their roles."""
    for user in (await project.user("consumer"), await project.user()):
        shown = await project.node.request("GET", "/v1/users/profile", token=user.token)
        full = await project.node.request("GET", f"/v1/users/{user.name}")
        assert object_in(shown) == object_in(full)
        assert object_in(shown)["token"] == user.token


@pytest.mark.parametrize("token", [None, "", "unknown"])
async def test_who_is_no_user_has_no_profile(node: Node, token: str | None) -> None:
    """Contract: ams-users-metrics 2.5, 5.5."""
    answer = await node.request("GET", "/v1/users/profile", token=token)
    assert_error(answer, 401, "Unauthorized")


async def test_the_service_token_has_no_profile(node: Node) -> None:
    """Contract: ams-users-metrics 2.5."""
    assert_error(await node.request("GET", "/v1/users/profile"), 401, "Unauthorized")


@pytest.mark.parametrize("body", [b"", b'""', b"{}", b"junk"])
async def test_a_new_token_takes_the_place_of_the_old_one(project: Project, body: bytes) -> None:
    """Contract: ams-users-metrics 5.8, 1.6: the body is not read; `modified_on` stays (14 #26)."""
    user = await project.user("project_admin")
    path = f"/v1/users/{user.name}"
    before = object_in(await project.node.request("GET", path))
    object_in(await project.request("GET", token=user.token))
    renewed = object_in(await project.node.request("POST", f"{path}:refreshToken", content=body))
    secrets.add(renewed["token"])
    assert TOKEN.fullmatch(renewed["token"])
    assert renewed["token"] != user.token
    assert renewed == {**before, "token": renewed["token"]}
    assert_error(await project.request("GET", token=user.token), 401, "Unauthorized")
    object_in(await project.request("GET", token=renewed["token"]))
    assert object_in(await project.node.request("GET", path)) == renewed


async def test_the_token_of_a_deleted_user_is_refused_at_once(project: Project) -> None:
    """Contract: ams-users-metrics 5.9."""
    user = await project.user("project_admin")
    object_in(await project.request("GET", token=user.token))
    assert_empty(await project.node.request("DELETE", f"/v1/users/{user.name}"))
    assert_error(await project.request("GET", token=user.token), 401, "Unauthorized")
    answer = await project.node.request("GET", "/v1/users/profile", token=user.token)
    assert_error(answer, 401, "Unauthorized")


async def test_the_list_of_a_projects_users_is_newest_first(project: Project) -> None:
    """Contract: ams-users-metrics 4.3, 5.1: without details no user has projects."""
    path = f"/v1/users?project={project.name}"
    page: Object = {"users": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await project.node.request("GET", path)) == page
    users = [await project.user("consumer"), await project.user("publisher")]
    await project.user(service_roles=["admin_viewer"])
    full = [
        object_in(await project.node.request("GET", f"/v1/users/{user.name}")) for user in users
    ]
    page = {"users": full[::-1], "nextPageToken": "", "totalSize": 2}
    for details in ("true", "True", "TRUE"):  # Contract: ams-users-metrics 14 #28.
        answer = await project.node.request("GET", f"{path}&details={details}")
        assert object_in(answer) == page
    for user in full:
        del user["projects"]
    for details in ("", "&details=false", "&details=1", "&details=yes"):
        assert object_in(await project.node.request("GET", f"{path}{details}")) == page


async def test_without_a_project_everybody_is_listed(project: Project) -> None:
    """Contract: ams-users-metrics 5.1."""
    stranger, member = await project.user(), await project.user("consumer")
    for query in ("", "?project="):
        page = object_in(await project.node.request("GET", f"/v1/users{query}"))
        names = [user["name"] for user in page["users"]]
        assert names[:2] == [member.name, stranger.name]
        assert len(names) == len(set(names)) == page["totalSize"]


async def test_an_unknown_project_is_404_before_the_page_is_looked_at(node: Node) -> None:
    """Contract: ams-users-metrics 5.1, 14 #47."""
    for project in ("unknown", "bad name", "%00", "x" * 5000, "%F0%9F%98%80"):
        answer = await node.request("GET", f"/v1/users?project={project}&pageSize=x&pageToken=!")
        assert_error(answer, 404, "ProjectUUID doesn't exist")


async def test_a_project_admin_gets_401_for_what_has_no_project(project: Project) -> None:
    """Contract: ams-users-metrics 2.3, 14 #9."""
    admin = await project.user("project_admin")
    answer = await project.node.request(
        "GET", f"/v1/users?project={project.name}", token=admin.token
    )
    assert_error(answer, 401, "Unauthorized")


@pytest.mark.parametrize("field", ["email", "first_name", "last_name", "organization"])
async def test_a_text_that_is_too_long_is_400(node: Node, path: str, field: str) -> None:
    answer = await node.request("POST", path, json={field: "x" * 100_000})
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert_error(await node.request("GET", path), 404, "User doesn't exist")


@pytest.mark.parametrize(
    "text", ["<b>&amp;</b>", 'quotes " and \\', "\u00e9\u4e2d\U0001f600", "line\nbreak\ttab"]
)
async def test_texts_come_back_as_they_were_sent(node: Node, path: str, text: str) -> None:
    await create(node, path, {"email": text, "description": text})
    shown = object_in(await node.request("GET", path))
    assert (shown["email"], shown["description"]) == (text, text)
