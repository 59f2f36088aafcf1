"""Whatever a client sends, it gets an answer it can read, and nobody else notices."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ams.api.app import ROUTES
from tests.api.bare import Answer, connection, exchange, head, read_answer, send
from tests.api.client import JSON, Project, new_name, object_in
from tests.node import Node

#: Limits of the broker, in bytes.
MAX_REQUEST = 64 * 1024 * 1024
MAX_BODY = 1024 * 1024
#: The contract's faults of a client that are answered as ours (contract: O-31).
ACK_FAULTS = {"no ack pending", "wrong ack"}


@pytest_asyncio.fixture(scope="module")
async def place(node: Node) -> AsyncIterator[Project]:
    """A project with a topic and a subscription, for all tests that break nothing in it."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    yield project
    assert object_in(await node.request("GET", "/healthz", token=None)) == {"status": "ok"}
    await project.remove()


def paths(place: Project) -> dict[str, tuple[str, str]]:
    """Method and path of every route, by its name."""
    values = {"project": place.name, "topic": "t", "subscription": "s", "user": "nobody"}
    return {
        route: (
            method,
            re.sub(r"<(\w+)>", lambda m: values[m[1]], path) + (f":{verb}" * bool(verb)),
        )
        for path, actions in ROUTES.items()
        for (method, verb), (route, _) in actions.items()
    }


ROUTE_NAMES = [name for actions in ROUTES.values() for name, _ in actions.values()]
#: Routes that read a body, and would change something if they liked it.
WITH_BODY = [
    "users:create",
    "projects:create",
    "topics:create",
    "topics:publish",
    "topics:modifyAcl",
    "topics:modifyRetention",
    "subscriptions:create",
    "subscriptions:pull",
    "subscriptions:acknowledge",
    "subscriptions:modifyOffset",
    "subscriptions:modifyAckDeadline",
    "subscriptions:modifyAcl",
]

DEEP = 100_000
#: Bodies that no route likes.
BROKEN = {
    "empty": b"",
    "blank": b" \n\t ",
    "no JSON": b"key=value&other=1",
    "XML": b"<?xml version='1.0'?><a/>",
    "cut off": b'{"messages": [{"data": "x"',
    "cut off in a text": b'{"description": "x',
    "cut off in an escape": b'{"description": "\\u00',
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "comment": b"{} // nothing",
    "two values": b"{} {}",
    "a number": b"7",
    "a text": b'"text"',
    "a list": b"[]",
    "a list of objects": b"[{}]",
    "true": b"true",
    "NaN": b'{"offset": NaN}',
    "Infinity": b'{"offset": -Infinity}',
    "leading zero": b'{"offset": 007}',
    "plus sign": b'{"offset": +7}',
    "NUL": b"\x00",
    "NUL after the value": b"{}\x00",
    "NUL in a text": b'{"description": "\x00"}',
    "line break in a text": b'{"description": "a\nb"}',
    "UTF-16": '{"description": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep, cut off": b"[" * DEEP,
}
#: Bodies that a route may like or not.
ODD = {
    "deep under an unknown name": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "invalid UTF-8": b'{"description": "\xff"}',
    "overlong UTF-8": b'{"description": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"description": "\xed\xa0\x80"}',
    "NUL, escaped": b'{"description": "\\u0000", "email": "\\u0000", "data": "\\u0000"}',
    "lone surrogates": b'{"description": "\\ud800", "email": "\\udfff\\ud800", "topic": "\\ud83d"}',
    "lone surrogates in names": b'{"\\ud800": 1, "\\udc00description": "x"}',
    "lone surrogates in lists": (
        b'{"authorized_users": ["\\ud800"], "ackIds": ["\\udfff"], "service_roles": ["\\ud800"],'
        b' "messages": [{"data": "\\ud800", "attributes": {"\\ud800": "\\udfff"}}]}'
    ),
    "lone surrogates in references": (
        b'{"topic": "projects/\\ud800/topics/\\udfff", "projects": [{"project": "\\ud800"}]}'
    ),
    "NUL in lists": (
        b'{"authorized_users": ["\\u0000"], "ackIds": ["\\u0000"], "service_roles": ["\\u0000"],'
        b' "projects": [{"project": "\\u0000"}], "topic": "projects/\\u0000/topics/\\u0000"}'
    ),
    "beyond 64 bits": b'{"offset": 1%b, "ackDeadlineSeconds": 1%b, "maxMessages": 1%b}'
    % ((b"0" * 30,) * 3),
    "thousands of digits": b'{"offset": 1%b, "ackDeadlineSeconds": -1%b, "maxMessages": 1%b}'
    % ((b"0" * 4999,) * 3),
    "300 digits": b'{"offset": -1%b, "ackDeadlineSeconds": 1%b, "maxMessages": 1%b}'
    % ((b"0" * 299,) * 3),
    "text of many digits": b'{"maxMessages": "%b", "messageRetentionBytes": "%b"}'
    % ((b"9" * 5000,) * 2),
    "huge exponent": b'{"offset": 1e999, "ackDeadlineSeconds": -1e999, "maxMessages": 1e99}',
    "floats": b'{"offset": 1.0, "ackDeadlineSeconds": 1.5, "maxMessages": 2.0}',
    "minus zero": b'{"offset": -0, "ackDeadlineSeconds": -0, "maxMessages": -0}',
    "duplicate names": b'{"description": 1, "description": "x", "offset": "x", "offset": 0}',
    "names that differ in letter case": b'{"Offset": 0, "oFFSET": "x", "offset": [], "OFFSET": 0}',
    "a name of dotless i": '{"descr\u0131ption": 7, "DESCR\u0130PTION": 7, "\u212a": 1}'.encode(),
    "empty name": b'{"": ""}',
    "long name": b'{"' + b"x" * 500_000 + b'": 1}',
    "long text": b'{"description": "' + b"x" * 500_000 + b'"}',
    "many names": b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}",
    "many nulls": b'{"ackIds": [' + b",".join([b"null"] * 150_000) + b"]}",
    "many users": b'{"authorized_users": [' + b",".join([b'"nobody"'] * 90_000) + b"]}",
    "many projects": b'{"projects": [' + b",".join([b"{}"] * 300_000) + b"]}",
    "many roles": b'{"service_roles": [' + b",".join([b'"service_admin"'] * 50_000) + b"]}",
}


