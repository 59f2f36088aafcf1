"""Changes of projects (contract: ams-core 2.5)."""

import asyncio

import pytest

from tests.api.client import Project, assert_error, create_user, new_name, object_in
from tests.api.test_projects import assert_now
from tests.eventually import eventually
from tests.node import Node


async def renamed(project: Project) -> str:
    """The project's new name; the object goes by it from now on."""
    name = new_name("renamed")
    object_in(await project.request("PUT", json={"name": name}))
    project.name = name
    return name


async def test_what_is_given_changes_and_the_rest_stays(node: Node) -> None:
    """Contract: ams-core 2.5. An empty text is as good as none."""
    admin = await create_user(node, service_roles=["service_admin"])
    project = Project(node, new_name("project"))
    body = {"description": "first"}
    made = object_in(await project.request("POST", json=body, token=admin.token))
    assert made["created_by"] == admin.name
    for body, changed in (
        ({"description": "second"}, {"description": "second"}),
        ({"name": "", "description": ""}, {"description": "second"}),
        ({"name": project.name}, {"description": "second"}),
        ({"created_on": "x", "modified_on": "x", "created_by": "x"}, {"description": "second"}),
    ):
        answer = object_in(await project.request("PUT", json=body))
        assert answer == {**made, **changed, "modified_on": answer["modified_on"]}
        assert_now(answer["modified_on"])
        assert object_in(await project.request("GET")) == answer
    name = new_name("renamed")
    answer = object_in(await project.request("PUT", json={"name": name, "description": "third"}))
    assert (answer["name"], answer["description"]) == (name, "third")
    assert answer["created_on"] == made["created_on"]
    assert_error(await project.request("GET"), 404, "project doesn't exist")
    project.name = name
    assert object_in(await project.request("GET")) == answer
    await project.remove()
    await node.request("DELETE", f"/v1/users/{admin.name}")


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"name": null, "description": null}'])
async def test_a_change_of_nothing_moves_the_time_only(project: Project, body: bytes) -> None:
    """Contract: ams-core 2.5."""
    made = object_in(await project.request("GET"))

    async def moved() -> bool:
        answer = object_in(await project.request("PUT", content=body))
        assert answer == {**made, "modified_on": answer["modified_on"]}
        return bool(answer["modified_on"] > made["modified_on"])

    await eventually(moved)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"7", b"{} x", b'{"name": 7}', b'{"description": [""]}']
)
async def test_a_bad_body_is_400_bad_request(quiet: Project, body: bytes) -> None:
    """Contract: ams-core 2.5, O-49: in other words than at creation."""
    answer = await quiet.request("PUT", content=body)
    assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")


@pytest.mark.parametrize("name", ["a b", "a/b", "a\n", "a:b", "\u00e9", "x" * 256, "\x00", " "])
async def test_a_name_that_no_path_can_have_is_400(quiet: Project, name: str) -> None:
    """Contract: O-7."""
    body = {"name": name, "description": "not stored"}
    assert_error(await quiet.request("PUT", json=body), 400, "Invalid project name")
    assert "description" not in object_in(await quiet.request("GET"))


async def test_the_name_of_another_project_is_400(project: Project, quiet: Project) -> None:
    """Contract: ams-core 2.5, O-48."""
    before = object_in(await project.request("GET"))
    answer = await project.request("PUT", json={"name": quiet.name, "description": "not stored"})
    assert_error(answer, 400, "invalid project name change, name already exists")
    assert object_in(await project.request("GET")) == before


async def test_a_description_that_is_too_long_is_400(project: Project) -> None:
    answer = await project.request("PUT", json={"name": "x", "description": "x" * 100_000})
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "description" not in object_in(await project.request("GET"))


async def test_all_that_is_in_a_renamed_project_shows_its_new_name(queue: Project) -> None:
    """Contract: ams-core 2.5, 1.8. Messages, offsets and roles stay."""
    admin, reader = await queue.user("project_admin"), await queue.user("consumer")
    await queue.allow("subscriptions/s", reader)
    await queue.publish("t", "one")
    pulled = await queue.pull("s")
    old_id = pulled[0]["ackId"]
    old = queue.name
    new = await renamed(queue)
    topic = object_in(await queue.request("GET", "/topics/t", token=admin.token))
    assert topic["name"] == f"/projects/{new}/topics/t"
    subscription = object_in(await queue.request("GET", "/subscriptions/s"))
    assert subscription["name"] == f"/projects/{new}/subscriptions/s"
    assert subscription["topic"] == f"/projects/{new}/topics/t"
    user = object_in(await queue.node.request("GET", f"/v1/users/{admin.name}"))
    assert [entry["project"] for entry in user["projects"]] == [new]
    assert await queue.publish("t", "two") == ["1"]
    # An id from before the renaming is none any more.
    refused = await queue.request("POST", "/subscriptions/s:acknowledge", json={"ackIds": [old_id]})
    assert_error(refused, 400, "Invalid ack id")
    answer = await queue.request("POST", "/subscriptions/s:pull", json={}, token=reader.token)
    again = object_in(answer)["receivedMessages"][0]
    assert again["ackId"] == old_id.replace(old, new)
    assert again["message"] == pulled[0]["message"]
    assert object_in(await queue.acknowledge("s", 0)) == {}


async def test_the_old_name_of_a_renamed_project_is_free(queue: Project) -> None:
    """Also by paths that have just led to what was renamed."""
    old = Project(queue.node, queue.name)
    actions = (("/topics/t:publish", "Topic"), ("/subscriptions/s:pull", "Subscription"))
    for path, _ in actions:
        object_in(await old.request("POST", path, content=b"{}"))
    await renamed(queue)
    for path, _ in actions:
        answer = await old.request("POST", path, content=b"{}")
        assert_error(answer, 404, "project doesn't exist")
    object_in(await old.request("POST", json={}))
    for path, missing in actions:
        answer = await old.request("POST", path, content=b"{}")
        assert_error(answer, 404, f"{missing} doesn't exist")
        object_in(await queue.request("POST", path, content=b"{}"))
    await old.remove()
    object_in(await queue.request("GET"))
    for path, _ in actions:
        object_in(await queue.request("POST", path, content=b"{}"))


async def test_of_projects_that_want_one_name_at_once_one_gets_it(node: Node) -> None:
    """Contract: O-51."""
    projects = [await Project.create(node) for _ in range(5)]
    name = new_name("wanted")
    answers = await asyncio.gather(*(p.request("PUT", json={"name": name}) for p in projects))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 4
    for project in (*projects, Project(node, name)):
        await project.remove()


async def test_a_project_admin_may_rename_the_project(project: Project) -> None:
    """Contract: ams-core 1.5."""
    admin = await project.user("project_admin")
    name = new_name("renamed")
    answer = await project.request("PUT", json={"name": name}, token=admin.token)
    assert object_in(answer)["name"] == name
    project.name = name
    object_in(await project.request("GET", token=admin.token))
