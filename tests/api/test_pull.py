"""Pulling (contract: ams-core 5)."""

import json
import time

import pytest

from tests.api.client import Object, Project, assert_error, data_of, object_in
from tests.conftest import StartNode

PULL = "/subscriptions/s:pull"


async def test_a_pull_answers_messages_with_what_acknowledges_them(queue: Project) -> None:
    """Contract: ams-core 5.4, O-45."""
    await queue.publish_messages("t", {"data": "dGV4dA==", "attributes": {"k": "v"}})
    answer = object_in(await queue.request("POST", PULL, json={}))
    publish_time = answer["receivedMessages"][0]["message"]["publishTime"]
    assert answer == {
        "receivedMessages": [
            {
                "ackId": f"projects/{queue.name}/subscriptions/s:0",
                "message": {
                    "data": "dGV4dA==",
                    "attributes": {"k": "v"},
                    "messageId": "0",
                    "publishTime": publish_time,
                },
            }
        ]
    }


async def test_subscriptions_that_pull_the_same_get_ids_of_their_own(queue: Project) -> None:
    """Also once the messages come from memory (contract: ams-core 5.4)."""
    data = ["QUJD" * 1000, "REVG" * 1000, "R0hJ" * 1000]
    for name in ("s2", "s3", "s4"):
        await queue.subscription(name, "t")
    await queue.publish_messages("t", *({"data": each} for each in data))
    answers: dict[str, Object] = {}
    for name in ("s", "s2", "s3", "s4", "s", "s2"):
        path = f"/subscriptions/{name}:pull"
        answer = object_in(await queue.request("POST", path, json={"maxMessages": "3"}))
        received = answer["receivedMessages"]
        assert [each["message"]["data"] for each in received] == data
        assert [each["message"]["messageId"] for each in received] == ["0", "1", "2"]
        reference = f"projects/{queue.name}/subscriptions/{name}"
        assert [each["ackId"] for each in received] == [f"{reference}:{n}" for n in range(3)]
        assert answers.setdefault(name, answer) == answer


async def test_nothing_to_pull_is_an_empty_list(queue: Project) -> None:
    """Contract: ams-core 5.4."""
    answer = await queue.request("POST", PULL, json={})
    assert object_in(answer) == {"receivedMessages": []}


@pytest.mark.parametrize(
    ("most", "found"),
    [
        ("3", 3),
        ("+3", 3),
        ("003", 3),
        ("10", 5),
        ("9223372036854775807", 5),
        (3, 3),
        (10, 5),
        (2**63, 5),
        (10**30, 5),
        # All else is 1.
        (None, 1),
        ("1", 1),
        ("", 1),
        (" 3", 1),
        ("3 ", 1),
        ("3\n", 1),
        ("0", 1),
        ("-3", 1),
        ("3.0", 1),
        ("three", 1),
        ("\u0663", 1),
        ("0x3", 1),
        ("1_0", 1),
        (0, 1),
        (-3, 1),
        (-(10**30), 1),
    ],
)
async def test_how_many_messages_a_client_gets(
    queue: Project, most: str | int | None, found: int
) -> None:
    """Contract: ams-core 5.3, decision 3, O-28."""
    await queue.publish("t", *"abcde")
    messages = object_in(await queue.request("POST", PULL, json={"maxMessages": most}))
    assert len(messages["receivedMessages"]) == found


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"unknown": 7}', b'{"MAXMESSAGES": "1"}'])
async def test_one_message_at_once_is_what_a_body_may_leave_out(
    queue: Project, body: bytes
) -> None:
    """Contract: ams-core 5.3."""
    await queue.publish("t", *"abc")
    answer = object_in(await queue.request("POST", PULL, content=body))
    assert len(answer["receivedMessages"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{} x",
        b'{"maxMessages": []}',
        b'{"maxMessages": {}}',
        b'{"maxMessages": 1.5}',
        b'{"maxMessages": true}',
        b'{"returnImmediately": 1}',
        b'{"returnImmediately": []}',
    ],
)
async def test_a_bad_body_is_400(quiet: Project, body: bytes) -> None:
    """Contract: ams-core 5.2 row 6."""
    answer = await quiet.request("POST", PULL, content=body)
    assert_error(answer, 400, "Invalid Pull Parameters Arguments")


@pytest.mark.parametrize("value", ["true", True, None, "FALSE", "False", "no", ""])
async def test_all_but_false_answers_at_once(queue: Project, value: object) -> None:
    """Contract: ams-core 5.3, O-28."""
    started = time.monotonic()
    body = {"maxMessages": "5", "returnImmediately": value}
    answer = await queue.request("POST", PULL, json=body)
    assert object_in(answer) == {"receivedMessages": []}
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("value", ["false", False])
async def test_one_message_is_enough_for_who_waits(queue: Project, value: object) -> None:
    """Contract: decision 2, O-29."""
    await queue.publish("t", "one")
    started = time.monotonic()
    body = {"maxMessages": "5", "returnImmediately": value}
    answer = object_in(await queue.request("POST", PULL, json=body))
    assert len(answer["receivedMessages"]) == 1
    assert time.monotonic() - started < 3