async def assert_harmless(place: Project, route: str, body: bytes) -> Answer:
    """The broker answers, and it is either a success or an error of the client's."""
    method, path = paths(place)[route]
    if route.endswith(":create"):
        path = f"{path}-{new_name('x')}"
    answer = await send(place.node, method, path, body)
    if answer.status == 500:
        assert answer.message in ACK_FAULTS
    elif answer.status != 200:
        answer.assert_is_error()
    if route in ("users:create", "projects:create") and answer.status == 200:
        await place.node.request("DELETE", path)
    return answer


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_body_is_400(place: Project, kind: str) -> None:
    for route in WITH_BODY:
        answer = await assert_harmless(place, route, BROKEN[kind])
        if (route, kind) != ("topics:create", "empty"):  # Contract: ams-core 3.2.
            assert (answer.status, route) == (400, route)


@pytest.mark.parametrize("kind", ODD)
async def test_an_odd_body_is_no_fault_of_ours(place: Project, kind: str) -> None:
    for route in WITH_BODY:
        await assert_harmless(place, route, ODD[kind])


@pytest.mark.parametrize("body", [b"", b"{}", b'""', b"[", b"\x00\xff", b"x" * 100_000])
async def test_where_no_body_is_needed_none_is_read(place: Project, body: bytes) -> None:
    """Contract: ams-users-metrics 1.6. The connection goes on with the next request."""
    for route, (method, path) in paths(place).items():
        if route in WITH_BODY or method == "DELETE":
            continue
        async with connection(place.node) as (reader, writer):
            request = head(method, path, {"Content-Length": len(body)}) + body
            writer.write(request + head("GET", "/v1/version"))
            first, second = await read_answer(reader), await read_answer(reader)
        assert first.status < 500, (route, first.body)
        assert second.status == 200


