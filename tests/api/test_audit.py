"""Every change is on record: who, what, when, from where, in which request."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ams.api.audit_pruning import LEASE
from tests.api.client import Object, Project, assert_error, new_name, object_in
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.node import Node


async def entries(project: Project, **query: object) -> list[Object]:
    """What the project's trail says, newest first."""
    answer = await project.request("GET", "/audit", params=query)
    found: list[Object] = object_in(answer)["entries"]
    return found


async def actions(project: Project, **query: object) -> list[str]:
    return [entry["action"] for entry in await entries(project, **query)]


async def test_a_change_is_recorded_with_who_what_when_whence_and_the_request(
    project: Project,
) -> None:
    admin = await project.user("project_admin")
    before = datetime.now(UTC)
    await project.request(
        "PUT",
        "/topics/t",
        token=admin.token,
        headers={"X-Request-Id": "trace-1", "User-Agent": "x"},
    )
    (entry, *_) = await entries(project)
    at = datetime.fromisoformat(entry.pop("time"))
    assert before - timedelta(seconds=1) <= at <= datetime.now(UTC)
    assert entry == {
        "actor": admin.name,
        "actorUuid": admin.uuid,
        "action": "topics:create",
        "resource": f"/projects/{project.name}/topics/t",
        "source": "127.0.0.1",
        "traceId": "trace-1",
        "detail": {},
    }


async def test_what_was_refused_and_what_was_only_read_is_not_recorded(queue: Project) -> None:
    stranger = await queue.user("publisher")
    known = await entries(queue)
    assert_error(
        await queue.request("DELETE", "/topics/t", token=stranger.token),
        403,
        "Access to this resource is forbidden",
    )
    assert (await queue.request("PUT", "/topics/t")).status_code == 409
    assert (await queue.request("POST", "/topics/t:modifyAcl", json={})).status_code == 400
    await queue.publish("t", "one")
    await queue.read("s", 1)
    await queue.request("GET", "/topics/t")
    assert await entries(queue) == known


async def test_every_kind_of_change_is_recorded(queue: Project) -> None:
    await queue.user("consumer")
    user = await queue.user("publisher")
    await queue.allow("topics/t", user)
    await queue.publish("t", "one", "two")
    await queue.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 1})
    await queue.request(
        "POST", "/subscriptions/s:modifyAckDeadline", json={"ackDeadlineSeconds": 5}
    )
    await queue.request("POST", "/topics/t:modifyRetention", json={"messageRetentionBytes": "5"})
    await queue.request("DELETE", "/subscriptions/s")
    await queue.request("DELETE", "/topics/t")
    assert await actions(queue) == [
        "topics:delete",
        "subscriptions:delete",
        "topics:modifyRetention",
        "subscriptions:modifyAckDeadline",
        "subscriptions:modifyOffset",
        "topics:modifyAcl",
        "subscriptions:create",
        "topics:create",
        "projects:create",
    ]


async def test_an_offset_that_was_not_moved_is_not_recorded(queue: Project) -> None:
    known = await entries(queue)
    answer = await queue.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 7})
    assert_error(answer, 400, "Offset out of bounds")
    assert await entries(queue) == known


async def test_detail_says_what_changed(queue: Project) -> None:
    user = await queue.user("publisher")
    await queue.publish("t", "one")
    await queue.allow("topics/t", user)
    await queue.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 1})
    details = [entry["detail"] for entry in await entries(queue, pageSize=2)]
    assert details == [{"offset": 1}, {"authorized_users": [user.name]}]


async def test_the_service_token_has_a_name_in_the_trail(project: Project) -> None:
    (entry, *_) = await entries(project)
    assert (entry["actor"], entry["actorUuid"]) == ("service token", "")