async def test_a_pull_leaves_the_offset_where_it_is(queue: Project) -> None:
    """Contract: ams-core 5.1: there is no lease."""
    await queue.publish("t", *"abc")
    first = await queue.pull("s", 2)
    assert await queue.pull("s", 2) == first
    assert await queue.offsets() == {"max": 3, "min": 0, "current": 0}


async def test_what_is_acknowledged_is_not_delivered_again(queue: Project) -> None:
    await queue.publish("t", *"abcdefg")
    read = [await queue.read("s", most) for most in (1, 2, 3, 4, 5)]
    assert read == [[data_of(t) for t in texts] for texts in ("a", "bc", "def", "g", "")]


async def test_a_batch_of_any_size_is_what_was_published(queue: Project) -> None:
    """Wherever it begins and ends, with whatever is in its messages (contract: ams-core 5.4)."""
    published: list[Object] = [
        {"data": "QUJD" * (number * number), "attributes": {"name \n}{%": f"\u20ac%d\\n{number}"}}
        for number in range(40)
    ]
    for begin, end in ((0, 1), (1, 2), (2, 30), (30, 40)):
        await queue.publish_messages("t", *published[begin:end])
    for begin in (0, 1, 17, 39):
        body = {"offset": begin}
        assert (await queue.request("POST", "/subscriptions/s:modifyOffset", json=body)).is_success
        for most in (1, 2, 20, 100):
            received = await queue.pull("s", most)
            messages = [each["message"] for each in received]
            numbers = range(begin, min(begin + most, len(published)))
            assert [int(each["messageId"]) for each in messages] == [*numbers]
            assert [each["ackId"] for each in received] == [
                f"projects/{queue.name}/subscriptions/s:{number}" for number in numbers
            ]
            assert [
                {name: each[name] for name in ("data", "attributes")} for each in messages
            ] == published[begin : begin + most]
            assert all(len(each) == 4 and each["publishTime"].endswith("Z") for each in messages)


async def test_subscriptions_do_not_depend_on_each_other(queue: Project) -> None:
    await queue.subscription("other", "t")
    await queue.publish("t", *"ab")
    assert await queue.read("s", 2) == await queue.read("other", 2) == [data_of(t) for t in "ab"]


async def test_the_order_of_checks(queue: Project) -> None:
    """Contract: ams-core 5.2."""
    consumer = await queue.user("consumer")
    token = consumer.token
    answer = await queue.request("POST", "/subscriptions/no:pull", content=b"[", token=token)
    assert_error(answer, 404, "Subscription doesn't exist")
    await queue.request("DELETE", "/topics/t")
    answer = await queue.request("POST", PULL, content=b"[", token=token)
    assert_error(answer, 403, "Access to this resource is forbidden")
    await queue.allow("subscriptions/s", consumer)
    answer = await queue.request("POST", PULL, content=b"[", token=token)
    assert_error(answer, 409, "Subscription's topic doesn't exist")
    await queue.topic("t")
    answer = await queue.request("POST", PULL, content=b"[", token=token)
    assert_error(answer, 400, "Invalid Pull Parameters Arguments")


async def test_limits_bound_an_answer_but_one_message_is_always_in_it(
    start_node: StartNode,
) -> None:
    """Contract: decision 3."""
    node = await start_node(messages={"pull_max_messages": 5, "pull_max_bytes": 3000})
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")

    await project.publish("t", *"abcdefgh")
    assert [len(await project.read("s", most)) for most in (1000, 1000, 1000)] == [5, 3, 0]

    large = [{"data": str(number) * 10_000} for number in range(4)]
    await project.publish_messages("t", *large)
    for message in large:
        assert await project.read("s", 1000) == [message["data"]]
    assert await project.read("s", 1000) == []

    small = [{"data": str(number) * 1000} for number in range(9)]
    await project.publish_messages("t", *small)
    read: list[str] = []
    while batch := await project.read("s", 1000):
        assert len(json.dumps(batch)) <= 3000
        read += batch
    assert read == [message["data"] for message in small]


async def test_expired_messages_are_skipped(project: Project) -> None:
    """Contract: ams-core 5.7."""
    await project.topic("t", messageRetentionBytes="5000")
    await project.subscription("s", "t")
    for number in range(20):
        await project.publish_messages("t", {"data": f"{number:04}" * 250})
    offsets = await project.offsets()
    assert offsets["max"] == 20
    assert 0 < offsets["min"] < 20
    assert offsets["current"] == offsets["min"]
    (pulled,) = await project.pull("s")
    assert pulled["message"]["data"] == f"{offsets['min']:04}" * 250