# Names that bodies know; where they stand and what they hold is left to chance.
NAMES = st.sampled_from(
    [
        *("messages", "data", "attributes", "messageId", "publishTime", "MESSAGES", "Data"),
        *("maxMessages", "returnImmediately", "ackIds", "offset", "ackDeadlineSeconds"),
        *("topic", "pushConfig", "retryPolicy", "period", "type", "authorized_users"),
        *("messageRetentionBytes", "messageRetentionDuration"),
        *("name", "description", "email", "service_roles", "projects", "project", "roles"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-1, max_value=700)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["service_admin", "consumer", "true", "1", "5s", "projects/p/topics/t"])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("route", WITH_BODY)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(value=st.dictionaries(NAMES, VALUES, max_size=5) | VALUES)
async def test_random_json_is_no_fault_of_ours(place: Project, route: str, value: object) -> None:
    # This writes NaN and lone surrogates, which are no JSON: all the better.
    await assert_harmless(place, route, json.dumps(value).encode())


@pytest.mark.parametrize("route", WITH_BODY)
async def test_a_body_over_the_limit_is_413_before_it_is_sent(place: Project, route: str) -> None:
    method, path = paths(place)[route]
    limit = MAX_REQUEST if route == "topics:publish" else MAX_BODY
    for length in (limit + 1, MAX_REQUEST + 1, 10**18):
        answer = await exchange(place.node, head(method, path, {"Content-Length": length}))
        answer.assert_is_error(413)


@pytest.mark.parametrize("route", [name for name in WITH_BODY if name != "topics:publish"])
async def test_a_chunked_body_over_the_limit_is_413(place: Project, route: str) -> None:
    method, path = paths(place)[route]
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    async with connection(place.node) as (reader, writer):
        writer.write(head(method, path, {"Transfer-Encoding": "chunked"}))
        answer = asyncio.create_task(read_answer(reader))
        with contextlib.suppress(ConnectionError):
            for _ in range(MAX_BODY // 65_536 + 1):
                writer.write(chunk)
                await writer.drain()
        (await answer).assert_is_error(413)


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


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        # Contract: ams-core 1.1 and 1.7.
        ("GET", "/v1/projects/p%20", 400, "Invalid project name"),
        ("GET", "/v1/projects/p%0A", 400, "Invalid project name"),
        ("GET", "/v1/projects/p%00", 400, "Invalid project name"),
        ("GET", "/v1/projects/%C3%A9", 400, "Invalid project name"),
        ("GET", "/v1/projects/%FF", 400, "Invalid project name"),
        ("GET", "/v1/projects/%ED%A0%80", 400, "Invalid project name"),
        ("GET", "/v1/projects/%zz", 400, "Invalid project name"),
        ("GET", "/v1/projects/%", 400, "Invalid project name"),
        ("GET", "/v1/projects/p.q", 400, "Invalid project name"),
        ("GET", "/v1/projects/'%20OR%201=1--", 400, "Invalid project name"),
        ("GET", f"/v1/projects/{'n' * 255}", 404, "project doesn't exist"),
        ("GET", f"/v1/projects/{'n' * 256}", 400, "Invalid project name"),
        ("GET", f"/v1/projects/{'n' * 8000}", 400, "Invalid project name"),
        ("GET", "/v1/projects/{p}/topics/t%0A", 400, "Invalid topic name"),
        ("PUT", "/v1/projects/{p}/topics/t%2Fu", 404, "Not Found"),
        ("PUT", f"/v1/projects/{{p}}/topics/{'n' * 256}", 400, "Invalid topic name"),
        ("PUT", f"/v1/projects/{{p}}/subscriptions/{'n' * 256}", 400, "Invalid subscription name"),
        ("POST", f"/v1/users/{'n' * 256}", 400, "Invalid user name"),
        ("GET", "/v1/projects/{p}/topics/", 404, "Not Found"),
        ("GET", "/v1/users/", 404, "Not Found"),
        ("GET", "/v2/projects", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
        # An unknown verb: part of the name where the method has a plain route, else no route.
        ("POST", "/v1/projects/{p}/topics/t:foo", 404, "Not Found"),
        ("POST", "/v1/projects/{p}/subscriptions/s:modifyPushStatus", 404, "Not Found"),
        ("GET", "/v1/projects/{p}/topics/t:foo", 400, "Invalid topic name"),
        ("PUT", "/v1/projects/{p}/topics/t:foo", 400, "Invalid topic name"),
        ("POST", "/v1/users/x:foo", 400, "Invalid user name"),
        ("POST", "/v1/projects/{p}/topics/t:", 404, "Not Found"),
        ("POST", "/v1/projects/{p}/topics/:publish", 400, "Invalid topic name"),
        ("POST", "/v1/projects/{p}/topics/t:publish:publish", 400, "Invalid topic name"),
        ("POST", "/v1/projects/{p}/topics/t:PUBLISH", 404, "Not Found"),
    ],
)
async def test_a_path_of_nothing_says_why(
    place: Project, method: str, path: str, status: int, message: str
) -> None:
    answer = await send(place.node, method, path.replace("{p}", place.name))
    answer.assert_is_error(status)
    assert answer.message == message


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "BREW"])
async def test_a_wrong_method_is_405_and_tells_the_right_ones(place: Project, method: str) -> None:
    """Contract: decision 6, O-1. HEAD is not implied by GET (ams-core 1.1)."""
    known = set(paths(place).values())
    for path in {path for _, path in known}:
        if (method, path) in known:
            continue
        answer = await send(place.node, method, path)
        assert (answer.status, path) == (405, path)
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed == {m for m, p in known if p == path}
        assert answer.headers["content-type"] == JSON
        if method != "HEAD":
            answer.assert_is_error(405)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("/v1//projects", "/v1/projects"),
        ("//v1/projects", "/v1/projects"),
        ("/v1////projects/P/topics/T?a=b%20c&d", "/v1/projects/P/topics/T?a=b%20c&d"),
        ("/v1/./projects", "/v1/projects"),
        ("/v1/users/../projects", "/v1/projects"),
        ("/../../../etc/passwd", "/etc/passwd"),
        ("/v1/%2E%2E/v1/projects", "/v1/projects"),
        ("//evil.example.org/", "/evil.example.org/"),
        ("/\\evil.example.org//", "/%5Cevil.example.org/"),
        ("/v1//a%0D%0AX-Evil:b", "/v1/a%0D%0AX-Evil:b"),
    ],
)
async def test_a_path_with_empty_or_dotted_segments_is_moved(
    place: Project, path: str, clean: str
) -> None:
    """Contract: ams-core 1.1, ams-users-metrics 1.1, for every method; never to another host."""
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = await send(place.node, method, path)
        assert (answer.status, answer.headers["location"], answer.body) == (301, clean, b"")


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b" ",
        b"x",
        b"x" * 15_000,
        b"0" * 64,
        b"\xe9",
        "\u00e9\u4e2d".encode(),
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"' OR 1=1 --",
        b"a\tb",
        b"%00",
    ],
)
async def test_a_bad_token_is_401(place: Project, token: bytes) -> None:
    for header in (b"x-api-key: ", b"authorization: Bearer "):
        request = b"GET /v1/projects HTTP/1.1\r\nhost: x\r\n" + header + token + b"\r\n\r\n"
        (await exchange(place.node, request)).assert_is_error(401)


