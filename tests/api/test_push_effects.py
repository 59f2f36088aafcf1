"""What push settings change elsewhere: pulling, lists, deletion, status, the audit trail."""

import asyncio

import httpx
import pytest

from tests.api.client import FORBIDDEN, Object, Project, assert_empty, assert_error, object_in
from tests.api.past import sql
from tests.api.test_push_settings import HTTP, MATTERMOST, made, modified, modify, shown
from tests.api.test_push_verification import names_on_list
from tests.api.test_subscriptions import NO_PUSH
from tests.conftest import StartNode
from tests.node import Node
from tests.push_worker import WORKER_NAME, WORKER_TOKEN, add_push_worker

PULL = "/subscriptions/s:pull"
NO_SERVER = "Push server is currently unavailable"


async def pull_as(project: Project, token: str) -> httpx.Response:
    return await project.request("POST", PULL, json={}, token=token)


@pytest.mark.parametrize("config", [HTTP, MATTERMOST])
async def test_a_pushed_subscription_is_pulled_by_worker_and_service_admin_alone(
    push_project: Project, config: Object
) -> None:
    """Contract: ams-core 5.2 row 3: verified or not."""
    await made(push_project, config)
    consumer, admin, both = [
        await push_project.user(*roles)
        for roles in (["consumer"], ["project_admin"], ["consumer", "project_admin"])
    ]
    await push_project.allow("subscriptions/s", consumer, both)
    for user in (consumer, admin, both):
        assert_error(await pull_as(push_project, user.token), 403, FORBIDDEN)
    service_admin = await push_project.user(service_roles=["service_admin"])
    for token in (WORKER_TOKEN, service_admin.token, push_project.node.service_token):
        assert object_in(await pull_as(push_project, token)) == {"receivedMessages": []}


async def test_the_worker_pulls_and_acknowledges_what_is_pushed(push_project: Project) -> None:
    """Contract: ams-core 12.7."""
    await made(push_project, MATTERMOST)
    await push_project.publish("t", "one")
    (message,) = object_in(await pull_as(push_project, WORKER_TOKEN))["receivedMessages"]
    path = "/subscriptions/s:acknowledge"
    body = {"ackIds": [message["ackId"]]}
    assert object_in(await push_project.request("POST", path, json=body, token=WORKER_TOKEN)) == {}


async def test_what_is_not_pushed_is_none_of_the_workers_business(push_project: Project) -> None:
    """Contract: O-27."""
    await push_project.subscription("s", "t")
    assert_error(await pull_as(push_project, WORKER_TOKEN), 403, FORBIDDEN)
    for roles in (["project_admin"], ["push_worker", "project_admin"]):
        user = await push_project.user(*roles, service_roles=["push_worker"])
        assert object_in(await pull_as(push_project, user.token)) == {"receivedMessages": []}


async def test_pulling_follows_the_settings_at_once(push_project: Project) -> None:
    await push_project.subscription("s", "t")
    admin = await push_project.user("project_admin")
    for _ in range(3):
        object_in(await pull_as(push_project, admin.token))
        assert_empty(await modify(push_project, HTTP))
        assert_error(await pull_as(push_project, admin.token), 403, FORBIDDEN)
        object_in(await pull_as(push_project, WORKER_TOKEN))
        assert_empty(await modify(push_project, {}))


async def test_a_pull_that_waits_gets_nothing_that_came_after_push_began(
    push_project: Project,
) -> None:
    await push_project.subscription("s", "t")
    admin = await push_project.user("project_admin")
    body = {"returnImmediately": "false"}
    waiting = asyncio.create_task(push_project.request("POST", PULL, json=body, token=admin.token))
    assert_empty(await modify(push_project, HTTP))
    await push_project.publish("t", "x")
    assert_error(await waiting, 403, FORBIDDEN)


async def test_where_push_is_disabled_the_worker_gets_409(start_node: StartNode) -> None:
    """Contract: ams-core 5.2 row 2; what was set while push was enabled stays."""
    node = await start_node(push={"enabled": True, "worker_token": WORKER_TOKEN})
    await add_push_worker(node)
    project = await Project.create(node)
    await project.topic("t")
    await made(project, MATTERMOST)
    disabled = await start_node()
    there = Project(disabled, project.name)
    answered = await pull_as(there, WORKER_TOKEN)
    assert_error(answered, 409, "Push functionality is currently disabled")
    admin = await there.user("project_admin")
    assert_error(await pull_as(there, admin.token), 403, FORBIDDEN)
    assert object_in(await pull_as(there, disabled.service_token)) == {"receivedMessages": []}
    found = object_in(await there.request("GET", "/subscriptions/s"))
    assert found["pushStatus"] == NO_SERVER, "contract: ams-core 7.7"
    # What is outdated in memory does not refuse anybody.
    assert_empty(await modify(there, {}))
    assert_error(await pull_as(there, WORKER_TOKEN), 403, FORBIDDEN)
    assert await names_on_list(there) == [WORKER_NAME], "without its token nobody knows the worker"


async def test_the_worker_is_on_the_list_while_it_pushes(push_project: Project) -> None:
    """Contract: ams-core 7.3, 7.4, O-37."""
    user = await push_project.user("consumer")
    await made(push_project, MATTERMOST)
    assert await names_on_list(push_project) == [WORKER_NAME]
    await push_project.allow("subscriptions/s", user)
    await modified(push_project, MATTERMOST)
    assert await names_on_list(push_project) == [user.name, WORKER_NAME]
    await modified(push_project, HTTP)
    assert await names_on_list(push_project) == [user.name]
    await modified(push_project, MATTERMOST)
    await modified(push_project, {})
    assert await names_on_list(push_project) == [user.name]


