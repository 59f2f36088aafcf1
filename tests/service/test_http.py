"""How the HTTP kit reads requests, answers and logs them (contract: ams-core 1)."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from tests.eventually import eventually
from tests.service.service import JSON, MAX_BODY, TOPIC, Service, error, read_answer

PUBLISH = f"{TOPIC}:publish".encode()
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TOO_LARGE = error(413, "Message size is too large", "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain; charset=nonsense",
    ],
)
async def test_body_is_read_whatever_its_content_type(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = await client.post(f"{TOPIC}:publish", content=b"a=b&c", headers=headers)
    assert reply.json() == {"length": 5}


async def test_chunked_body_is_read(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    reply = await client.post(f"{TOPIC}:publish", content=parts())
    assert reply.json() == {"length": 100_000}


async def test_continue_is_sent_when_the_body_is_wanted(service: Service) -> None:
    head = f"POST {TOPIC}:publish HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with service.connection() as (reader, writer):
        writer.write(head.encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await read_answer(reader)).body == b'{"length":3}'


async def test_continue_is_not_sent_for_a_body_nobody_wants(service: Service) -> None:
    head = f"Expect: 100-continue\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
    answer = await service.send(f"POST {TOPIC}:publish HTTP/1.1\r\n{head}".encode())
    assert (answer.status, json.loads(answer.body)) == (413, TOO_LARGE)
    head = "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    answer = await service.send(f"POST /v1/unread HTTP/1.1\r\n{head}".encode())
    assert (answer.status, answer.headers["connection"]) == (403, "close")


async def test_body_may_be_as_long_as_the_setting_says(client: httpx.AsyncClient) -> None:
    reply = await client.post(f"{TOPIC}:publish", content=b"x" * MAX_BODY)
    assert reply.json() == {"length": MAX_BODY}


async def test_body_that_is_too_long_is_refused_before_it_is_sent(service: Service) -> None:
    head = f"POST {TOPIC}:publish HTTP/1.1\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
    answer = await service.send(head.encode())
    assert (answer.status, json.loads(answer.body)) == (413, TOO_LARGE)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("chunked", [False, True])
async def test_client_that_sends_too_much_gets_to_read_the_answer(
    client: httpx.AsyncClient, chunked: bool
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * MAX_BODY

    content = parts() if chunked else b"x" * (100 * MAX_BODY)
    reply = await client.post(f"{TOPIC}:publish", content=content)
    assert (reply.status_code, reply.json()) == (413, TOO_LARGE)


async def test_body_that_a_handler_left_unread_is_no_next_request(service: Service) -> None:
    body = b"GET /v1/state HTTP/1.1\r\n\r\n"
    head = f"POST /v1/unread HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with service.connection() as (reader, writer):
        writer.write(head + body)
        assert (await read_answer(reader)).status == 403
        writer.write(b"GET /v1/empty HTTP/1.1\r\n\r\n")
        assert (await read_answer(reader)).body == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/empty HTTP/9.9\r\n\r\n", 400),
        (b"GET /v1/empty HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET v1/empty HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/\xc3\xa9 HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/empty HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /v1/empty HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/empty HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST " + PUBLISH + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST /v1/empty HTTP/1.1\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /v1/empty HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET http://host HTTP/1.1\r\n\r\n", 404),
        (b"GET * HTTP/1.1\r\n\r\n", 404),
    ],
)
async def test_broken_request_is_answered_with_json(
    service: Service, request_: bytes, status: int
) -> None:
    answer = await service.send(request_)
    assert answer.status == status
    assert answer.headers["content-type"] == JSON
    assert json.loads(answer.body)["error"]["code"] == status
    assert answer.headers["connection"] == "close" or status == 404


async def test_broken_request_harms_no_other(service: Service, client: httpx.AsyncClient) -> None:
    await service.send(b"nonsense\r\n\r\n")
    assert (await client.get("/v1/empty")).status_code == 200


async def test_empty_body_has_a_content_type(client: httpx.AsyncClient) -> None:
    """Contract: ams-core 1.10."""
    reply = await client.get("/v1/empty")
    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, b"", JSON)


async def test_client_that_speaks_tls_to_the_plain_port_is_told_at_once(service: Service) -> None:
    """Contract: ams-core 1.1; clients of the reference know nothing but HTTPS."""
    answer = await service.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert answer.status == 400
    assert answer.json() == error(400, "This port takes plain HTTP, not HTTPS", "BAD_REQUEST")


async def test_header_value_cannot_start_another_header(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/big/1")
    assert reply.headers["x-evil"] == "ab: c"
    assert "b" not in reply.headers


async def test_long_answer_arrives_at_a_slow_reader(service: Service) -> None:
    size = 20_000_000
    async with service.connection() as (reader, writer):
        writer.write(f"GET /v1/big/{size} HTTP/1.1\r\n\r\nGET /v1/empty HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        left = size
        while left:
            left -= len(await reader.read(min(left, 65_536)))
        assert (await read_answer(reader)).body == b""


async def test_requests_of_one_connection_are_answered_in_order(service: Service) -> None:
    async with service.connection() as (reader, writer):
        for name in "abc":
            writer.write(f"GET /v1/users/{name} HTTP/1.1\r\n\r\n".encode())
        names = [json.loads((await read_answer(reader)).body)["user"] for _ in range(3)]
    assert names == ["a", "b", "c"]


async def test_unexpected_error_is_a_500_that_tells_nothing_but_where_to_look(
    service: Service, client: httpx.AsyncClient
) -> None:
    reply = await client.get("/v1/broken", headers={"X-Request-Id": "find-me"})
    assert reply.status_code == 500
    assert reply.json()["error"]["status"] == "INTERNAL_SERVER_ERROR"
    assert "find-me" in reply.json()["error"]["message"]
    assert "nobody's business" not in reply.text
    line = await service.line(type="service_log", trace_id="find-me")
    assert "RuntimeError: nobody's business" in line["exception"]
    assert line["level"] == "error"


async def test_every_answer_has_a_trace_id_of_its_own(client: httpx.AsyncClient) -> None:
    """Who looks for one by its beginning finds no other."""
    answers = [await client.get(path) for path in ("/v1/empty", "/nothing") * 50]
    names = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch(UUID4, name) for name in names)
    assert len({name[:8] for name in names}) == len(names)


@pytest.mark.parametrize(
    ("given", "kept"), [("a.B_c-1", True), ("x" * 64, True), ("x" * 65, False), ("a b", False)]
)
async def test_trace_id_of_the_client_is_kept_if_it_is_well_formed(
    client: httpx.AsyncClient, given: str, kept: bool
) -> None:
    reply = await client.get("/v1/empty", headers={"X-Request-Id": given})
    assert (reply.headers["x-request-id"] == given) is kept


async def test_request_is_logged_in_one_line(service: Service, client: httpx.AsyncClient) -> None:
    """Contract: ams-users-metrics 12."""
    await client.get(f"{TOPIC}?key=secret", headers={"X-Request-Id": "logged"})
    line = await service.line(type="request_log", trace_id="logged")
    assert line.pop("processing_time") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "type": "request_log",
        "trace_id": "logged",
        "method": "GET",
        "path": TOPIC,
        "action": "topics:show",
        "requester": "somebody",
        "status_code": 200,
    }


async def test_error_is_logged_with_its_message(
    service: Service, client: httpx.AsyncClient
) -> None:
    await client.post("/v1/unread", headers={"X-Request-Id": "refused"})
    line = await service.line(type="request_log", trace_id="refused")
    assert line["status_code"] == 403
    assert line["msg"] == "Access to this resource is forbidden"


async def test_token_in_a_path_is_never_logged(service: Service, client: httpx.AsyncClient) -> None:
    # Without the digits that made-up ids of requests have, which are in the log too.
    paths = ["uvwxyz", "uvwxyz/", "uvw%78yz", "uvwxyz.", "%75vwxyz?key=uvwxyz"]
    for number, path in enumerate(paths):
        headers = {"X-Request-Id": f"token-{number}"}
        await client.request("GET", f"/v1/users:byToken/{path}", headers=headers)
        await client.options(f"/v1/users:byToken/{path}", headers=headers)
        await client.post(f"/v1/users%3AbyToken/{path}", headers=headers)
    line = await service.line(trace_id=f"token-{len(paths) - 1}", method="POST")
    assert line["path"] == "/v1/users:byToken/<token>"
    assert "vwxyz" not in service.process.log()


@pytest.mark.parametrize(
    "path",
    [
        "//v1/users:byToken/secret",
        "/v1//users:byToken/secret",
        "/v1/./users:byToken/secret",
        "/v1/users/../users:byToken/secret",
        "/v1/users:byToken//secret",
        "/v1/users:byToken/x/../secret",
        "/v1/users:bytoken/secret",
        "/v1/users:byToken;secret",
    ],
)
async def test_token_in_a_path_that_is_almost_right_is_not_logged(
    service: Service, path: str
) -> None:
    name = uuid4().hex
    await service.send(f"GET {path} HTTP/1.1\r\nX-Request-Id: {name}\r\n\r\n".encode())
    line = await service.line(type="request_log", trace_id=name)
    assert line["status_code"] in (301, 404)
    assert "secret" not in line["path"]


async def test_token_in_a_url_that_cannot_be_read_is_not_logged(service: Service) -> None:
    head = "GET v1/empty?key=hidden HTTP/1.1\r\nX-Request-Id: bad-url\r\n\r\n"
    answer = await service.send(head.encode())
    assert (answer.status, answer.json()) == (400, error(400, "Bad URL", "BAD_REQUEST"))
    await service.line(type="request_log", status_code=400, msg="Bad URL")
    assert "hidden" not in service.process.log()
    answer = await service.send(b"nonsense\r\n\r\n")
    assert answer.json() == error(400, "Bad Request", "BAD_REQUEST")


async def test_client_that_goes_away_cancels_its_request(
    service: Service, client: httpx.AsyncClient
) -> None:
    async with service.connection() as (_, writer):
        writer.write(b"GET /v1/wait HTTP/1.1\r\nX-Request-Id: gone\r\n\r\n")
        await service.line(msg="waiting", trace_id="gone")
        cancelled = (await client.get("/v1/state")).json()["cancelled"]

    async def is_cancelled() -> bool:
        return bool((await client.get("/v1/state")).json()["cancelled"] == cancelled + 1)

    await eventually(is_cancelled)
    line = await service.line(type="request_log", trace_id="gone")
    assert line["status_code"] == 499
    assert service.lines(level="error", trace_id="gone") == []


async def test_client_that_resets_its_connection_cancels_its_request(service: Service) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as bare:
        bare.setblocking(False)
        await loop.sock_connect(bare, ("127.0.0.1", service.port))
        await loop.sock_sendall(bare, b"GET /v1/wait HTTP/1.1\r\nX-Request-Id: reset\r\n\r\n")
        await service.line(msg="waiting", trace_id="reset")
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert (await service.line(type="request_log", trace_id="reset"))["status_code"] == 499


async def test_health_tells_that_the_process_lives(client: httpx.AsyncClient) -> None:
    reply = await client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


async def test_metrics_are_those_of_prometheus(client: httpx.AsyncClient) -> None:
    reply = await client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "process_cpu_seconds_total" in reply.text
