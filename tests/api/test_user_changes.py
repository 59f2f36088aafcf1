"""Changing users and projects, and finding users (contract: ams-users-metrics 5, ams-core 2.5)."""

import httpx
import pytest

from tests.api.client import Object, Project, assert_error, create_user, new_name, object_in
from tests.node import Node


async def put(node: Node, name: str, body: object) -> httpx.Response:
    return await node.request("PUT", f"/v1/users/{name}", json=body)


async def test_what_is_absent_or_empty_stays(project: Project) -> None:
    """Contract: 5.7, 14 #25."""
    user = await project.user("publisher", service_roles=["consumer"])
    node = project.node
    changed = object_in(await put(node, user.name, {"email": "a@example.org", "first_name": "A"}))
    assert (changed["email"], changed["first_name"]) == ("a@example.org", "A")
    same = object_in(await put(node, user.name, {"email": "", "projects": None}))
    assert {**same, "modified_on": ""} == {**changed, "modified_on": ""}
    assert same["service_roles"] == ["consumer"]
    none = object_in(await put(node, user.name, {"projects": [], "service_roles": []}))
    assert ("projects" in none, none["service_roles"]) == (False, [])
    place = {"project": project.name, "roles": ["consumer"]}
    back = object_in(
        await put(node, user.name, {"projects": [place], "service_roles": ["consumer"]})
    )
    assert back["projects"][0]["roles"] == ["consumer"]
    assert back["token"] == user.token


async def test_a_renamed_user_keeps_token_uuid_and_access(queue: Project) -> None:
    user = await queue.user("publisher")
    await queue.allow("topics/t", user)
    name = new_name("user")
    changed = object_in(await put(queue.node, user.name, {"name": name}))
    assert (changed["name"], changed["uuid"], changed["token"]) == (name, user.uuid, user.token)
    acl = object_in(await queue.request("GET", "/topics/t:acl"))
    assert acl == {"authorized_users": [name]}
    body: Object = {"messages": []}
    published = await queue.request("POST", "/topics/t:publish", json=body, token=user.token)
    assert published.status_code == 200
    assert_error(await put(queue.node, user.name, {}), 404, "User doesn't exist")
    await queue.node.request("DELETE", f"/v1/users/{name}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "Invalid User Arguments"),
        ({"email": 3}, "Invalid User Arguments"),
        ({"name": "bad name"}, "Invalid User Arguments"),
        ({"name": "usageReport"}, "Invalid User Arguments"),
        ({"projects": [{"project": "none"}]}, "invalid project: none"),
        ({"service_roles": ["none"]}, "invalid role: none"),
    ],
)
async def test_a_wrong_change_is_refused_before_the_user_is_looked_for(
    node: Node, body: Object, message: str
) -> None:
    """Contract: 5.7, 14 #11."""
    assert_error(await put(node, "nobody", body), 400, message)


async def test_a_project_named_twice_is_refused(project: Project) -> None:
    places = [{"project": project.name}, {"project": project.name}]
    answer = await put(project.node, "nobody", {"projects": places})
    assert_error(answer, 400, f"duplicate reference of project {project.name}")


async def test_a_taken_name_and_an_unknown_user_are_refused(node: Node) -> None:
    """Contract: 14 #1."""
    first, second = await create_user(node), await create_user(node)
    clash = await put(node, first.name, {"name": second.name})
    assert_error(clash, 400, "invalid user name change, name already exists")
    assert object_in(await put(node, first.name, {"name": first.name}))["name"] == first.name
    assert_error(await put(node, "nobody", {}), 404, "User doesn't exist")


