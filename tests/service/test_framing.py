"""Where a request ends: a proxy in front of us must never see it otherwise than we do.

Else one client could smuggle a request past the proxy, or into the connection of another.
"""

import pytest

from tests.service.service import TOPIC, Service, read_answer

PUBLISH = f"POST {TOPIC}:publish HTTP/1.1\r\n".encode()
CHUNKED = PUBLISH + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /v1/state HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length : 26",
        b"Content-Length\t: 26",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: \xc2\xa0chunked",
        b"\x0bContent-Length: 26",
        b" Content-Length: 26",
        b": 26",
        b"X-Name: a\r\n folded: b",
        b"X-Name: a\nContent-Length: 26",
        b"X-Name: a\rContent-Length: 26",
        b"X-Name: a\x00",
        b"X Name: a",
        b"X-N\xc3\xa4me: a",
    ],
)
async def test_header_that_others_may_read_otherwise_is_refused(
    service: Service, lines: bytes
) -> None:
    async with service.connection() as (reader, writer):
        writer.write(PUBLISH + lines + b"\r\n\r\n" + SMUGGLED)
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await reader.read() == b""


@pytest.mark.parametrize("length", ["٢٦", "२६", "\x0b26", "26\x0c", "\u00a026", "0x1a", "2 6", ""])
async def test_length_is_of_plain_digits(service: Service, length: str) -> None:
    async with service.connection() as (reader, writer):
        writer.write(PUBLISH + f"Content-Length: {length}\r\n\r\n".encode() + SMUGGLED)
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await reader.read() == b""


@pytest.mark.parametrize(
    "size",
    [b"0x5", b"0X5", b" 5", b"\t5", b"5\x0b", b"+5", b"5_", b"-5", b"\xd9\xa5", b"5;\n", b"5;a\rb"],
)
async def test_size_of_a_chunk_is_of_plain_digits(service: Service, size: bytes) -> None:
    async with service.connection() as (reader, writer):
        writer.write(CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await reader.read() == b""


@pytest.mark.parametrize("size", [b"5", b"05", b"5;name=value", b'5 ; name="value"'])
async def test_chunk_may_have_an_extension(service: Service, size: bytes) -> None:
    async with service.connection() as (reader, writer):
        for byte in CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await read_answer(reader)).json() == {"length": 5}


async def test_header_of_any_bytes_but_controls_is_read(service: Service) -> None:
    head = b"GET /v1/users/u HTTP/1.1\r\nX-Name:\t\xff \xc3\xa9 : b \r\n!#$%&'*+-.^_`|~0aZ:\r\n\r\n"
    assert (await service.send(head)).status == 200
