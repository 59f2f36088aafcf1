"""Requests of one connection that are alike: each is read as if it were the first."""

import pytest

from tests.service.service import TOPIC, Answer, Service, read_answer

PATH = f"{TOPIC}:publish".encode()
FIELDS = b"Host: localhost\r\nX-Request-Id: one\r\nContent-Length: 5\r\nX-Last: end"


def post(fields: bytes = FIELDS, line: bytes = b"POST " + PATH + b" HTTP/1.1") -> bytes:
    """A request up to its body."""
    return line + b"\r\n" + fields + b"\r\n\r\n"


def with_length(length: bytes) -> bytes:
    """The usual fields, but for the length."""
    return FIELDS.replace(b"Content-Length: 5", b"Content-Length: " + length)


FIRST = post() + b"hello"
NEXT = {
    "the same": FIRST,
    "longer body": post(with_length(b"11")) + b"hello world",
    "shorter body": post(with_length(b"1")) + b"h",
    "leading zeros": post(with_length(b"005")) + b"hello",
    "blank behind": post(with_length(b"5 ")) + b"hello",
    "no body": post(with_length(b"0")),
    "no length": post(with_length(b"")),
    "length is text": post(with_length(b"x")) + b"hello",
    "length is negative": post(with_length(b"-5")) + b"hello",
    "length has a sign": post(with_length(b"+5")) + b"hello",
    "length is hexadecimal": post(with_length(b"0x5")) + b"hello",
    "length of other digits": post(with_length("२".encode())) + b"hello",
    "length is too large": post(with_length(b"9" * 15)),
    "length is far too large": post(with_length(b"9" * 5000)),
    "two lengths": post(with_length(b"5\r\nContent-Length: 5")) + b"hello",
    "length and chunks": post(with_length(b"5\r\nTransfer-Encoding: chunked")) + b"hello",
    "length behind a header": post(with_length(b"5\r\nX-More: 5")) + b"hello",
    "length behind a line break": post(with_length(b"\r\n 5")) + b"hello",
    "no fields": post(b""),
    "fewer fields": post(FIELDS[: FIELDS.rindex(b"\r\n")]) + b"hello",
    "more fields": post(FIELDS + b"\r\nX-More: 1") + b"hello",
    "cut fields": post(FIELDS[:-1]) + b"hello",
    "length cut away": post(b"Host: localhost\r\nX-Request-Id: one\r\nX-Last: end"),
    "other value": post(FIELDS.replace(b"one", b"two")) + b"hello",
    "other case": post(FIELDS.replace(b"Content-L", b"content-l")) + b"hello",
    "chunks": post(FIELDS.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked"))
    + b"3\r\nhel\r\n0\r\n\r\n",
    "expects": post(FIELDS + b"\r\nExpect: 100-continue") + b"hello",
    "expects miracles": post(FIELDS + b"\r\nExpect: miracles") + b"hello",
    "closes": post(FIELDS + b"\r\nConnection: close") + b"hello",
    "HTTP/1.0": post(line=b"POST " + PATH + b" HTTP/1.0") + b"hello",
    "HTTP/9.9": post(line=b"POST " + PATH + b" HTTP/9.9") + b"hello",
    "other path": post(line=b"POST /v1/projects/P/topics/U:publish HTTP/1.1") + b"hello",
    "unknown path": post(line=b"POST /v1/nothing HTTP/1.1") + b"hello",
    "escaped path": post(line=b"POST " + PATH.replace(b"T", b"%54") + b" HTTP/1.1") + b"hello",
    "whole URL": post(line=b"POST http://localhost" + PATH + b" HTTP/1.1") + b"hello",
    "no URL": post(line=b"POST  HTTP/1.1") + b"hello",
    "bad URL": post(line=b"POST v1 HTTP/1.1") + b"hello",
    "URL not in ASCII": post(line="POST /v1/é HTTP/1.1".encode()) + b"hello",
    "URL with a control": post(line=b"POST /v1/\x01 HTTP/1.1") + b"hello",
    "URL is too long": post(line=b"POST /" + b"a" * 20_000 + b" HTTP/1.1") + b"hello",
    "two blanks": post(line=b"POST  " + PATH + b" HTTP/1.1") + b"hello",
    "blank behind the line": post(line=b"POST " + PATH + b" HTTP/1.1 ") + b"hello",
    "other method": post(line=b"GET /v1/projects/P HTTP/1.1") + b"hello",
    "method in small letters": post(line=b"post " + PATH + b" HTTP/1.1") + b"hello",
    "OPTIONS": post(line=b"OPTIONS " + PATH + b" HTTP/1.1", fields=with_length(b"0")),
}


async def answer_to(service: Service, *requests: bytes) -> tuple[Answer, bytes]:
    """The last answer on one connection, and what follows it there if it is the end."""
    async with service.connection() as (reader, writer):
        for request in requests:
            writer.write(request)
            answer = await read_answer(reader)
            while answer.status == 100:
                answer = await read_answer(reader)
        rest = await reader.read() if answer.headers["connection"] == "close" else b""
    del answer.headers["date"]
    if answer.headers["x-request-id"] not in ("one", "two"):
        del answer.headers["x-request-id"]  # Made up.
    return answer, rest


@pytest.mark.parametrize("next_", NEXT.values(), ids=NEXT)
async def test_request_is_read_as_if_it_were_the_first(service: Service, next_: bytes) -> None:
    alone = await answer_to(service, next_)
    assert await answer_to(service, FIRST, next_) == alone
    assert await answer_to(service, FIRST, FIRST, next_) == alone


async def test_requests_that_arrive_together_are_told_apart(service: Service) -> None:
    bodies = [b"a" * length for length in (5, 5, 0, 120, 3)]
    async with service.connection() as (reader, writer):
        writer.write(b"".join(post(with_length(b"%d" % len(body))) + body for body in bodies))
        answers = [await read_answer(reader) for _ in bodies]
    assert [answer.json() for answer in answers] == [{"length": len(body)} for body in bodies]


async def test_requests_that_arrive_byte_by_byte_are_read(service: Service) -> None:
    async with service.connection() as (reader, writer):
        for length in (5, 5, 12):
            for byte in post(with_length(b"%d" % length)) + b"a" * length:
                writer.write(bytes([byte]))
                await writer.drain()
            assert (await read_answer(reader)).json() == {"length": length}


async def test_answer_to_head_has_no_body(service: Service) -> None:
    async with service.connection() as (reader, writer):
        for _ in range(2):
            writer.write(post(with_length(b"0"), b"HEAD /v1/nothing HTTP/1.1"))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: 0" not in head
            writer.write(FIRST)
            assert (await read_answer(reader)).json() == {"length": 5}


async def test_headers_of_one_connection_are_none_of_another(service: Service) -> None:
    async with service.connection() as (reader, writer):
        writer.write(FIRST)
        assert (await read_answer(reader)).headers["x-request-id"] == "one"
        answer, _ = await answer_to(service, post(FIELDS.replace(b"one", b"two")) + b"hello")
    assert answer.headers["x-request-id"] == "two"