@pytest.mark.parametrize(
    "token",
    ["", "%00", "%FF", "%ED%A0%80", "%", "%zz", "x" * 15_000, "%C3%A9", "+", "&key=", "a;b"],
)
async def test_a_bad_token_in_the_query_is_401(place: Project, token: str) -> None:
    request = f"GET /v1/projects?key={token} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    (await exchange(place.node, request)).assert_is_error(401)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /v1/projects HTTP/1.1\r\nx-api-key: a\x00b\r\n\r\n",
        b"GET /v1/projects HTTP/1.1\r\nx-api-key: " + b"x" * 40_000 + b"\r\n\r\n",
        b"GET /v1/projects?key=\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /v1/projects?pageSize=\x00 HTTP/1.1\r\n\r\n",
        b"GET /v1/projects/\xff HTTP/1.1\r\n\r\n",
        b"GET /v1/projects/\xc3\xa9?key=\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/projects HTTP/9.9\r\n\r\n",
        b"GET /v1/projects\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
        b"GET http://other.example.org/v1/projects HTTP/1.1\r\n\r\n",
        b"POST /v1/projects/p HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/projects/p HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/projects/p HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n",
        b"POST /v1/projects/p HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /v1/projects/p HTTP/1.1\r\nExpect: nonsense\r\n\r\n",
        b"GET /v1/projects HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /v1/projects HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /v1/projects HTTP/1.1\r\nx-api-key: a\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    ],
)
async def test_a_broken_request_is_the_clients_fault(place: Project, request_: bytes) -> None:
    (await exchange(place.node, request_)).assert_is_error()


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"-5\r\n{}\r\n",
        b"5;" + b"x" * 70_000,
        b"ffffffffffffffffffff\r\n",
    ],
)
async def test_a_broken_chunk_is_the_clients_fault(place: Project, body: bytes) -> None:
    method, path = paths(place)["topics:publish"]
    request = head(method, path, {"Transfer-Encoding": "chunked"}) + body
    (await exchange(place.node, request)).assert_is_error()


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
    "deep": b"[" * (4 * MILLIONS),
}


def resident_megabytes(node: Node) -> float:
    """Resident memory of the broker (proc(5))."""
    text = Path(f"/proc/{node.process.pid}/status").read_text()
    found = re.search(r"^VmRSS:\s+(\d+) kB$", text, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


async def test_memory_does_not_grow_with_what_was_refused(queue: Project) -> None:
    """One round shows what a request may take; further ones must find that room again.

    The allocator keeps some of what it was given back, and pieces of it in use: the bound is the
    size of one request body, where each round sends two hundred megabytes.
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
    for _ in range(3):
        await round_()
    assert resident_megabytes(node) - before < MAX_REQUEST / 2**20


async def test_other_clients_are_served_meanwhile(queue: Project) -> None:
    """A body is looked at in a fraction of a second, however it is made."""
    method, path = paths(queue)["topics:publish"]
    for body in GREEDY.values():
        bad = asyncio.create_task(send(queue.node, method, path, body))
        while not bad.done():
            async with asyncio.timeout(5):
                object_in(await queue.request("GET", "/topics/t"))
        assert (await bad).status < 500
