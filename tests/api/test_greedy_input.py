"""Bodies that are made to cost much: long ones, and those of very many values."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from tests.api.bare import connection, exchange, head, read_answer, send
from tests.api.client import Project, object_in
from tests.api.test_bad_input import (
    BROKEN,
    ODD,
    WITH_BODY,
    assert_harmless,
    paths,
    remove,
    target,
)
from tests.node import Node

#: Limits of the broker, in bytes.
MAX_REQUEST = 64 * 1024 * 1024
MAX_BODY = 1024 * 1024


@pytest.mark.parametrize("route", WITH_BODY)
async def test_a_body_over_the_limit_is_413_before_it_is_sent(place: Project, route: str) -> None:
    method, path = await target(place, route)
    limit = MAX_REQUEST if route == "topics:publish" else MAX_BODY
    for length in (limit + 1, MAX_REQUEST + 1, 10**18):
        answer = await exchange(place.node, head(method, path, {"Content-Length": length}))
        answer.assert_is_error(413)
    await remove(place, route, path, answer)


@pytest.mark.parametrize("route", [name for name in WITH_BODY if name != "topics:publish"])
async def test_a_chunked_body_over_the_limit_is_413(place: Project, route: str) -> None:
    method, path = await target(place, route)
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    async with connection(place.node) as (reader, writer):
        writer.write(head(method, path, {"Transfer-Encoding": "chunked"}))
        answer = asyncio.create_task(read_answer(reader))
        with contextlib.suppress(ConnectionError):
            for _ in range(MAX_BODY // 65_536 + 1):
                writer.write(chunk)
                await writer.drain()
        (await answer).assert_is_error(413)
    await remove(place, route, path, answer.result())


async def test_a_chunked_publish_over_the_limit_is_413(place: Project) -> None:
    method, path = paths(place)["topics:publish"]
    chunk = b"100000\r\n" + b" " * 1_048_576 + b"\r\n"
    async with connection(place.node) as (reader, writer):
        writer.write(head(method, path, {"Transfer-Encoding": "chunked"}))
        answer = asyncio.create_task(read_answer(reader))
        with contextlib.suppress(ConnectionError):
            for _ in range(MAX_REQUEST // 1_048_576 + 1):
                writer.write(chunk)
                await writer.drain()
        (await answer).assert_is_error(413)


async def test_a_chunked_body_is_read_as_any_other(place: Project) -> None:
    method, path = paths(place)["topics:publish"]
    body = b'5\r\n{"mes\r\nb\r\nsages": []}\r\n0\r\n\r\n'
    request = head(method, path, {"Transfer-Encoding": "chunked"}) + body
    answer = await exchange(place.node, request)
    assert (answer.status, answer.body) == (200, b'{"messageIds":[]}')


async def test_nobody_unknown_has_a_body_read(place: Project) -> None:
    method, path = paths(place)["topics:publish"]
    headers = {"Content-Length": MAX_REQUEST, "x-api-key": "unknown"}
    answer = await exchange(place.node, head(method, path, headers))
    answer.assert_is_error(401)


MILLIONS = 2_000_000
#: Publishes within the limit of a request whose values would take gigabytes.
GREEDY = {
    "numbers": b'{"messages": [' + b"0," * MILLIONS + b"0]}",
    "objects": b'{"messages": [' + b"{}," * MILLIONS + b"{}]}",
    "lists": b'{"messages": [' + b"[]," * MILLIONS + b"[]]}",
    "attributes": b'{"messages": [{"data": "", "attributes": {%b}}]}'
    % b",".join(b'"%d":""' % number for number in range(1_000_000)),
    "unknown": b'{"unknown": [' + b"[0]," * MILLIONS + b"0]}",
    "commas in a text": b'{"messages": [{"data": "' + b"," * (2 * MILLIONS) + b'"}]}',
    "quotes and commas, cut off": b'{"messages": [{"data": "' + rb"\"" * MILLIONS + b"," * MILLIONS,
    "strings and commas": b'""' * MILLIONS + b'"",' * MILLIONS,
    "backslashes": b'["' + b"\\" * MILLIONS + b"," * MILLIONS + b"\\",
    "deep": b"[" * (4 * MILLIONS),
}


#: What others may have to wait for while one body is looked at, in seconds. It takes a tenth of it.
LONGEST_PAUSE_SECONDS = 5.0


def resident_megabytes(node: Node) -> float:
    """Resident memory of the broker (proc(5))."""
    text = Path(f"/proc/{node.process.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


async def test_memory_does_not_grow_with_what_was_refused(queue: Project) -> None:
    """One round shows what a request may take; further ones must find that room again.

    The allocator keeps some of what it was given back, and pieces of it in use: the bound is the
    size of one request body, where each round sends that much and more.
    """
    node = queue.node
    method, path = paths(queue)["topics:publish"]

    async def round_() -> None:
        for body in GREEDY.values():
            answer = await send(node, method, path, body)
            assert answer.status < 500, answer.body
        for kind in ("deep lists", "deep objects"):
            await assert_harmless(queue, "subscriptions:acknowledge", BROKEN[kind])
        for kind in ("many names", "many projects", "many users"):
            await assert_harmless(queue, "users:create", ODD[kind])
        too_long = [
            exchange(node, head(method, path, {"Content-Length": 10**9})) for _ in range(50)
        ]
        for answer in await asyncio.gather(*too_long):
            answer.assert_is_error(413)

    await round_()
    before = resident_megabytes(node)
    for _ in range(2):
        await round_()
    assert resident_megabytes(node) - before < MAX_REQUEST / 2**20


async def test_other_clients_are_served_meanwhile(queue: Project) -> None:
    """The time a body takes grows with its length alone, and not with its square."""
    method, path = paths(queue)["topics:publish"]
    for body in GREEDY.values():
        bad = asyncio.create_task(send(queue.node, method, path, body))
        while not bad.done():
            async with asyncio.timeout(LONGEST_PAUSE_SECONDS):
                object_in(await queue.request("GET", "/topics/t"))
        assert (await bad).status < 500


@pytest.mark.parametrize(
    ("text", "status"),
    [
        # Beyond the limit of values only where text is taken for values.
        (b"," * 600_000, 200),
        (b'{\\"[,' * 200_000, 200),
        (b"\\\\" * 300_000 + b'","unknown": "' + b"," * 600_000, 200),
        (b'x","unknown": [' + b"0," * 600_000 + b'0], "other": "', 413),
        (b'\\\\","unknown": [' + b"0," * 600_000 + b'0], "other": "', 413),
    ],
)
async def test_commas_in_a_text_are_no_values(queue: Project, text: bytes, status: int) -> None:
    body = b'{"messages": [{"data": "%b"}]}' % (text + b" " * 500_000)
    answer = await send(queue.node, "POST", f"/v1/projects/{queue.name}/topics/t:publish", body)
    assert (answer.status, answer.body[:60]) == (status, answer.body[:60])
