"""How requests to addresses that strangers named end."""

import asyncio
import gzip
import socket
import time
from pathlib import Path

import pytest

from ams.service.outgoing import Outgoing, TooLong, Unreachable
from ams.service.settings import SettingsError
from ams.service.settings_sections import OutgoingSettings
from tests.certificates import Certificates
from tests.receiver import answer, receiver, silence
from tests.service.conftest import LOOPBACK
from tests.service.resolver import Resolver
from tests.serving import serving

MAX_BYTES = 1000


async def test_a_certificate_of_a_stranger_is_not_trusted(certificates: Certificates) -> None:
    outgoing = Outgoing(OutgoingSettings(allow_private_addresses=LOOPBACK))
    async with receiver(answer("200 OK"), certificates) as server:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    await outgoing.close()
    assert failure.value.reason.startswith("the certificate is not trusted: ")
    assert not server.requests


async def test_a_certificate_for_another_name_is_not_trusted(
    outgoing: Outgoing, certificates: Certificates, resolver: Resolver
) -> None:
    resolver.say("receiver.example", ["127.0.0.1"])
    async with receiver(answer("200 OK"), certificates) as server:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch(
                "GET", f"https://receiver.example:{server.port}/", max_bytes=MAX_BYTES
            )
    assert "not trusted" in failure.value.reason
    assert not server.requests


async def test_a_host_that_refuses_is_unreachable(outgoing: Outgoing) -> None:
    async with receiver(answer("200 OK"), None) as server:
        pass
    with pytest.raises(Unreachable) as failure:
        await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert failure.value.reason == "no connection"


async def test_a_server_without_tls_is_unreachable(outgoing: Outgoing) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with serving(greet) as port:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", f"https://127.0.0.1:{port}/", max_bytes=MAX_BYTES)
    assert failure.value.reason == "no connection"


async def test_an_answer_that_is_no_http_is_unreachable(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")

    async with receiver(converse, certificates) as server:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert failure.value.reason == "no valid HTTP answer"


async def test_a_body_that_breaks_off_is_unreachable(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with receiver(converse, certificates) as server:
        with pytest.raises(Unreachable):
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)


@pytest.mark.parametrize("in_one", [True, False])
async def test_what_a_server_says_unasked_is_not_taken_for_the_next_answer(
    outgoing: Outgoing, certificates: Certificates, in_one: bool
) -> None:
    """Else something would count as accepted that the server has not even seen."""
    said = [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] * 2

    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = said or [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
        # Two writes are two records of TLS, which come together nevertheless.
        for part in [b"".join(parts)] if in_one else parts:
            writer.write(part)
        said.clear()

    async with receiver(converse, certificates) as server:
        first = await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
        second = await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert (first.status, second.status) == (200, 500)
    assert len(server.connections) == 2


NONSENSE = {
    "an upgrade": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "a chunk without a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000,
    "a status without a number": b"HTTP/1.1 OK\r\n\r\n",
}


@pytest.mark.parametrize("kind", NONSENSE)
async def test_an_answer_that_makes_no_sense_is_none(
    outgoing: Outgoing, certificates: Certificates, kind: str
) -> None:
    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(NONSENSE[kind])

    async with receiver(converse, certificates) as server:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert failure.value.reason == "no valid HTTP answer"


async def test_what_comes_before_the_answer_is_none(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    """Contract: push 5.3: a client skips 1xx."""

    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")

    async with receiver(converse, certificates) as server:
        assert (await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)).status == 500


async def test_a_body_of_the_longest_length_is_read(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async with receiver(answer("200 OK", b"x" * MAX_BYTES), certificates) as server:
        got = await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert len(got.body) == MAX_BYTES


async def test_an_endless_body_ends_the_request_and_its_beginning_is_kept(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"100\r\n" + b"x" * 256 + b"\r\n")
            await writer.drain()

    async with receiver(converse, certificates) as server:
        with pytest.raises(TooLong) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert failure.value.answer.status == 503
    assert failure.value.answer.body == b"x" * MAX_BYTES


async def test_a_packed_body_is_not_unpacked(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    """A few bytes could become more than fits."""
    packed = gzip.compress(b"\0" * 100_000)
    async with receiver(answer("200 OK", packed, "Content-Encoding: gzip"), certificates) as server:
        got = await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert got.body == packed
    assert "accept-encoding" not in server.requests[0].lower()


async def test_a_server_that_says_nothing_is_left_at_the_deadline(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async with receiver(silence, certificates) as server:
        start = time.monotonic()
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES, timeout_seconds=0.3)
    assert failure.value.reason == "no answer in time"
    assert time.monotonic() - start < 5


async def test_a_server_that_keeps_the_headers_coming_is_left_at_the_deadline(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with receiver(converse, certificates) as server:
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES, timeout_seconds=0.3)
    assert failure.value.reason == "no answer in time"


async def test_a_server_that_does_not_shake_hands_is_left_at_the_limit_of_connecting(
    certificates: Certificates,
) -> None:
    outgoing = Outgoing(
        OutgoingSettings(allow_private_addresses=LOOPBACK, connect_timeout_seconds=0.3)
    )
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(Unreachable) as failure:
            await outgoing.fetch("GET", f"https://127.0.0.1:{port}/", max_bytes=MAX_BYTES)
    await outgoing.close()
    assert failure.value.reason == "no answer in time"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_cas_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=r"outgoing\.ca_file"):
        Outgoing(OutgoingSettings(ca_file=str(file)))
