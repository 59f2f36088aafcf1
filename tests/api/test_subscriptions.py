"""Subscriptions (contract: ams-core 4)."""

import asyncio

import pytest

from tests.api.client import Project, assert_empty, assert_error, object_in
from tests.api.test_projects import assert_now

BAD_DEADLINE = "Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments"
#: What a subscription without push shows in full (contract: ams-core 4.2).
NO_PUSH = {
    "type": "",
    "pushEndpoint": "",
    "maxMessages": 0,
    "authorizationHeader": {},
    "retryPolicy": {},
    "verificationHash": "",
    "verified": False,
    "mattermostUrl": "",
    "mattermostUsername": "",
    "mattermostChannel": "",
    "base64Decode": False,
}


async def test_a_new_subscription_is_answered_with_its_fields(project: Project) -> None:
    """Contract: ams-core 4.1, 4.2, 4.3, O-44, O-45."""
    await project.topic("t")
    body = {"topic": f"projects/{project.name}/topics/t"}
    made = object_in(await project.request("PUT", "/subscriptions/s", json=body))
    assert made == {
        "name": f"/projects/{project.name}/subscriptions/s",
        "topic": f"/projects/{project.name}/topics/t",
        "pushConfig": NO_PUSH,
        "ackDeadlineSeconds": 10,
        "createdOn": made["createdOn"],
    }
    assert_now(made["createdOn"])
    assert object_in(await project.request("GET", "/subscriptions/s")) == made


@pytest.mark.parametrize(("given", "stored"), [(0, 10), (None, 10), (1, 1), (300, 300), (600, 600)])
async def test_the_ack_deadline_is_10_seconds_unless_given(
    project: Project, given: int | None, stored: int
) -> None:
    """Contract: ams-core 4.3."""
    await project.topic("t")
    made = await project.subscription("s", "t", ackDeadlineSeconds=given)
    assert made["ackDeadlineSeconds"] == stored


@pytest.mark.parametrize("seconds", [-1, -7, 601, 9999, 2**31, 2**63, 10**30])
async def test_an_ack_deadline_out_of_range_is_400(quiet: Project, seconds: int) -> None:
    """Contract: ams-core 4.8, O-22."""
    body = {"topic": f"projects/{quiet.name}/topics/t", "ackDeadlineSeconds": seconds}
    answer = await quiet.request("PUT", "/subscriptions/s", json=body)
    assert_error(answer, 400, BAD_DEADLINE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{} x",
        b'{"topic": 7}',
        b'{"topic": ["projects/p/topics/t"]}',
        b'{"ackDeadlineSeconds": "10"}',
        b'{"ackDeadlineSeconds": 10.5}',
        b'{"ackDeadlineSeconds": 10.0}',
        b'{"ackDeadlineSeconds": 1e1}',
        b'{"ackDeadlineSeconds": true}',
        b'{"name": 7}',
        b'{"pushStatus": 7}',
        b'{"createdOn": 7}',
        b'{"pushConfig": "x"}',
        b'{"pushConfig": {"maxMessages": "1"}}',
        b'{"pushConfig": {"retryPolicy": {"period": "1"}}}',
    ],
)
async def test_a_bad_body_of_creation_is_400(quiet: Project, body: bytes) -> None:
    """Contract: ams-core 1.9, 4.3 row 1."""
    answer = await quiet.request("PUT", "/subscriptions/s", content=body)
    assert_error(answer, 400, "Invalid Subscription Arguments")


async def test_field_names_match_in_any_letter_case(project: Project) -> None:
    """Contract: ams-core 1.9: unknown fields are ignored, and null is the same as absent."""
    await project.topic("t")
    body = {
        "Topic": f"projects/{project.name}/topics/t",
        "ACKDEADLINESECONDS": 7,
        "name": "ignored",
        "pushStatus": "ignored",
        "createdOn": None,
        "unknown": [{}],
    }
    made = object_in(await project.request("PUT", "/subscriptions/s", json=body))
    assert (made["name"], made["ackDeadlineSeconds"]) == (
        f"/projects/{project.name}/subscriptions/s",
        7,
    )


