"""Receivers that do what they should not."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from tests.api.client import Project
from tests.eventually import eventually
from tests.push.endpoints import OTHER_HOST, Behaviour, Delivery, Endpoints, accept, says
from tests.push.workers import push_to, shown

TEXTS = [f"message {number}" for number in range(8)]
#: Waits little after a failure.
IMPATIENT: dict[str, Any] = {"retryPolicy": {"type": "linear", "period": 100}}


class Hanging:
    """Says nothing until the other side goes; counts how often that has happened."""

    def __init__(self) -> None:
        self.given_up = 0

    async def __call__(self, _: Delivery, writer: asyncio.StreamWriter) -> str:
        await writer.wait_closed()
        self.given_up += 1
        return ""


async def slow(_: Delivery, __: asyncio.StreamWriter) -> str:
    await asyncio.sleep(0.1)
    return "200 OK"


async def close(_: Delivery, writer: asyncio.StreamWriter) -> str:
    writer.transport.abort()
    return ""


async def close_half_way(_: Delivery, writer: asyncio.StreamWriter) -> str:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.close()
    return ""


async def refuse_without_end(_: Delivery, writer: asyncio.StreamWriter) -> str:
    writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 100000000000\r\n\r\n")
    return await _write_for_ever(writer, b"no" * 4096)


async def accept_without_end(delivery: Delivery, writer: asyncio.StreamWriter) -> str:
    delivery.accepted = True
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    return await _write_for_ever(writer, b"2000\r\n" + b"y" * 0x2000 + b"\r\n")


async def _write_for_ever(writer: asyncio.StreamWriter, part: bytes) -> str:
    while not writer.is_closing():
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)  # Draining does not always let others have their turn.
    return ""


async def talk_nonsense(_: Delivery, writer: asyncio.StreamWriter) -> str:
    writer.write(b"\x00\xff nonsense\r\n\r\n" * 10)
    await writer.drain()
    writer.close()
    return ""


async def answer_by(status: str) -> str:
    return status


def by_turns(bad: Behaviour, good: Behaviour = accept, times: int = 1000) -> Behaviour:
    """Every other time something bad, so many times."""
    turn = itertools.count()

    async def behave(delivery: Delivery, writer: asyncio.StreamWriter) -> str:
        number = next(turn)
        return await (bad if number % 2 == 0 and number < 2 * times else good)(delivery, writer)

    return behave


BAD: dict[str, Callable[[], Behaviour]] = {
    "slow": lambda: slow,
    "hanging": lambda: by_turns(Hanging(), times=1),
    "closing": lambda: by_turns(close),
    "half-way": lambda: by_turns(close_half_way),
    "accepted": lambda: by_turns(lambda *_: answer_by("202 Accepted")),
    "redirecting": lambda: by_turns(lambda *_: answer_by("302 Found\r\nLocation: /good")),
    "failing": lambda: by_turns(lambda *_: answer_by("500 No")),
    "endless-no": lambda: by_turns(refuse_without_end),
    "endless-yes": lambda: accept_without_end,
    "nonsense": lambda: by_turns(talk_nonsense),
}


def in_order(texts: list[str]) -> bool:
    """Whether messages come in their order, though some come again."""
    numbers = [TEXTS.index(text) for text in texts]
    return all(b <= a + 1 for a, b in itertools.pairwise(numbers))


async def test_every_message_arrives_in_order_and_nobody_waits_for_another_receiver(
    project: Project, endpoints: Endpoints
) -> None:
    receivers = {name: endpoints.add(f"/{name}", make()) for name, make in BAD.items()}
    for name, endpoint in receivers.items():
        await push_to(project, endpoints, endpoint, name, **IMPATIENT)
    hanging = Hanging()
    never = endpoints.add("/never", hanging)
    await push_to(project, endpoints, never, "never", **IMPATIENT)
    good = endpoints.add("/good")
    await push_to(project, endpoints, good, "good")
    await project.publish("t", *TEXTS)
    await eventually(lambda: good.accepted == TEXTS)
    assert hanging.given_up == 0
    for name, endpoint in receivers.items():
        await eventually(lambda endpoint=endpoint: endpoint.accepted == TEXTS)  # type: ignore[misc]
        assert in_order(endpoint.got), name
        await eventually(partial(_all_acknowledged, project, name))
    assert (await project.offsets("never"))["current"] == 0
    assert never.accepted == []
    assert good.got == TEXTS


async def _all_acknowledged(project: Project, name: str) -> bool:
    return bool((await project.offsets(name))["current"] == len(TEXTS))


async def test_what_is_not_accepted_is_not_acknowledged_however_often(
    project: Project, endpoints: Endpoints
) -> None:
    endpoint = endpoints.add("/refusing", close)
    await push_to(project, endpoints, endpoint, maxMessages=3, **IMPATIENT)
    await project.publish("t", *TEXTS)
    await eventually(lambda: len(endpoint.deliveries) >= 4)
    assert (await project.offsets())["current"] == 0
    assert {tuple(each.texts) for each in endpoint.deliveries} == {tuple(TEXTS[:3])}
    statistics = (await shown(project))["pushStatistics"]
    assert statistics["deliveries"] == 0
    assert statistics["failures"] >= 3


async def test_receivers_that_hang_leave_room_for_others(
    project: Project, endpoints: Endpoints
) -> None:
    """Whoever names a hundred of them gets a part of the room only."""
    hanging = Hanging()
    for number in range(100):
        endpoint = endpoints.add(f"/hang-{number}", hanging)
        await push_to(project, endpoints, endpoint, f"hang-{number}", **IMPATIENT)
    await project.topic("other")
    good = endpoints.add("/good", host=OTHER_HOST)
    await push_to(project, endpoints, good, "good", topic="other")
    await project.publish("t", "stuck")
    await eventually(lambda: endpoints.connections >= 60)
    await project.publish("other", "x")
    await eventually(lambda: good.accepted == ["x"])
    assert hanging.given_up == 0


def in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("when", [lambda: "1", in_two_seconds], ids=["seconds", "date"])
async def test_a_receiver_says_when_to_come_again(
    project: Project, endpoints: Endpoints, status: str, when: Callable[[], str]
) -> None:
    turn = itertools.count()

    async def behave(_: Delivery, __: object) -> str:
        return "200 OK" if next(turn) else f"{status}\r\nRetry-After: {when()}"

    endpoint = endpoints.add("/later", behave)
    await push_to(project, endpoints, endpoint, **IMPATIENT)
    await project.publish("t", "x")
    await eventually(lambda: endpoint.accepted == ["x"])
    first, second = endpoint.deliveries
    assert second.at - first.at >= 0.9


@pytest.mark.parametrize(
    "said",
    [
        "",
        "-5",
        "1.5",
        "soon",
        "Mon, 01 Jan 2001 00:00:00 GMT",
        "Mon, 99999999999999999999 Jan 2024 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999999",
    ],
)
async def test_who_says_it_in_no_clear_way_is_asked_again_as_usual(
    project: Project, endpoints: Endpoints, said: str
) -> None:
    answers = iter([f"503 Busy\r\nRetry-After: {said}"] * 2)

    async def behave(_: Delivery, __: object) -> str:
        return next(answers, "200 OK")

    endpoint = endpoints.add("/unclear", behave)
    await push_to(project, endpoints, endpoint, **IMPATIENT)
    await project.publish("t", "x")
    await eventually(lambda: endpoint.accepted == ["x"])
    await eventually(partial(_has_failed, project, 2))


async def _has_failed(project: Project, times: int) -> bool:
    return bool((await shown(project))["pushStatistics"]["failures"] == times)


async def test_who_wants_to_be_left_alone_for_very_long_is(
    project: Project, endpoints: Endpoints
) -> None:
    """An hour at most, but that can't be waited for here."""
    endpoint = endpoints.add("/never", says(f"503 Busy\r\nRetry-After: {'9' * 400}"))
    await push_to(project, endpoints, endpoint, **IMPATIENT)
    await project.publish("t", "x")
    await eventually(partial(_has_failed, project, 1))
    await asyncio.sleep(0.5)  # Five times as long as it would wait by itself.
    assert len(endpoint.deliveries) == 1
