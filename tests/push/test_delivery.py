"""What receivers get, and what becomes of their answers."""

import asyncio
import base64
import re
from pathlib import Path

import pytest

from tests.api.client import Project
from tests.eventually import eventually
from tests.push.conftest import Pushing
from tests.push.endpoints import Delivery, Endpoints, says
from tests.push.workers import push_to, shown

METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"


async def test_a_message_arrives_as_soon_as_it_is_published(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: ams-core 7.8, push 5.1, 5.2, decision 11."""
    endpoint = endpoints.add("/hook?a=b")
    made = await push_to(project, endpoints, endpoint)
    await eventually(lambda: _is_active(project))
    await project.publish_messages("t", {"data": "ZGF0YQ==", "attributes": {"z": "2", "a": "<é>"}})
    await asyncio.wait_for(endpoint.delivered.wait(), 5)
    (delivery,) = endpoint.deliveries
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers["Authorization"] == made["pushConfig"]["authorizationHeader"]["value"]
    (message,) = delivery.messages
    assert list(message) == ["messageId", "attributes", "data", "publishTime"]
    assert list(message["attributes"].items()) == [("a", "<é>"), ("z", "2")]
    assert message["messageId"] == "0"
    assert message["data"] == "ZGF0YQ=="
    assert message["publishTime"].endswith("Z")
    assert list(delivery.body) == ["message", "subscription"]
    assert delivery.body["subscription"] == f"projects/{project.name}/subscriptions/s"
    await eventually(lambda: _all_acknowledged(project))


async def _is_active(project: Project) -> bool:
    name = f"/projects/{project.name}/subscriptions/s"
    status: str = (await shown(project))["pushStatus"]
    return status == f"Subscription {name} is currently active"


async def _all_acknowledged(project: Project) -> bool:
    offsets = await project.offsets()
    return bool(offsets["current"] == offsets["max"])


async def test_more_than_one_message_at_a_time_comes_in_the_other_shape(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: push 5.2: by the settings, not by how many messages there are."""
    endpoint = endpoints.add("/many")
    await push_to(
        project, endpoints, endpoint, maxMessages=3, authorizationHeader={"type": "disabled"}
    )
    texts = [str(number) for number in range(7)]
    await project.publish("t", *texts)
    await eventually(lambda: endpoint.accepted == texts)
    assert all(list(each.body) == ["messages"] for each in endpoint.deliveries)
    assert max(len(each.messages) for each in endpoint.deliveries) == 3
    assert len(endpoint.deliveries[-1].messages) == 1
    assert "Authorization" not in endpoint.deliveries[0].headers
    names = {item["subscription"] for each in endpoint.deliveries for item in each.body["messages"]}
    assert names == {f"projects/{project.name}/subscriptions/s"}


async def test_data_is_decoded_where_that_is_asked_for(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: push 4.2."""
    endpoint = endpoints.add("/decoded")
    await push_to(project, endpoints, endpoint, maxMessages=10, base64Decode=True)
    sent = [
        base64.b64encode("Grüße".encode()).decode(),
        "aGVs\r\nbG8=",
        base64.b64encode(b"a\xff\xe2\x82b").decode(),
        "no base64!",
        "YQ",
        "",
    ]
    await project.publish_messages(
        "t", *({"data": data, "attributes": {"a": "b"}} for data in sent)
    )
    await eventually(lambda: sum(len(each.messages) for each in endpoint.deliveries) == len(sent))
    got = [message["data"] for each in endpoint.deliveries for message in each.messages]
    assert got == ["Grüße", "hello", "a\ufffd\ufffd\ufffdb", "no base64!", "YQ", ""]


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content"])
async def test_a_success_is_followed_by_the_next_message_at_once(
    project: Project, endpoints: Endpoints, status: str
) -> None:
    """Contract: push 5.3, decision 12: the period is for failures alone."""
    endpoint = endpoints.add("/fine", says(status))
    await push_to(project, endpoints, endpoint, retryPolicy={"type": "linear", "period": 60_000})
    texts = [str(number) for number in range(5)]
    await project.publish("t", *texts)
    await eventually(lambda: endpoint.accepted == texts)
    assert endpoint.got == texts


@pytest.mark.parametrize(
    "status",
    [
        "202 Accepted",
        "206 Partial Content",
        "301 Moved\r\nLocation: /fine",
        "307 Temporary Redirect\r\nLocation: /fine",
        "400 Bad Request",
        "500 Internal Server Error",
    ],
)
async def test_any_other_answer_is_a_failure_and_the_message_comes_again(
    project: Project, endpoints: Endpoints, status: str
) -> None:
    """Contract: push 5.3, oddities 9 and 10: redirects are not followed."""
    elsewhere = endpoints.add("/fine")
    answers = iter([status, status, "200 OK"])

    async def behave(_: Delivery, __: object) -> str:
        return next(answers, "200 OK")

    endpoint = endpoints.add("/odd", behave)
    await push_to(project, endpoints, endpoint, retryPolicy={"type": "linear", "period": 100})
    await project.publish("t", "one", "two")
    await eventually(lambda: endpoint.accepted == ["one", "two"])
    assert endpoint.got == ["one", "one", "one", "two"]
    assert elsewhere.deliveries == []
    await eventually(lambda: _is_active(project))


async def test_the_status_says_what_went_wrong_but_no_secret(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: push 4.5, 7.3, oddities 11 and 12."""
    answer = "503 No|busy\n\x01 see https://h/secret?x" + "!" * 500
    endpoint = endpoints.add("/busy", says(answer))
    await push_to(project, endpoints, endpoint)
    await project.publish("t", "one")

    async def text() -> str:
        status: str = (await shown(project))["pushStatus"]
        return status if "send" in status else ""

    said = (await eventually(text)).partition(" - ")
    assert len(said[0]) == len("2026-11-23T04:45:51")
    assert said[2] == "Could not send message, HTTP status 503: busy see (URL)"


async def test_mattermost_gets_the_text_and_takes_by_200_alone(
    project: Project, endpoints: Endpoints
) -> None:
    """Contract: push 6."""
    answers = iter(['400 No|{"message":"bad","detailed_error":"worse"}', "201 Created"])
    bodies: list[object] = []
    seen = asyncio.Event()

    async def behave(delivery: Delivery, _: object) -> str:
        bodies.append(delivery.body)
        assert "Authorization" not in delivery.headers
        if len(bodies) > 1:
            await seen.wait()
        return next(answers, "200 OK")

    endpoint = endpoints.add("/chat", behave)
    config = {
        "type": "mattermost",
        "mattermostUrl": endpoint.url,
        "mattermostUsername": "mu",
        "base64Decode": True,
        "retryPolicy": {"type": "linear", "period": 500},
    }
    await project.subscription("s", "t", pushConfig=config)
    await project.publish("t", "one", "two")
    await eventually(lambda: _says(project, "HTTP status 400: bad.worse"))
    seen.set()
    await eventually(lambda: _all_acknowledged(project))
    one, two = ({"text": text, "username": "mu"} for text in ("one", "two"))
    assert bodies == [one, one, one, two]


async def _says(project: Project, text: str) -> bool:
    return text in (await shown(project))["pushStatus"]


async def test_no_message_goes_where_only_this_machine_can_go(project: Project) -> None:
    config = {"type": "mattermost", "mattermostUrl": "http://127.0.0.9:1/hook/secret"}
    await project.subscription("s", "t", pushConfig=config)
    await project.publish("t", "one")
    await eventually(lambda: _says(project, "Could not send message, the address is not allowed"))
    assert (await project.offsets())["current"] == 0


@pytest.mark.parametrize("user", ["u[x", "u]x", "us\u2100er"])
async def test_a_url_that_not_everybody_can_read_keeps_no_worker_from_its_work(
    pushing: Pushing, place: Project, endpoints: Endpoints, user: str
) -> None:
    """Some libraries find fault with such users; what is in a URL before the @ is not sent."""
    odd, usual = endpoints.add("/odd"), endpoints.add("/usual")
    odd.url = odd.url.replace("//", f"//{user}@")
    await push_to(place, endpoints, odd, "odd")
    await push_to(place, endpoints, usual, "usual")
    await pushing.add_worker()
    await place.publish("t", "one")
    await eventually(lambda: odd.accepted == usual.accepted == ["one"])


async def test_what_is_done_is_counted(project: Project, endpoints: Endpoints) -> None:
    answers = iter(["500 No", "500 No"])

    async def behave(_: Delivery, __: object) -> str:
        return next(answers, "200 OK")

    endpoint = endpoints.add("/counted", behave)
    await push_to(project, endpoints, endpoint, retryPolicy={"type": "linear", "period": 100})
    await project.publish("t", "one", "two", "three")
    await eventually(lambda: _all_acknowledged(project))
    statistics = (await shown(project))["pushStatistics"]
    assert 0 < statistics.pop("latencySeconds") < 1
    assert 0 <= statistics.pop("secondsSinceSuccess") < 5
    assert statistics.pop("lastSuccess").endswith("Z")
    assert statistics == {"deliveries": 3, "messages": 3, "failures": 2, "retries": 2}
    listed = (await project.request("GET", "/subscriptions?view=full")).json()
    assert listed["subscriptions"][0]["statistics"]["push"]["deliveries"] == 3


async def test_all_figures_of_a_worker_are_documented(
    project: Project, shared: Pushing, endpoints: Endpoints
) -> None:
    endpoint = endpoints.add("/counted")
    await push_to(project, endpoints, endpoint)
    await project.publish("t", "one")
    await asyncio.wait_for(endpoint.delivered.wait(), 5)
    documented = set(re.findall(r"^\| `(\w+)` \|", METRICS.read_text(), re.MULTILINE))
    for worker in shared.workers:
        page = (await worker.ask("/metrics")).text
        told = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
        assert told <= documented
        pushes = {name for name in told if name.startswith("ams_push_")}
        assert pushes == {name for name in documented if name.startswith("ams_push_")}
