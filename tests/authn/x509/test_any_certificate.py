"""The listener with `trust_unknown_cas`, under both event loops (contract: authn 4.1)."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from structlog.testing import capture_logs

from authn.x509.handshake import listener_context
from authn.x509.trust_store import TrustStore
from tests.authn.authority import DAY, SERVER, Authority, Credential, self_signed
from tests.authn.der import name
from tests.authn.x509.handshakes import PATIENCE_SECONDS, client_context, shown

T = TypeVar("T")

SUBJECT = name(("C", "GR"), ("CN", "client"))


@pytest.fixture
def context(server_file: Path, store: TrustStore) -> ssl.SSLContext:
    return listener_context(server_file, server_file, store, trust_unknown_cas=True)


@pytest.fixture(params=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop


def run(loop_factory: Callable[[], asyncio.AbstractEventLoop], work: Awaitable[T]) -> T:
    async def main() -> T:
        return await work

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "make",
    [
        lambda _: self_signed(SUBJECT),
        lambda _: Authority.root("Unknown CA").issue(SUBJECT),
        lambda root: root.issue(SUBJECT, valid=(-2 * DAY, -DAY)),
        lambda root: root.issue(SUBJECT, usages=[SERVER]),
        lambda root: root.intermediate("Upper").intermediate("Lower").issue(SUBJECT),
    ],
)
async def test_every_certificate_gets_in(
    context: ssl.SSLContext,
    root: Authority,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    tmp_path: Path,
    make: Callable[[Authority], Credential],
    version: ssl.TLSVersion,
) -> None:
    credential = make(root)
    client = client_context(credential.write(tmp_path))
    client.minimum_version = client.maximum_version = version
    seen = await asyncio.to_thread(run, loop_factory, shown(context, client))
    assert seen == [credential.certificate, *credential.intermediates]


async def test_client_without_a_certificate_gets_in_too(
    context: ssl.SSLContext, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    assert await asyncio.to_thread(run, loop_factory, shown(context, client_context())) == []


async def test_long_messages_arrive_whole(
    context: ssl.SSLContext, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Also those that come with the end of the handshake, and in many records."""
    for length in (1, 16_384, 1_000_000):
        message = bytes(range(256)) * (length // 256 + 1)
        echo = await asyncio.to_thread(run, loop_factory, echoed(context, message))
        assert echo == message


async def echoed(server: ssl.SSLContext, message: bytes) -> bytes:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert writer.get_extra_info("cipher")
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.write(await reader.readexactly(len(message)))
        await writer.drain()
        writer.close()

    client = client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listener,
    ):
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(message)
        received = await reader.readexactly(len(message))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70_000]
)
async def test_what_is_no_tls_is_cut_off(
    context: ssl.SSLContext,
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    garbage: bytes,
) -> None:
    await asyncio.to_thread(run, loop_factory, cut_off(context, garbage))


async def cut_off(server: ssl.SSLContext, garbage: bytes) -> None:
    async def answer(*_: object) -> None:
        raise AssertionError("nobody is let in")

    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listener,
    ):
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(garbage)
        try:
            while await reader.read(1000):
                pass
        except ConnectionError:
            pass
        writer.close()


def test_it_is_said_that_everybody_is_believed(server_file: Path, store: TrustStore) -> None:
    """Contract: authn 8 B4."""
    with capture_logs() as entries:
        listener_context(server_file, server_file, store, trust_unknown_cas=True)
    assert [entry["log_level"] for entry in entries] == ["warning"]
