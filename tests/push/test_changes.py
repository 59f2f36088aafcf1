"""What changes ends a delivery at once, on whatever worker."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.client import Project, assert_empty
from tests.eventually import eventually
from tests.push.conftest import ON_EACH_DATABASE
from tests.push.endpoints import Endpoint, Endpoints
from tests.push.load import Load
from tests.push.workers import push_to, shown

pytestmark = ON_EACH_DATABASE

#: Enough for both workers to have some.
SUBSCRIPTIONS = 8

Change = Callable[[Project], Awaitable[httpx.Response]]


async def _for_each(
    project: Project, method: str, path: str, body: object = None
) -> httpx.Response:
    for number in range(SUBSCRIPTIONS):
        answer = await project.request(method, path.replace("*", f"s{number}"), json=body)
    return answer


CHANGES: dict[str, Change] = {
    "endpoint": lambda project: _for_each(
        project,
        "POST",
        "/subscriptions/*:modifyPushConfig",
        {"pushConfig": {"type": "http_endpoint", "pushEndpoint": "https://other.example.org/"}},
    ),
    "off": lambda project: _for_each(project, "POST", "/subscriptions/*:modifyPushConfig", {}),
    "subscription": lambda project: _for_each(project, "DELETE", "/subscriptions/*"),
    "topic": lambda project: project.request("DELETE", "/topics/t"),
    "project": lambda project: project.request("DELETE"),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_stops_delivery_within_a_second(
    project: Project, endpoints: Endpoints, name: str
) -> None:
    load = Load(project, endpoints)
    await load.subscribe(SUBSCRIPTIONS, retryPolicy={"type": "linear", "period": 100})
    for endpoint in load.receivers[::2]:
        endpoint.behaviour = refuse
    # What nobody has accepted yet comes again and again.
    await project.publish("t", *(str(number) for number in range(50)))
    await eventually(lambda: all(endpoint.deliveries for endpoint in load.receivers))
    assert (await CHANGES[name](project)).status_code == httpx.codes.OK
    changed = asyncio.get_running_loop().time()
    await project.topic("t2") if name != "project" else None
    await asyncio.sleep(1.6)
    assert all(each.at < changed + 1.0 for one in load.receivers for each in one.deliveries)


async def refuse(_: object, __: object) -> str:
    return "500 No"


@pytest.mark.parametrize("name", CHANGES)
async def test_a_request_on_its_way_is_cut_off_within_a_second(
    project: Project, endpoints: Endpoints, name: str
) -> None:
    gone = 0

    async def hang(_: object, writer: asyncio.StreamWriter) -> str:
        nonlocal gone
        await writer.wait_closed()
        gone += 1
        return ""

    load = Load(project, endpoints)
    await load.subscribe(SUBSCRIPTIONS)
    for endpoint in load.receivers:
        endpoint.behaviour = hang
    await project.publish("t", "x")
    await eventually(lambda: all(endpoint.deliveries for endpoint in load.receivers))
    assert gone == 0
    assert (await CHANGES[name](project)).status_code == httpx.codes.OK
    await eventually(lambda: gone == SUBSCRIPTIONS, within=1.0)
    if name == "off":
        assert (await project.offsets("s0"))["current"] == 0


async def test_who_deletes_a_pushed_subscription_is_told(
    project: Project, endpoints: Endpoints
) -> None:
    await push_to(project, endpoints, endpoints.add("/deleted"))
    await eventually(partial(_status_has, project, "s", "is currently active"))
    answer = await project.request("DELETE", "/subscriptions/s")
    name = f"/projects/{project.name}/subscriptions/s"
    assert answer.json() == {"message": f"Subscription {name} deactivated"}, "contract: 4.6, O-46"


async def test_delivery_goes_on_where_it_was_with_the_new_endpoint(
    project: Project, endpoints: Endpoints
) -> None:
    old, new = endpoints.add("/old"), endpoints.add("/new")
    await push_to(project, endpoints, old)
    await project.publish("t", "one")
    await eventually(lambda: old.accepted == ["one"])
    await _redirect(project, endpoints, new)
    await project.publish("t", "two")
    await eventually(lambda: new.accepted == ["two"])
    assert old.got == ["one"]


async def _redirect(project: Project, endpoints: Endpoints, endpoint: Endpoint) -> None:
    config = {"type": "http_endpoint", "pushEndpoint": endpoint.url}
    path = "/subscriptions/s:modifyPushConfig"
    answer = await project.request("POST", path, json={"pushConfig": config})
    assert answer.status_code == httpx.codes.OK
    endpoints.hash = (await shown(project))["pushConfig"]["verificationHash"]
    answer = await project.request("POST", "/subscriptions/s:verifyPushEndpoint")
    assert answer.status_code == httpx.codes.OK, answer.text


async def test_a_new_url_or_secret_ends_what_is_told_of_the_old_one(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: push 4.5: the status is that of the last request."""

    async def hang(_: object, writer: asyncio.StreamWriter) -> str:
        await writer.wait_closed()
        return ""

    wait: dict[str, Any] = {"retryPolicy": {"type": "linear", "period": 60_000}}
    rotated, chat, new_chat = (endpoints.add(path) for path in ("/rotated", "/chat", "/new-chat"))
    for endpoint in (rotated, chat):
        endpoint.behaviour = refuse
    new_chat.behaviour = hang
    made = await push_to(project, endpoints, rotated, "rotated", **wait)
    to_chat = {"type": "mattermost", "mattermostUrl": chat.url, **wait}
    await project.subscription("chat", "t", pushConfig=to_chat)
    await project.publish("t", "x")
    for name in ("rotated", "chat"):
        await eventually(partial(_status_has, project, name, "Could not send message"))
    rotated.behaviour = hang
    await _change(project, "chat", {**to_chat, "mattermostUrl": new_chat.url})
    header = {"authorizationHeader": {"type": "autogen"}}
    await _change(project, "rotated", {**made["pushConfig"], **header})
    for name in ("rotated", "chat"):
        await eventually(partial(_status_has, project, name, "is currently active"))


