"""Nothing of a test's server outlives it."""

import asyncio
import gc
import socket
import ssl
import weakref
from contextlib import suppress

import pytest

from tests.certificates import Certificates
from tests.serving import serving


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


async def test_a_conversation_ends_with_the_server(
    context: ssl.SSLContext, certificates: Certificates
) -> None:
    """The other side sees its end, and the garbage collector finds nothing to warn of."""
    begun = asyncio.Event()
    transports = weakref.WeakSet[asyncio.WriteTransport]()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transports.add(writer.transport)
        await reader.readexactly(5)
        begun.set()
        await asyncio.Event().wait()

    client = ssl.create_default_context(cafile=certificates.ca)
    async with serving(hang, context=context) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(b"hello")
        await begun.wait()
    assert all(transport.is_closing() for transport in transports)
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.transport.abort()
    del reader, writer
    gc.collect()


@pytest.mark.parametrize("turns", range(4))
async def test_a_connection_made_as_the_server_ends_is_not_left_to_the_garbage_collector(
    context: ssl.SSLContext, turns: int
) -> None:
    """However far the loop is with accepting it."""

    async def unreached(*_: object) -> None:
        pytest.fail("there was no handshake")

    async with serving(unreached, context=context) as port:
        client = socket.create_connection(("127.0.0.1", port))
        for _ in range(turns):
            # A turn of the loop: nothing else tells how far it is.
            await asyncio.sleep(0)
    client.close()
    # The loop has nothing else to do, so these are the turns in which it would forget it.
    for _ in range(4):
        await asyncio.sleep(0)
    gc.collect()
