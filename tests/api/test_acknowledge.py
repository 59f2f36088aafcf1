"""Acknowledging (contract: ams-core 6.1, 6.2)."""

import asyncio
import time

import pytest

from tests.api.client import Project, assert_error, data_of, object_in
from tests.eventually import eventually

ACKNOWLEDGE = "/subscriptions/s:acknowledge"
NOTHING_PENDING = "no ack pending"
WRONG_ACK = "wrong ack"


@pytest.mark.parametrize("acknowledged", [(0, 1, 2), (2,), (2, 0), (1, 2, 2), ("+2",), ("-1", "2")])
async def test_the_highest_id_acknowledges_all_before_it(
    queue: Project, acknowledged: tuple[int | str, ...]
) -> None:
    """Contract: ams-core 6.2. The admin page reads the body `{}` (6.1)."""
    await queue.publish("t", *"abcd")
    await queue.pull("s", 3)
    answer = await queue.acknowledge("s", *acknowledged)
    assert (object_in(answer), answer.content) == ({}, b"{}")
    assert await queue.offsets() == {"max": 4, "min": 0, "current": 3}
    assert await queue.read("s", 10) == [data_of("d")]


async def test_a_batch_is_acknowledged_once(queue: Project) -> None:
    """Contract: ams-core 6.2."""
    await queue.publish("t", *"abcdefghi")
    await queue.pull("s", 9)
    object_in(await queue.acknowledge("s", 2))
    assert_error(await queue.acknowledge("s", 4), 500, NOTHING_PENDING)
    assert_error(await queue.acknowledge("s", 2), 500, NOTHING_PENDING)
    await queue.pull("s", 2)
    assert_error(await queue.acknowledge("s", 2), 500, WRONG_ACK)
    assert_error(await queue.acknowledge("s", 5), 500, WRONG_ACK)
    assert (await queue.offsets())["current"] == 3
    object_in(await queue.acknowledge("s", 4))


