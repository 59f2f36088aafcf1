"""Publishing (contract: ams-core 3.11)."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.client import Object, Project, assert_error, data_of, object_in
from tests.conftest import StartNode

PUBLISH = "/topics/t:publish"
TOO_LARGE = "Message size is too large"


async def test_ids_are_positions_without_gaps_from_0(queue: Project) -> None:
    """Contract: ams-core 3.11 (response)."""
    assert await queue.publish("t", "a", "b") == ["0", "1"]
    assert await queue.publish("t", "c") == ["2"]
    assert await queue.publish("t", *"defgh") == ["3", "4", "5", "6", "7"]
    pulled = await queue.pull("s", 100)
    assert [m["message"]["messageId"] for m in pulled] == [str(number) for number in range(8)]
    assert [m["message"]["data"] for m in pulled] == [data_of(text) for text in "abcdefgh"]


async def test_ids_of_publishers_at_once_are_the_true_positions(queue: Project) -> None:
    """Contract: O-18."""
    texts = [f"{publisher}-{number}" for publisher in range(20) for number in range(3)]
    batches = [texts[start : start + 3] for start in range(0, len(texts), 3)]
    ids = await asyncio.gather(*(queue.publish("t", *batch) for batch in batches))
    told = {
        int(number): data_of(text)
        for batch, numbers in zip(batches, ids, strict=True)
        for text, number in zip(batch, numbers, strict=True)
    }
    assert sorted(told) == list(range(len(texts)))
    pulled = await queue.pull("s", 1000)
    assert {int(m["message"]["messageId"]): m["message"]["data"] for m in pulled} == told


async def test_a_topic_is_found_by_its_path_only_while_it_is_the_one_there(
    queue: Project,
) -> None:
    """Neither after a topic of that name, nor after one of a project of that name."""
    assert await queue.publish("t", "a") == ["0"]
    await queue.request("DELETE", "/topics/t")
    assert_error(await queue.request("POST", PUBLISH, content=b"{}"), 404, "Topic doesn't exist")
    await queue.topic("t")
    assert await queue.publish("t", "b") == ["0"]
    assert await queue.publish("t", "c") == ["1"]
    path = f"/v1/projects/{queue.name}"
    await queue.node.request("DELETE", path)
    assert_error(await queue.request("POST", PUBLISH, content=b"{}"), 404, "project doesn't exist")
    await queue.node.request("POST", path, json={})
    assert_error(await queue.request("POST", PUBLISH, content=b"{}"), 404, "Topic doesn't exist")
    await queue.topic("t")
    assert await queue.publish("t", "d") == ["0"]


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b'{"messages": null}', b'{"messages": []}', b'{"Messages": []}']
)
async def test_nothing_to_publish_is_no_error(queue: Project, body: bytes) -> None:
    """Contract: ams-core 3.11 (request)."""
    answer = await queue.request("POST", PUBLISH, content=body)
    assert object_in(answer) == {"messageIds": []}
    assert await queue.publish("t", "first") == ["0"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"7",
        b'{"messages": []} x',
        b'{"messages": {}}',
        b'{"messages": "x"}',
        b'{"messages": [7]}',
        b'{"messages": ["x"]}',
        b'{"messages": [[]]}',
        b'{"messages": [{"data": 7}]}',
        b'{"messages": [{"data": ["x"]}]}',
        b'{"messages": [{"data": "a", "attributes": []}]}',
        b'{"messages": [{"data": "a", "attributes": [{"key": "k", "value": "v"}]}]}',
        b'{"messages": [{"data": "a", "attributes": {"k": 7}}]}',
        b'{"messages": [{"data": "a", "attributes": {"k": {}}}]}',
        b'{"messages": [{"data": "a", "attributes": "x"}]}',
        b'{"messages": [{"data": "a", "messageId": 7}]}',
        b'{"messages": [{"data": "a", "publishTime": 7}]}',
        b'{"messages": [{"data": "good"}, {"data": 7}]}',
        b'{"messages": [{"data": "\xff"}]}',
        b'{"messages": [{"data": "a\nb"}]}',
        b"\xef\xbb\xbf{}",
    ],
)
async def test_a_bad_body_is_400_and_stores_nothing(quiet: Project, body: bytes) -> None:
    """Contract: ams-core 1.9, 3.11 row 3."""
    answer = await quiet.request("POST", PUBLISH, content=body)
    assert_error(answer, 400, "Invalid Message Arguments")
    assert (await quiet.offsets())["max"] == 0


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({"data": "dGV4dA=="}, {"data": "dGV4dA=="}),
        ({"data": "not base64!"}, {"data": "not base64!"}),
        ({"data": ' \u00e9\u4e2d\U0001f600 </&>\\" \x7f\u2028'}, None),
        ({"data": "\n\r\t\x00\x01\x1f"}, None),
        ({}, {"data": ""}),
        ({"data": ""}, {"data": ""}),
        ({"data": None}, {"data": ""}),
        ({"attributes": {"k": "v"}}, {"data": "", "attributes": {"k": "v"}}),
        ({"data": "x", "attributes": {}}, {"data": "x"}),
        ({"data": "x", "attributes": None}, {"data": "x"}),
        ({"data": "x", "attributes": {"k": None}}, {"data": "x", "attributes": {"k": ""}}),
        ({"DATA": "x", "Attributes": {"K": "V"}}, {"data": "x", "attributes": {"K": "V"}}),
        ({"data": "x", "messageId": "7", "publishTime": "never"}, {"data": "x"}),
        ({"data": "x", "messageid": None, "ackId": 7, "unknown": {"a": [1]}}, {"data": "x"}),
        (None, {"data": ""}),
    ],
)
async def test_a_message_comes_back_as_it_was_sent(
    queue: Project, sent: Object | None, received: Object | None
) -> None:
    """Contract: ams-core 1.9, 3.11 (request), 5.4: no other keys than these four."""
    answer = await queue.request("POST", PUBLISH, json={"messages": [sent]})
    assert object_in(answer) == {"messageIds": ["0"]}
    (pulled,) = await queue.pull("s")
    message = pulled["message"]
    times = {"messageId": "0", "publishTime": message["publishTime"]}
    assert message == {**(sent if received is None else received), **times}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "text",
    [
        'a "quoted" value',
        "a\\nb",
        "back\\slash \\ \\\\ \\u0041 \\",
        "line\nbreak\r\ttab",
        "".join(map(chr, range(32))),
        "\x7f\x80\x9f\u2028\u2029\ufeff",
        "\u00e9\u4e2d\u0431\U0001f600",
        "</script>&amp;/",
        '{"json": ["in", "json"]}',
        "",
        " ",
    ],
)
async def test_attributes_come_back_as_they_were_sent(queue: Project, text: str) -> None:
    """Contract: O-21. As a value and as a name."""
    attributes = {"value": text, text: "name"}
    await queue.publish_messages("t", {"data": "x", "attributes": attributes}, {"data": "next"})
    first, following = await queue.pull("s", 2)
    assert first["message"]["attributes"] == attributes
    assert following["message"]["data"] == "next"


async def test_escapes_in_a_request_are_not_kept_but_what_they_stand_for(queue: Project) -> None:
    body = rb'{"messages": [{"data": "\u0041\/\ud83d\ude00", "attributes": {"\u006b": "\u0000"}}]}'
    object_in(await queue.request("POST", PUBLISH, content=body))
    (pulled,) = await queue.pull("s")
    assert pulled["message"]["data"] == "A/\U0001f600"
    assert pulled["message"]["attributes"] == {"k": "\x00"}


async def test_of_repeated_keys_the_last_one_counts(queue: Project) -> None:
    """Contract: ams-core 1.9."""
    message = b'{"data": "a", "data": "b", "attributes": {"k": "1", "k": "2"}}'
    body = b'{"messages": [], "messages": [%b]}' % message
    object_in(await queue.request("POST", PUBLISH, content=body))
    (pulled,) = await queue.pull("s")
    assert (pulled["message"]["data"], pulled["message"]["attributes"]) == ("b", {"k": "2"})


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_the_content_type_does_not_matter(queue: Project, content_type: str | None) -> None:
    """Contract: ams-core 1.9."""
    headers = {} if content_type is None else {"content-type": content_type}
    body = json.dumps({"messages": [{"data": "x"}]}).encode()
    answer = await queue.node.client.post(
        f"/v1/projects/{queue.name}{PUBLISH}",
        content=body,
        headers={"x-api-key": queue.node.service_token, **headers},
    )
    assert object_in(answer) == {"messageIds": ["0"]}


async def test_the_publish_time_is_of_the_broker_in_utc(queue: Project) -> None:
    """Contract: ams-core 1.13: at most nine digits of a fraction, without zeros at the end."""
    for _ in range(20):
        await queue.publish("t", "x")
    times = [m["message"]["publishTime"] for m in await queue.pull("s", 20)]
    for time in times:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z", time)
        assert abs(datetime.fromisoformat(time) - datetime.now(UTC)) < timedelta(seconds=60)
    parsed = [datetime.fromisoformat(time) for time in times]
    assert parsed == sorted(parsed)


async def test_the_topic_is_looked_for_before_the_list_and_both_before_the_body(
    queue: Project,
) -> None:
    """Contract: ams-core 3.11 rows 1 to 3."""
    publisher = await queue.user("publisher")
    answer = await queue.request("POST", "/topics/no:publish", content=b"[", token=publisher.token)
    assert_error(answer, 404, "Topic doesn't exist")
    answer = await queue.request("POST", PUBLISH, content=b"[", token=publisher.token)
    assert_error(answer, 403, "Access to this resource is forbidden")
    await queue.allow("topics/t", publisher)
    answer = await queue.request("POST", PUBLISH, content=b"[", token=publisher.token)
    assert_error(answer, 400, "Invalid Message Arguments")
    answer = await queue.request("POST", PUBLISH, json={}, token=publisher.token)
    assert object_in(answer) == {"messageIds": []}


async def test_a_message_over_the_limit_is_413_and_nothing_of_its_batch_is_stored(
    start_node: StartNode,
) -> None:
    """Contract: decision 9, O-19, O-20. Data counts as it was sent, in UTF-8, with attributes."""
    node = await start_node(messages={"max_message_bytes": 1000})
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    fitting: list[Object] = [
        {"data": "x" * 1000},
        {"data": "x" * 500, "attributes": {"a" * 250: "b" * 250}},
        {"data": "\u00e9" * 500},
        {"attributes": {"a": "\u4e2d" * 333}},
        {"data": '"' * 1000},  # Escapes do not count.
        {"data": "\n" * 1000, "unknown": "x" * 5000},
    ]
    too_large: list[Object] = [
        {"data": "x" * 1001},
        {"data": "x" * 500, "attributes": {"a" * 250: "b" * 251}},
        {"data": "\u00e9" * 500 + "x"},
        {"attributes": {"a": "\u4e2d" * 333, "b": ""}},
        {"data": data_of("x" * 751)},
    ]
    for message in too_large:
        for batch in ([message], [fitting[0], message], [message, fitting[0]]):
            answer = await project.request("POST", PUBLISH, json={"messages": batch})
            assert_error(answer, 413, TOO_LARGE)
    assert (await project.offsets())["max"] == 0
    assert await project.publish_messages("t", *fitting) == [str(n) for n in range(len(fitting))]
    pulled = [message["message"] for message in await project.pull("s", 10)]
    assert [m["data"] for m in pulled] == [m.get("data", "") for m in fitting]


async def test_a_message_of_10_mib_is_stored_and_one_byte_more_is_not(queue: Project) -> None:
    """Contract: decision 9."""
    limit = 10 * 1024 * 1024
    data = "x" * limit
    assert await queue.publish_messages("t", {"data": data}) == ["0"]
    answer = await queue.request("POST", PUBLISH, json={"messages": [{"data": data + "x"}]})
    assert_error(answer, 413, TOO_LARGE)
    (pulled,) = await queue.pull("s", 10)
    assert pulled["message"]["data"] == data


async def test_more_messages_than_one_step_stores_are_413(queue: Project) -> None:
    answer = await queue.request("POST", PUBLISH, json={"messages": [{"data": ""}] * 10_001})
    assert_error(answer, 413, "Too many messages: one request takes 10000 at most")
    assert (await queue.offsets())["max"] == 0
    ids = await queue.publish_messages("t", *[{"data": ""}] * 10_000)
    assert ids == [str(number) for number in range(10_000)]