async def test_a_user_is_found_by_token_and_by_uuid(node: Node) -> None:
    """Contract: 5.3, 5.4; what the gateway of certificates reads is the token."""
    user = await create_user(node)
    worker = await create_user(node, service_roles=["push_worker"])
    gateway = await create_user(node, service_roles=["argo_api_authn"])
    whole = object_in(await node.request("GET", f"/v1/users/{user.name}"))
    paths = {f"/v1/users:byToken/{user.token}": worker, f"/v1/users:byUUID/{user.uuid}": gateway}
    for path, caller in paths.items():
        assert object_in(await node.request("GET", path, token=caller.token)) == whole
    for path in ("/v1/users:byToken/unknown", "/v1/users:byUUID/unknown"):
        assert_error(await node.request("GET", path), 404, "User doesn't exist")
    assert_error(await node.request("GET", "/v1/users:byToken/a.b"), 400, "Invalid token name")
    assert_error(await node.request("GET", "/v1/users:byUUID/a.b"), 400, "Invalid uuid name")


async def test_a_project_is_renamed_with_all_that_refers_to_it(queue: Project) -> None:
    """Contract: ams-core 2.5; acknowledgements of before name what is no more."""
    user = await queue.user("consumer")
    await queue.allow("subscriptions/s", user)
    await queue.publish("t", "one")
    (old,) = await queue.pull("s")
    name = new_name("project")
    changed = object_in(await queue.request("PUT", json={"name": name, "description": "new"}))
    assert (changed["name"], changed["description"]) == (name, "new")
    assert (await queue.request("GET")).status_code == 404
    queue.name = name
    shown = object_in(await queue.request("GET", "/subscriptions/s"))
    assert shown["topic"] == f"/projects/{name}/topics/t"
    body = {"ackIds": [old["ackId"]]}
    stale = await queue.request("POST", "/subscriptions/s:acknowledge", json=body)
    assert_error(stale, 400, "Invalid ack id")
    answer = await queue.request("POST", "/subscriptions/s:pull", json={}, token=user.token)
    (new,) = object_in(answer)["receivedMessages"]
    assert new["ackId"] == f"projects/{name}/subscriptions/s:0"
    profile = await queue.node.request("GET", "/v1/users/profile", token=user.token)
    assert object_in(profile)["projects"][0]["project"] == name


async def test_a_wrong_change_of_a_project_is_refused(project: Project) -> None:
    """Contract: ams-core 2.5, O-7, O-48, O-49."""
    other = await Project.create(project.node)
    for content in (b"", b"[", b'{"name": 1}'):
        answer = await project.request("PUT", content=content)
        assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
    assert_error(await project.request("PUT", json={"name": "a b"}), 400, "Invalid project name")
    clash = await project.request("PUT", json={"name": other.name})
    assert_error(clash, 400, "invalid project name change, name already exists")
    same = object_in(await project.request("PUT", json={}))
    assert same["name"] == project.name
    await other.remove()


async def test_who_is_not_privileged_sees_no_token_in_the_list_of_users(project: Project) -> None:
    """The role table lets a service-wide project_admin list users (ams-users-metrics 2.4, 3.2)."""
    user = await project.user("publisher", service_roles=["consumer"])
    lister = await project.user(service_roles=["project_admin"])
    query = {"project": project.name, "details": "true"}
    answer = await project.node.request("GET", "/v1/users", params=query, token=lister.token)
    (shown,) = object_in(answer)["users"]
    assert (shown["name"], shown["service_roles"]) == (user.name, [])
    assert [place["project"] for place in shown["projects"]] == [project.name]
    assert not {"token", "created_by"} & set(shown)
    everyone = await project.node.request("GET", "/v1/users", token=lister.token)
    assert not any("token" in each for each in object_in(everyone)["users"])


async def test_a_uuid_that_is_too_long_is_nobody_s(node: Node) -> None:
    for path in ("/v1/users:byUUID/", "/v1/registrations/"):
        answer = await node.request("GET", path + "x" * 100)
        assert answer.status_code == 404
    answer = await node.request("GET", "/v1/registrations", params={"status": "x" * 100})
    assert object_in(answer) == {"user_registrations": []}