async def test_of_acknowledgements_at_once_one_succeeds(queue: Project) -> None:
    """Contract: O-30."""
    await queue.publish("t", *"abc")
    await queue.pull("s", 3)
    answers = await asyncio.gather(*(queue.acknowledge("s", 2) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [500] * 7


async def test_nothing_can_be_acknowledged_before_a_pull(queue: Project) -> None:
    """Contract: ams-core 6.1 row 6."""
    await queue.publish("t", "a")
    assert_error(await queue.acknowledge("s", 0), 500, NOTHING_PENDING)


async def test_nothing_can_be_acknowledged_after_an_empty_pull(queue: Project) -> None:
    """Contract: ams-core 6.2: the answer depends on whether the offset is 0."""
    assert await queue.pull("s") == []
    assert_error(await queue.acknowledge("s", 0), 500, NOTHING_PENDING)
    await queue.publish("t", "a")
    await queue.read("s", 1)
    assert await queue.pull("s") == []
    assert_error(await queue.acknowledge("s", 0), 500, WRONG_ACK)
    assert_error(await queue.acknowledge("s", 1), 500, WRONG_ACK)


async def test_the_last_pull_says_what_can_be_acknowledged(queue: Project) -> None:
    """Contract: ams-core 5.6, 6.1 row 7."""
    await queue.publish("t", *"abcdefghij")
    await queue.pull("s", 10)
    await queue.pull("s", 1)
    assert_error(await queue.acknowledge("s", *range(10)), 500, WRONG_ACK)
    object_in(await queue.acknowledge("s", 0))


async def test_who_acknowledges_need_not_be_who_pulled(queue: Project) -> None:
    """Contract: ams-core 6.2."""
    await queue.publish("t", "a")
    await queue.pull("s")
    admin = await queue.user("project_admin")
    body = {"ackIds": [f"projects/{queue.name}/subscriptions/s:0"]}
    object_in(await queue.request("POST", ACKNOWLEDGE, json=body, token=admin.token))


@pytest.mark.parametrize("name", ["ackIds", "AckIds", "ACKIDS", "ackids"])
async def test_the_name_of_the_list_matches_in_any_letter_case(queue: Project, name: str) -> None:
    """Contract: ams-core 1.9."""
    await queue.publish("t", "a")
    await queue.pull("s")
    body = {name: [f"projects/{queue.name}/subscriptions/s:0"]}
    object_in(await queue.request("POST", ACKNOWLEDGE, json=body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"{} x",
        b'{"ackIds": "x"}',
        b'{"ackIds": {}}',
        b'{"ackIds": [7]}',
        b'{"ackIds": ["x", []]}',
    ],
)
@pytest.mark.parametrize("name", ["s", "nothing"])
async def test_a_bad_body_is_400_before_the_subscription_is_looked_for(
    quiet: Project, name: str, body: bytes
) -> None:
    """Contract: ams-core 6.1 row 1."""
    answer = await quiet.request("POST", f"/subscriptions/{name}:acknowledge", content=body)
    assert_error(answer, 400, "Invalid ack parameter")


@pytest.mark.parametrize(
    "ids",
    [
        None,
        [],
        [None],
        [""],
        ["0"],
        ["{}"],
        ["{}:"],
        ["{}:x"],
        ["{}:1.0"],
        ["{}: 0"],
        ["{}:0 "],
        ["{}:0\n"],
        ["{}:\u0660"],
        ["{}:1_0"],
        ["{}:-1"],
        ["{}:-1", "{}:-2"],
        ["/{}:0"],
        ["{}:9223372036854775808"],
        ["{}:99999999999999999999999999"],
        ["{}:0", "projects/other/subscriptions/s:0"],
        ["{}:0", "{}x:0"],
        ["{}:0", "x"],
    ],
)
async def test_an_id_that_is_none_of_the_subscription_is_400(
    queue: Project, ids: list[str | None] | None
) -> None:
    """Contract: ams-core 6.1 rows 3 to 5; all or nothing."""
    await queue.publish("t", "a")
    await queue.pull("s")
    reference = f"projects/{queue.name}/subscriptions/s"
    body = {"ackIds": ids and [text and text.replace("{}", reference) for text in ids]}
    assert_error(await queue.request("POST", ACKNOWLEDGE, json=body), 400, "Invalid ack id")
    assert (await queue.offsets())["current"] == 0


async def test_the_highest_possible_number_is_a_wrong_ack(queue: Project) -> None:
    """Contract: ams-core 6.1 row 7."""
    await queue.publish("t", "a")
    await queue.pull("s")
    assert_error(await queue.acknowledge("s", 2**63 - 1), 500, WRONG_ACK)


async def test_ack_after_the_deadline_is_408_until_the_next_pull(queue: Project) -> None:
    """Contract: ams-core 6.1 row 8, 6.2. A deadline of 0 ends with the second of the pull."""
    await queue.publish("t", "a")
    path = "/subscriptions/s:modifyAckDeadline"
    await queue.request("POST", path, json={"ackDeadlineSeconds": 0})
    await queue.pull("s")

    pulled_in = int(time.time())
    await eventually(lambda: int(time.time()) > pulled_in)
    for _ in range(2):
        assert_error(await queue.acknowledge("s", 0), 408, "ack timeout")
    assert (await queue.offsets())["current"] == 0
    # The deadline holds at once, also for a pull that was before (4.8).
    await queue.request("POST", path, json={"ackDeadlineSeconds": 600})
    object_in(await queue.acknowledge("s", 0))


async def test_a_pull_starts_the_deadline_anew(queue: Project) -> None:
    """Contract: ams-core 6.2."""
    await queue.publish("t", "a")
    path = "/subscriptions/s:modifyAckDeadline"
    await queue.request("POST", path, json={"ackDeadlineSeconds": 0})
    await queue.pull("s")
    pulled_in = int(time.time())
    await eventually(lambda: int(time.time()) > pulled_in)

    async def in_time() -> bool:
        await queue.pull("s")
        return (await queue.acknowledge("s", 0)).status_code == 200

    await eventually(in_time)


async def test_moving_the_offset_forgets_the_batch(queue: Project) -> None:
    """Contract: ams-core 6.4."""
    await queue.publish("t", *"ab")
    await queue.pull("s", 2)
    await queue.request("POST", "/subscriptions/s:modifyOffset", json={"offset": 0})
    assert_error(await queue.acknowledge("s", 1), 500, NOTHING_PENDING)