async def test_the_topic_may_be_given_with_the_leading_slash(project: Project) -> None:
    """Contract: decision 4."""
    topic = await project.topic("t")
    answer = await project.request("PUT", "/subscriptions/s", json={"topic": topic["name"]})
    assert object_in(answer)["topic"] == topic["name"]


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "t",
        "{project}/t",
        "projects/{project}/topics/",
        "projects//topics/t",
        "projects/{project}/topics/t/",
        "projects/{project}/topics/t/x",
        "//projects/{project}/topics/t",
        "foo/{project}/topics/t",
        "projects/{project}/bar/t",
        "Projects/{project}/topics/t",
        " projects/{project}/topics/t",
    ],
)
async def test_a_malformed_topic_reference_is_400(quiet: Project, reference: str) -> None:
    """Contract: ams-core 4.3 row 2, O-23, O-25, decision 4."""
    body = {"topic": reference.format(project=quiet.name)}
    answer = await quiet.request("PUT", "/subscriptions/s", json=body)
    assert_error(answer, 400, "Invalid Topic name")


@pytest.mark.parametrize("reference", ["projects/{}/topics/nothing", "projects/elsewhere/topics/t"])
async def test_a_topic_that_is_not_in_the_project_is_404(quiet: Project, reference: str) -> None:
    """Contract: ams-core 4.3 row 3, O-24; before the name that is taken."""
    body = {"topic": reference.format(quiet.name)}
    answer = await quiet.request("PUT", "/subscriptions/s", json=body)
    assert_error(answer, 404, "Topic doesn't exist")


async def test_a_name_that_is_taken_is_409(quiet: Project) -> None:
    """Contract: ams-core 4.3 row 5."""
    body = {"topic": f"projects/{quiet.name}/topics/t"}
    answer = await quiet.request("PUT", "/subscriptions/s", json=body)
    assert_error(answer, 409, "Subscription already exists", "ALREADY_EXISTS")


