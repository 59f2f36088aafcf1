"""Requests that mean nothing: paths, methods, tokens, and what is no HTTP."""

import pytest

from tests.api.bare import exchange, head, send
from tests.api.client import JSON, Project
from tests.api.test_bad_input import paths
from tests.node import SERVICE_TOKEN


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


@pytest.mark.parametrize(("first", "second", "status"), [("{}", "x", 200), ("x", "{}", 401)])
async def test_of_two_tokens_in_the_header_the_first_counts(
    place: Project, first: str, second: str, status: int
) -> None:
    """Contract: ams-users-metrics 2.1."""
    lines = f"x-api-key: {first}\r\nX-Api-Key: {second}\r\n".replace("{}", SERVICE_TOKEN)
    request = f"GET /v1/projects HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode()
    assert (await exchange(place.node, request)).status == status


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
        b"2\r\n{}xx0\r\n\r\n",
    ],
)
async def test_a_broken_chunk_is_the_clients_fault(place: Project, body: bytes) -> None:
    method, path = paths(place)["topics:publish"]
    request = head(method, path, {"Transfer-Encoding": "chunked"}) + body
    (await exchange(place.node, request)).assert_is_error()
