"""Requests to addresses that strangers named: where they may go, and how they end."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ams.service.outgoing import AddressRefused, Outgoing, TooLong, Unreachable
from ams.service.settings import SettingsError
from ams.service.settings_sections import OutgoingSettings
from tests.certificates import Certificates
from tests.service.receiver import answer, receiver, silence

LOOPBACK = ["127.0.0.0/8"]
MAX_BYTES = 1000


@pytest.fixture
async def outgoing(certificates: Certificates) -> AsyncIterator[Outgoing]:
    """May connect to this machine, and trusts its test CA."""
    outgoing = Outgoing(
        OutgoingSettings(allow_private_addresses=LOOPBACK, ca_file=str(certificates.ca))
    )
    yield outgoing
    await outgoing.close()


@pytest.fixture
async def strict(certificates: Certificates) -> AsyncIterator[Outgoing]:
    """May connect to public addresses only, as the defaults have it."""
    outgoing = Outgoing(OutgoingSettings(ca_file=str(certificates.ca)))
    yield outgoing
    await outgoing.close()


class Resolver:
    """Stands in for getaddrinfo: each name has one list of addresses after another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, list[list[str]]] = {}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def say(self, name: str, *answers: list[str]) -> None:
        self._answers[name] = list(answers)

    def _look_up(self, host: str, port: int, **options: int) -> list[object]:
        self.asked.append(host)
        answers = self._answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in found for entry in self._real(address, port, **options)]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    return Resolver(monkeypatch)


async def test_an_answer_comes_with_status_headers_and_body(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async with receiver(answer("418 Teapot", b"short", "X-Kind: stout"), certificates) as server:
        got = await outgoing.fetch(
            "POST",
            server.url("/a?b=c#d"),
            headers={"Authorization": "abc"},
            content=b"{}",
            max_bytes=MAX_BYTES,
        )
    assert (got.status, got.body, got.headers["x-kind"]) == (418, b"short", "stout")
    head, _, content = server.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "Authorization: abc" in head
    assert content == "{}"


async def test_a_connection_is_used_again(outgoing: Outgoing, certificates: Certificates) -> None:
    async with receiver(answer("200 OK", b"yes"), certificates) as server:
        for _ in range(3):
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert len(server.requests) == 3
    assert len(server.connections) == 1


async def test_a_redirect_is_given_back_and_not_followed(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async with (
        receiver(answer("200 OK"), certificates) as elsewhere,
        receiver(answer("302 Found", b"", f"Location: {elsewhere.url()}"), certificates) as server,
    ):
        got = await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert (got.status, got.headers["location"]) == (302, elsewhere.url())
    assert not elsewhere.connections


async def test_cookies_are_not_kept(outgoing: Outgoing, certificates: Certificates) -> None:
    async with receiver(answer("200 OK", b"", "Set-Cookie: a=b"), certificates) as server:
        for _ in range(2):
            await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)
    assert "cookie" not in server.requests[1].lower()


async def test_proxies_of_the_environment_are_not_used(
    outgoing: Outgoing, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        receiver(answer("502 Proxy"), None) as proxy,
        receiver(answer("200 OK"), certificates) as server,
    ):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url(scheme="http"))
        assert (await outgoing.fetch("GET", server.url(), max_bytes=MAX_BYTES)).status == 200
    assert not proxy.connections


async def test_a_user_in_the_url_is_not_sent(
    outgoing: Outgoing, certificates: Certificates
) -> None:
    async with receiver(answer("200 OK"), certificates) as server:
        url = server.url().replace("//", "//user:secret@")
        await outgoing.fetch("GET", url, max_bytes=MAX_BYTES)
    assert "authorization" not in server.requests[0].lower()
    assert "secret" not in server.requests[0]


# Where it may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "127.0.0.1.",
        "localhost",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "172.16.0.1",
        "192.168.0.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::a00:1]",
        "[2001:0:7f00:1::]",
        "[2002:7f00:1::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "①②⑦.⓪.⓪.①",
    ],
)
async def test_an_address_that_is_not_public_is_refused(
    strict: Outgoing, certificates: Certificates, host: str
) -> None:
    async with receiver(answer("200 OK"), certificates) as server:
        with pytest.raises((AddressRefused, Unreachable)) as refusal:
            await strict.fetch("GET", f"https://{host}:{server.port}/", max_bytes=MAX_BYTES)
    assert refusal.value.reason in {
        "the address is not allowed",
        "the URL is not valid",
        "no such host",
    }
    assert not server.connections