async def test_of_creations_at_once_one_succeeds(project: Project) -> None:
    """Contract: O-51."""
    await project.topic("t")
    body = {"topic": f"projects/{project.name}/topics/t"}
    answers = await asyncio.gather(
        *(project.request("PUT", "/subscriptions/s", json=body) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize(
    "config", [None, {}, {"pushEndpoint": "", "retryPolicy": {}}, {"maxMessages": 0}]
)
async def test_an_all_zero_push_config_is_none(project: Project, config: object) -> None:
    """Contract: ams-core 4.3."""
    await project.topic("t")
    made = await project.subscription("s", "t", pushConfig=config)
    assert made["pushConfig"] == NO_PUSH


@pytest.mark.parametrize(
    "config", [{"type": "x"}, {"pushEndpoint": "https://a.example.org"}, {"base64Decode": True}]
)
async def test_push_is_refused_where_it_is_disabled(quiet: Project, config: object) -> None:
    """Contract: ams-core 4.3, 7.2 row 1: after the topic, before the name that is taken."""
    for topic, name in (("nothing", "s"), ("t", "s"), ("t", "new")):
        body = {"topic": f"projects/{quiet.name}/topics/{topic}", "pushConfig": config}
        answer = await quiet.request("PUT", f"/subscriptions/{name}", json=body)
        if topic == "nothing":
            assert_error(answer, 404, "Topic doesn't exist")
        else:
            assert_error(answer, 409, "Push functionality is currently disabled")


async def test_a_subscription_starts_at_the_end_of_its_topic(project: Project) -> None:
    """Contract: ams-core 4.3, 3.11 (topic without subscriptions)."""
    await project.topic("t")
    await project.publish("t", "before", "before")
    await project.subscription("s", "t")
    assert await project.offsets() == {"max": 2, "min": 0, "current": 2}
    assert await project.pull("s", 10) == []
    await project.publish("t", "after")
    assert [m["message"]["messageId"] for m in await project.pull("s", 10)] == ["2"]


@pytest.mark.parametrize(
    ("method", "verb", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", ":acl", None),
        ("POST", ":modifyAcl", {"authorized_users": []}),
        ("POST", ":pull", None),
        ("POST", ":acknowledge", {}),
        ("GET", ":offsets", None),
        ("POST", ":modifyOffset", {"offset": 7}),
        ("GET", ":timeToOffset", None),
        ("POST", ":modifyAckDeadline", {"ackDeadlineSeconds": 600}),
        ("POST", ":modifyPushConfig", {}),
    ],
)
async def test_an_unknown_subscription_is_404(
    quiet: Project, method: str, verb: str, body: object
) -> None:
    """Contract: ams-core 4.4, 4.6, 4.7, 4.8, 5.2 row 1, 6.1 row 2, 6.3, 6.4, 6.5."""
    answer = await quiet.request(method, f"/subscriptions/nothing{verb}", json=body)
    assert_error(answer, 404, "Subscription doesn't exist")


async def test_a_consumer_sees_subscriptions_of_whose_list_they_are_not(queue: Project) -> None:
    """Contract: ams-core 4.4."""
    for role in ("consumer", "push_worker"):
        user = await queue.user(role)
        answer = await queue.request("GET", "/subscriptions/s", token=user.token)
        assert object_in(answer)["name"].endswith("/s")


async def test_the_list_is_newest_first(project: Project) -> None:
    """Contract: ams-core 1.14, 4.5."""
    await project.topic("t")
    empty = {"subscriptions": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await project.request("GET", "/subscriptions")) == empty
    made = [await project.subscription(name, "t") for name in ("b", "a", "c")]
    page = {"subscriptions": made[::-1], "nextPageToken": "", "totalSize": 3}
    assert object_in(await project.request("GET", "/subscriptions")) == page


async def test_deletion_answers_nothing(queue: Project) -> None:
    """Contract: ams-core 4.6."""
    assert_empty(await queue.request("DELETE", "/subscriptions/s"))
    answer = await queue.request("GET", "/subscriptions/s")
    assert_error(answer, 404, "Subscription doesn't exist")
    assert object_in(await queue.request("GET", "/topics/t/subscriptions")) == {"subscriptions": []}


async def test_a_subscription_that_is_made_again_starts_at_the_end(queue: Project) -> None:
    await queue.publish("t", "a", "b", "c")
    await queue.pull("s", 2)
    await queue.request("DELETE", "/subscriptions/s")
    await queue.subscription("s", "t")
    assert await queue.offsets() == {"max": 3, "min": 0, "current": 3}
    assert_error(await queue.acknowledge("s", 1), 500, "no ack pending")


@pytest.mark.parametrize("seconds", [0, 1, 600])
async def test_the_ack_deadline_can_be_changed(queue: Project, seconds: int) -> None:
    """Contract: ams-core 4.8."""
    body = {"ackDeadlineSeconds": seconds}
    assert_empty(await queue.request("POST", "/subscriptions/s:modifyAckDeadline", json=body))
    shown = object_in(await queue.request("GET", "/subscriptions/s"))
    assert shown["ackDeadlineSeconds"] == seconds


@pytest.mark.parametrize("name", ["s", "nothing"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",  # contract: O-26
        b'{"ackDeadlineSeconds": null}',
        b'{"ackDeadlineSeconds": -1}',
        b'{"ackDeadlineSeconds": 601}',
        b'{"ackDeadlineSeconds": 99999999999999999999}',
        b'{"ackDeadlineSeconds": "10"}',
        b'{"ackDeadlineSeconds": 10.0}',
    ],
)
async def test_a_bad_ack_deadline_is_400_before_the_subscription_is_looked_for(
    quiet: Project, name: str, body: bytes
) -> None:
    """Contract: ams-core 4.8, O-26."""
    path = f"/subscriptions/{name}:modifyAckDeadline"
    assert_error(await quiet.request("POST", path, content=body), 400, BAD_DEADLINE)