async def test_the_trail_is_filtered_and_paged(project: Project) -> None:
    admin = await project.user("project_admin")
    for number in range(3):
        await project.topic(f"t{number}")
        await project.request("PUT", f"/topics/u{number}", token=admin.token)
    assert len(await entries(project, actor=admin.name)) == 3
    assert await actions(project, action="projects:create") == ["projects:create"]
    topics = f"/projects/{project.name}/topics"
    assert len(await entries(project, resource=f"{topics}/t1")) == 1
    assert len(await entries(project, resource=f"{topics}/t*")) == 3
    assert len(await entries(project, resource=f"{topics}/*", actor="service token")) == 3
    everything = await entries(project)
    middle = everything[2]["time"]
    newer = await entries(project, since=middle)
    assert newer + await entries(project, until=middle) == everything
    pages, token = [], ""
    while True:
        page = object_in(
            await project.request("GET", "/audit", params={"pageSize": 2, "pageToken": token})
        )
        pages += page["entries"]
        if not (token := page["nextPageToken"]):
            break
    assert pages == everything


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"pageSize": "x"}, "Invalid page size"),
        ({"pageToken": "x"}, "Invalid page token"),
        ({"since": "yesterday"}, "Time is not in valid Zulu format."),
        ({"until": "2026-13-01T00:00:00Z"}, "Time is not in valid Zulu format."),
    ],
)
async def test_a_wrong_filter_is_refused(
    project: Project, query: dict[str, str], message: str
) -> None:
    assert_error(await project.request("GET", "/audit", params=query), 400, message)


async def test_a_service_admin_sees_all_projects_and_what_belongs_to_none(node: Node) -> None:
    name = new_name("user")
    await node.request("POST", f"/v1/users/{name}", json={})
    await node.request("POST", f"/v1/users/{name}:refreshToken")
    await node.request("DELETE", f"/v1/users/{name}")
    answer = await node.request("GET", "/v1/audit", params={"resource": f"/users/{name}"})
    found = object_in(answer)["entries"]
    assert [e["action"] for e in found] == ["users:delete", "users:refreshToken", "users:create"]
    assert '"token"' not in answer.text


async def test_a_project_that_is_gone_is_still_on_record(node: Node) -> None:
    project = await Project.create(node)
    await project.topic("t")
    await project.remove()
    answer = await node.request(
        "GET", "/v1/audit", params={"resource": f"/projects/{project.name}*"}
    )
    found = [entry["action"] for entry in object_in(answer)["entries"]]
    assert found == ["projects:delete", "topics:create", "projects:create"]


async def test_a_trusted_proxy_says_where_a_request_comes_from(start_node: StartNode) -> None:
    node = await start_node(server={"trusted_proxies": ["127.0.0.0/8", "192.0.2.0/24"]})
    forwarded = "203.0.113.9, 198.51.100.7, 192.0.2.1"
    await node.request("POST", "/v1/projects/p", json={}, headers={"X-Forwarded-For": forwarded})
    (entry, *_) = object_in(await node.request("GET", "/v1/audit"))["entries"]
    assert entry["source"] == "198.51.100.7"


async def test_nobody_else_is_believed_where_a_request_comes_from(project: Project) -> None:
    await project.request("PUT", "/topics/t", headers={"X-Forwarded-For": "198.51.100.7"})
    (entry, *_) = await entries(project)
    assert entry["source"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("days", "kept"), [(30, ["topics:create"]), (0, ["topics:create", "projects:create"])]
)
async def test_entries_are_kept_as_long_as_the_settings_say(
    start_node: StartNode, tmp_path: Path, days: int, kept: list[str]
) -> None:
    node = await start_node(audit={"retention_days": days})
    await node.request("POST", "/v1/projects/p", json={})
    await node.request("PUT", "/v1/projects/p/topics/t")
    node.terminate()
    with closing(sqlite3.connect(tmp_path / "ams.db")) as database, database:
        database.execute(
            "UPDATE audit SET at = datetime('now', '-31 days') WHERE action = 'projects:create'"
        )
    async with Redis.from_url(str(node.settings["redis"]["url"])) as redis:
        await redis.delete(LEASE)
        await node.start()
        # The first round comes with the start.
        await eventually(lambda: redis.exists(LEASE) if days else node.request("GET", "/v1/audit"))

    async def remaining() -> bool:
        found = object_in(await node.request("GET", "/v1/audit"))["entries"]
        return [entry["action"] for entry in found] == kept

    await eventually(remaining)