async def _status_has(project: Project, name: str, text: str) -> bool:
    return text in (await shown(project, name))["pushStatus"]


async def _change(project: Project, name: str, config: object) -> None:
    path = f"/subscriptions/{name}:modifyPushConfig"
    assert_empty(await project.request("POST", path, json={"pushConfig": config}))


async def test_a_new_topic_of_the_name_is_pushed(project: Project, endpoints: Endpoints) -> None:
    endpoint = endpoints.add("/topic")
    await push_to(project, endpoints, endpoint)
    await project.publish("t", "one")
    await eventually(lambda: endpoint.accepted == ["one"])
    assert (await project.request("DELETE", "/topics/t")).status_code == httpx.codes.OK
    name = f"/projects/{project.name}/subscriptions/s"
    status = (await shown(project))["pushStatus"]
    assert status == f"Error: Subscription {name} is not active", "contract: ams-core 7.7"
    await project.topic("t")
    await project.publish("t", "two")
    await eventually(lambda: endpoint.accepted == ["one", "two"])


async def test_what_the_old_topic_sent_acknowledges_nothing_of_the_new_one(
    project: Project, endpoints: Endpoints
) -> None:
    answered = asyncio.Event()

    async def behave(_: object, __: object) -> str:
        await answered.wait()
        return "200 OK"

    endpoint = endpoints.add("/recreated", behave)
    await push_to(project, endpoints, endpoint, maxMessages=10)
    await project.publish("t", "old", "old", "old")
    await eventually(lambda: endpoint.got)
    assert (await project.request("DELETE", "/topics/t")).status_code == httpx.codes.OK
    await project.topic("t")
    await project.publish("t", "one", "two")
    answered.set()
    await eventually(lambda: endpoint.accepted[-2:] == ["one", "two"])
    assert [message["messageId"] for message in endpoint.deliveries[-1].messages][-1] == "1"
    assert (await project.offsets())["max"] == 2


async def test_a_seek_makes_messages_come_again(project: Project, endpoints: Endpoints) -> None:
    endpoint = endpoints.add("/seek")
    await push_to(project, endpoints, endpoint)
    await project.publish("t", "one", "two")
    await eventually(lambda: endpoint.accepted == ["one", "two"])
    answer = await project.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 1})
    assert answer.status_code == httpx.codes.OK
    await eventually(lambda: endpoint.accepted == ["one", "two", "two"])


async def test_a_seek_while_a_request_is_on_its_way_holds(
    project: Project, endpoints: Endpoints
) -> None:
    """Also where an operator looks, by a pull, at what comes next."""
    answered = asyncio.Event()

    async def behave(_: object, __: object) -> str:
        await answered.wait()
        return "200 OK"

    endpoint = endpoints.add("/held", behave)
    await push_to(project, endpoints, endpoint, maxMessages=3)
    await project.publish("t", "one", "two", "three")
    await eventually(lambda: endpoint.got)
    first = list(endpoint.got)
    answer = await project.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 0})
    assert answer.status_code == httpx.codes.OK
    answer = await project.request("POST", "/subscriptions/s:pull", json={"maxMessages": "1"})
    assert len(answer.json()["receivedMessages"]) == 1
    answered.set()
    await eventually(lambda: endpoint.accepted[len(first) :] == ["one", "two", "three"])


async def test_a_request_on_its_way_ends_by_itself_where_the_receiver_stays_the_same(
    project: Project, endpoints: Endpoints
) -> None:
    """Cut off, it would come twice."""
    answered = asyncio.Event()

    async def behave(_: object, __: object) -> str:
        await answered.wait()
        return "200 OK"

    endpoint = endpoints.add("/steady", behave)
    made = await push_to(project, endpoints, endpoint)
    await project.publish("t", "one", "two", "three")
    await eventually(lambda: endpoint.deliveries)
    await _change(project, "s", {**made["pushConfig"], "maxMessages": 2})
    await asyncio.sleep(1.0)  # Longer than it may take where it is to end.
    answered.set()
    await eventually(lambda: endpoint.accepted == ["one", "two", "three"])
    assert [len(each.messages) for each in endpoint.deliveries] == [1, 2]


async def test_other_changes_go_unnoticed(project: Project, endpoints: Endpoints) -> None:
    endpoint = endpoints.add("/steady")
    await push_to(project, endpoints, endpoint, retryPolicy={"type": "linear", "period": 60_000})
    texts = [str(number) for number in range(30)]
    path = "/subscriptions/s:modifyAckDeadline"
    for turn, text in enumerate(texts):
        await project.publish("t", text)
        body = {"ackDeadlineSeconds": turn}
        assert (await project.request("POST", path, json=body)).status_code == httpx.codes.OK
    await eventually(lambda: endpoint.accepted == texts)
    assert endpoint.got == texts