@pytest.mark.parametrize("text", ["8.8.8.8", "193.166.3.2", "2a00:1450:4001:830::200e"])
async def test_a_public_address_is_connected_to(
    certificates: Certificates, resolver: Resolver, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No machine of the world is asked: it is enough that the address is tried."""
    tried: list[object] = []

    async def refuse(_: object, __: object, host: object, *___: object, **____: object) -> object:
        tried.append(host)
        raise ConnectionRefusedError

    resolver.say("receiver.example", [text])
    monkeypatch.setattr(type(asyncio.get_running_loop()), "create_connection", refuse)
    outgoing = Outgoing(OutgoingSettings())
    with pytest.raises(Unreachable):
        await outgoing.fetch("GET", "https://receiver.example/", max_bytes=MAX_BYTES)
    assert tried == [text]
    await outgoing.close()


async def test_a_name_one_of_whose_addresses_is_private_is_refused(
    strict: Outgoing, resolver: Resolver
) -> None:
    resolver.say("receiver.example", ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(AddressRefused):
        await strict.fetch("GET", "https://receiver.example/", max_bytes=MAX_BYTES)


async def test_a_name_that_changes_after_the_check_is_connected_to_where_it_was_checked(
    certificates: Certificates, resolver: Resolver
) -> None:
    settings = OutgoingSettings(
        allow_private_addresses=["127.0.0.1/32"], ca_file=str(certificates.ca)
    )
    first, second = Outgoing(settings), Outgoing(settings)
    async with receiver(answer("200 OK"), certificates, "0.0.0.0") as server:
        resolver.say("localhost", ["127.0.0.1"], ["127.0.0.2"])
        url = f"https://localhost:{server.port}/"
        assert (await first.fetch("GET", url, max_bytes=MAX_BYTES)).status == 200
        assert resolver.asked == ["localhost"]
        with pytest.raises(AddressRefused):
            await second.fetch("GET", url, max_bytes=MAX_BYTES)
    assert server.connections == ["127.0.0.1"]
    await first.close()
    await second.close()


async def test_the_next_address_of_a_name_is_tried_if_one_does_not_answer(
    outgoing: Outgoing, certificates: Certificates, resolver: Resolver
) -> None:
    async with receiver(answer("200 OK"), certificates) as server:
        resolver.say("localhost", ["127.0.0.3", "127.0.0.1"])
        got = await outgoing.fetch("GET", f"https://localhost:{server.port}/", max_bytes=MAX_BYTES)
    assert got.status == 200


async def test_only_schemes_that_the_caller_allows_are_used(outgoing: Outgoing) -> None:
    async with receiver(answer("200 OK"), None) as server:
        url = server.url(scheme="http")
        for refused in (url, url.replace("http", "file"), "//127.0.0.1/", "127.0.0.1"):
            with pytest.raises(AddressRefused) as refusal:
                await outgoing.fetch("GET", refused, max_bytes=MAX_BYTES)
            assert refusal.value.reason == "the URL's scheme is not allowed"
        got = await outgoing.fetch("GET", url, schemes=("https", "http"), max_bytes=MAX_BYTES)
    assert got.status == 200
    with pytest.raises(AddressRefused):
        await outgoing.fetch("GET", "ftp://127.0.0.1/", schemes=("ftp",), max_bytes=MAX_BYTES)


@pytest.mark.parametrize("url", ["https://", "https://[::1/", "https://h:99999/", "https://\0/"])
async def test_what_is_no_url_is_refused(outgoing: Outgoing, url: str) -> None:
    with pytest.raises(AddressRefused):
        await outgoing.fetch("GET", url, max_bytes=MAX_BYTES)


async def test_an_unknown_host_is_unreachable(outgoing: Outgoing) -> None:
    with pytest.raises(Unreachable) as failure:
        await outgoing.fetch("GET", "https://host.invalid/", max_bytes=MAX_BYTES)
    assert failure.value.reason == "no such host"


# How it ends


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

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
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