async def test_the_worker_finds_by_its_token_what_it_pushes(push_project: Project) -> None:
    """Contract: ams-core 7.3, 12.7, ams-users-metrics 5.3."""

    async def found() -> list[Object]:
        path = f"/v1/users:byToken/{WORKER_TOKEN}"
        worker = object_in(await push_project.node.request("GET", path, token=WORKER_TOKEN))
        places: list[Object] = worker["projects"]
        return [place for place in places if place["project"] == push_project.name]

    await made(push_project, MATTERMOST)
    place = {"project": push_project.name, "roles": [], "topics": [], "subscriptions": ["s"]}
    assert await found() == [place]
    await modified(push_project, {})
    await modified(push_project, MATTERMOST)
    assert await found() == [place], "contract: ams-users-metrics 14 #46: at most one entry"


async def test_whoever_may_see_a_subscription_sees_the_secrets_of_its_push(
    push_project: Project,
) -> None:
    """Contract: ams-core 4.4, O-54: a push server reads the header there."""
    config = await made(push_project, HTTP)
    assert config["authorizationHeader"]["value"]
    consumer = await push_project.user("consumer")
    await push_project.allow("subscriptions/s", consumer)
    for token in (WORKER_TOKEN, consumer.token):
        answer = await push_project.request("GET", "/subscriptions/s", token=token)
        assert object_in(answer)["pushConfig"] == config
    answer = await push_project.request("GET", "/subscriptions", token=consumer.token)
    assert [each["pushConfig"] for each in object_in(answer)["subscriptions"]] == [config]


async def test_the_status_of_push_is_shown_where_the_receiver_is_verified(
    push_project: Project,
) -> None:
    """Contract: ams-core 4.1, 4.5, 7.7: alone, not in lists."""
    await push_project.subscription("plain", "t")
    await made(push_project, HTTP, "unverified")
    answered = object_in(
        await push_project.request(
            "PUT",
            "/subscriptions/s",
            json={"topic": f"projects/{push_project.name}/topics/t", "pushConfig": MATTERMOST},
        )
    )
    assert "pushStatus" not in answered
    found = object_in(await push_project.request("GET", "/subscriptions/s"))
    statistics = found.pop("pushStatistics")
    assert statistics == {"deliveries": 0, "messages": 0, "failures": 0, "retries": 0}
    assert found == {**answered, "pushStatus": NO_SERVER}
    assert list(found)[3:] == ["ackDeadlineSeconds", "pushStatus", "createdOn"]
    for name in ("plain", "unverified"):
        one = object_in(await push_project.request("GET", f"/subscriptions/{name}"))
        assert not {"pushStatus", "pushStatistics"} & set(one)
    page = object_in(await push_project.request("GET", "/subscriptions"))
    assert [each["pushConfig"]["type"] for each in page["subscriptions"]] == [
        "mattermost",
        "http_endpoint",
        "",
    ]
    assert not any("pushStatus" in each for each in page["subscriptions"])
    assert page["subscriptions"][1]["pushConfig"] == await shown(push_project, "unverified")


async def test_deletion_of_a_verified_one_tells_how_push_ended(push_project: Project) -> None:
    """Contract: ams-core 4.6, O-46."""
    await made(push_project, MATTERMOST)
    deleted = await push_project.request("DELETE", "/subscriptions/s")
    assert object_in(deleted) == {"message": NO_SERVER}
    gone = await push_project.request("GET", "/subscriptions/s")
    assert_error(gone, 404, "Subscription doesn't exist")
    await made(push_project, HTTP)
    assert_empty(await push_project.request("DELETE", "/subscriptions/s"))


async def test_the_status_of_the_service_lists_who_pushes(push_node: Node) -> None:
    """Contract: ams-core 9.2, decision 10: nobody does yet."""
    for query in ("", "?details=false"):
        answered = await push_node.request("GET", f"/v1/status{query}", token=None)
        assert object_in(answered) == {"status": "ok", "push_servers": []}


async def test_settings_are_on_record_without_their_secrets(push_project: Project) -> None:
    secret_path = "https://u:hunter2@receiver.example.org:8443/hook?token=hunter2"
    config = await made(push_project, {**HTTP, "pushEndpoint": secret_path})
    await modified(push_project, {**MATTERMOST, "mattermostUrl": "http://chat/hooks/hunter2"})
    await modified(push_project, None)
    answered = await push_project.request("GET", "/audit")
    found = object_in(answered)["entries"]
    assert [(entry["action"], entry["detail"]) for entry in found[:3]] == [
        ("subscriptions:modifyPushConfig", {"push": "off"}),
        ("subscriptions:modifyPushConfig", {"push": "mattermost", "receiver": "http://chat"}),
        (
            "subscriptions:create",
            {
                "topic": f"projects/{push_project.name}/topics/t",
                "ackDeadlineSeconds": 10,
                "push": "http_endpoint",
                "receiver": "https://receiver.example.org:8443",
            },
        ),
    ]
    log = push_project.node.log()
    for secret in ("hunter2", config["authorizationHeader"]["value"]):
        assert secret not in answered.text
        assert secret not in log


async def test_the_header_is_stored_encrypted(push_project: Project) -> None:
    config = await made(push_project, HTTP)
    stored = str(await sql(push_project.node, "SELECT push FROM subscriptions"))
    assert config["verificationHash"] in stored
    assert config["authorizationHeader"]["value"] not in stored


async def test_a_subscription_without_push_shows_all_its_fields(push_project: Project) -> None:
    """Contract: ams-core 4.2."""
    assert (await push_project.subscription("s", "t"))["pushConfig"] == NO_PUSH
