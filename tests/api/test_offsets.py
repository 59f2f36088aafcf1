"""Moving through messages (contract: ams-core 6.3 to 6.5)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.client import Project, assert_empty, assert_error, data_of, object_in
from tests.eventually import eventually

MODIFY = "/subscriptions/s:modifyOffset"
TIME_TO_OFFSET = "/subscriptions/s:timeToOffset"
OUT_OF_BOUNDS = "Timestamp is out of bounds for the subscription's topic/partition"


async def test_offsets_say_where_a_subscription_is(queue: Project) -> None:
    """Contract: ams-core 6.3."""
    assert await queue.offsets() == {"max": 0, "min": 0, "current": 0}
    await queue.publish("t", *"abcde")
    await queue.read("s", 2)
    assert await queue.offsets() == {"max": 5, "min": 0, "current": 2}


@pytest.mark.parametrize(
    ("body", "current"),
    [
        (b'{"offset": 0}', 0),
        (b'{"offset": 3}', 3),
        (b'{"OFFSET": 3}', 3),
        (b'{"offset": 5}', 5),
        (b"{}", 0),
        (b"null", 0),
        (b'{"offset": null}', 0),
        (b'{"other": 3}', 0),
    ],
)
async def test_the_next_pull_starts_with_the_offset(
    queue: Project, body: bytes, current: int
) -> None:
    """Contract: ams-core 6.4: absent is 0, and both bounds belong to the range."""
    await queue.publish("t", *"abcde")
    await queue.read("s", 4)
    assert_empty(await queue.request("POST", MODIFY, content=body))
    assert await queue.offsets() == {"max": 5, "min": 0, "current": current}
    assert await queue.read("s", 9) == [data_of(text) for text in "abcde"[current:]]


@pytest.mark.parametrize(
    "offset", [-1, 6, 500, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63), -(10**30)]
)
async def test_an_offset_out_of_bounds_is_400_and_changes_nothing(
    queue: Project, offset: int
) -> None:
    """Contract: ams-core 6.4, O-32."""
    await queue.publish("t", *"abcde")
    await queue.pull("s", 3)
    answer = await queue.request("POST", MODIFY, json={"offset": offset})
    assert_error(answer, 400, "Offset out of bounds")
    assert (await queue.offsets())["current"] == 0
    object_in(await queue.acknowledge("s", 2))


@pytest.mark.parametrize("name", ["s", "nothing"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{} x",
        b'{"offset": "0"}',
        b'{"offset": 0.0}',
        b'{"offset": 0.5}',
        b'{"offset": 1e0}',
        b'{"offset": true}',
        b'{"offset": []}',
        b'{"offset": 1' + b"0" * 5000 + b"}",
    ],
)
async def test_a_bad_body_is_400_before_the_subscription_is_looked_for(
    quiet: Project, name: str, body: bytes
) -> None:
    """Contract: ams-core 6.4."""
    answer = await quiet.request("POST", f"/subscriptions/{name}:modifyOffset", content=body)
    assert_error(answer, 400, "Invalid Offset Arguments")


async def test_offsets_below_the_oldest_kept_message_are_out_of_bounds(project: Project) -> None:
    """Contract: ams-core 5.7, 6.3, 6.4."""
    # Three and a half: were it nearly three, a sweep could remove one that the publishes have left.
    await project.topic("t", messageRetentionBytes="3500")
    await project.subscription("s", "t")
    await project.publish_messages("t", {"data": "0" * 1000})
    await project.pull("s")
    for number in range(1, 20):
        await project.publish_messages("t", {"data": str(number) * 500})
    offsets = await project.offsets()
    assert 0 < offsets["min"] == offsets["current"] < offsets["max"] == 20
    answer = await project.request("POST", MODIFY, json={"offset": offsets["min"] - 1})
    assert_error(answer, 400, "Offset out of bounds")
    # What was outstanding has been dropped with the messages.
    assert (await project.acknowledge("s", 0)).status_code == 500
    assert_empty(await project.request("POST", MODIFY, json={"offset": offsets["min"]}))
    earliest = {"time": "1999-01-02T03:04:05.000Z"}
    found = object_in(await project.request("GET", TIME_TO_OFFSET, params=earliest))
    assert found == {"offset": offsets["min"]}


async def test_a_time_finds_the_first_message_at_it_or_later(queue: Project) -> None:
    """Contract: ams-core 6.5, O-33: with blank or `T`, and any fraction up to nine digits."""
    for text in "abc":
        await queue.publish("t", text)
    messages = [m["message"] for m in await queue.pull("s", 3)]
    times = [datetime.fromisoformat(m["publishTime"]) for m in messages]
    assert times[0] < times[1] < times[2]
    for offset, (time, message) in enumerate(zip(times, messages, strict=True)):
        for text in (
            message["publishTime"],
            message["publishTime"].replace("T", " "),
            f"{time:%Y-%m-%dT%H:%M:%S.%f}000Z",
            f"{time:%Y-%m-%dT%H:%M:%S,%f}Z",
            f"{time - timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%f}001Z",
        ):
            found = await queue.request("GET", TIME_TO_OFFSET, params={"time": text})
            assert object_in(found) == {"offset": offset}
    late = f"{times[2]:%Y-%m-%dT%H:%M:%S.%f}001Z"
    answer = await queue.request("GET", TIME_TO_OFFSET, params={"time": late})
    assert_error(answer, 409, OUT_OF_BOUNDS)


@pytest.mark.parametrize(
    "time",
    [
        "2016-11-14T12:00:00.000Z",
        "2016-11-14 12:00:00.000Z",
        "2016-11-14T12:00:00Z",
        "2016-11-14 12:00:00Z",
        "2016-11-14T12:00:00.1Z",
        "2016-11-14T12:00:00.123456789Z",
        "0001-01-01T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
    ],
)
async def test_a_time_before_all_messages_finds_the_oldest(queue: Project, time: str) -> None:
    """Contract: ams-core 6.5, O-33."""
    await queue.publish("t", "a")
    answer = await queue.request("GET", TIME_TO_OFFSET, params={"time": time})
    assert object_in(answer) == {"offset": 0}


@pytest.mark.parametrize("time", ["2999-01-02T03:04:05.000Z", "9999-12-31T23:59:59.999999999Z"])
async def test_a_time_after_all_messages_is_409(queue: Project, time: str) -> None:
    """Contract: ams-core 6.5; also of a topic without messages, whatever the time."""
    for asked in (time, "2016-11-14T12:00:00.000Z"):
        answer = await queue.request("GET", TIME_TO_OFFSET, params={"time": asked})
        assert_error(answer, 409, OUT_OF_BOUNDS)
    await queue.publish("t", "a")
    answer = await queue.request("GET", TIME_TO_OFFSET, params={"time": time})
    assert_error(answer, 409, OUT_OF_BOUNDS)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "1479124800",
        "2016-11-14",
        "2016-11-14T12:00:00.000",
        "2016-11-14T12:00:00.000z",
        "2016-11-14t12:00:00.000Z",
        "2016-11-14T12:00:00.0000000000Z",
        "2016-11-14T12:00:00.000+00:00",
        "2016-11-14T12:00:00.000-0100",
        "2016-1-14T12:00:00.000Z",
        "2016-11-4T12:00:00.000Z",
        "2016-11-14T1:00:00.000Z",
        "2016-13-14T12:00:00.000Z",
        "2016-02-30T12:00:00.000Z",
        "2016-11-14T24:00:00.000Z",
        "2016-11-14T12:60:00.000Z",
        "2016-11-14T12:00:60.000Z",
        "0000-01-01T00:00:00.000Z",
        "10000-01-01T00:00:00.000Z",
        " 2016-11-14T12:00:00.000Z",
        "2016-11-14T12:00:00.000Z\n",
        "2016-11-14T12:00:00.000Z\x00",
        "2016-11-14T12:00:00.\u0660\u0660\u0660Z",
        "\u0662016-11-14T12:00:00.000Z",
        "2016-11-14T12:00:00." + "0" * 5000 + "Z",
    ],
)
async def test_a_time_in_another_format_is_400(quiet: Project, time: str) -> None:
    """Contract: ams-core 6.5."""
    answer = await quiet.request("GET", TIME_TO_OFFSET, params={"time": time})
    assert_error(answer, 400, "Time is not in valid Zulu format.")


async def test_a_missing_time_is_400(quiet: Project) -> None:
    """Contract: ams-core 6.5."""
    answer = await quiet.request("GET", TIME_TO_OFFSET)
    assert_error(answer, 400, "Time is not in valid Zulu format.")


async def test_messages_expire_by_age(project: Project) -> None:
    await project.topic("t", messageRetentionDuration="1s")
    await project.subscription("s", "t")
    await project.publish("t", "a")
    (old,) = await project.pull("s")
    published = datetime.fromisoformat(old["message"]["publishTime"])
    await eventually(lambda: datetime.now(UTC) - published > timedelta(seconds=1.1))
    await project.publish("t", "b")
    assert await project.offsets() == {"max": 2, "min": 1, "current": 1}
    assert await project.read("s", 10) == [data_of("b")]
