"""A server of a stranger on 127.0.0.1, which says what a test wants and notes who came."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.certificates import Certificates

Conversation: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Receiver:
    """Attributes: port; the heads of the requests; the local addresses that were connected to."""

    port: int = 0
    requests: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)

    def url(self, path: str = "/", scheme: str = "https") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


def answer(status: str, body: bytes = b"", *headers: str) -> Conversation:
    """Answers each request of a connection alike."""

    async def converse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return converse


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Says nothing until the other side goes."""
    await reader.read()


@asynccontextmanager
async def receiver(
    converse: Conversation, certificates: Certificates | None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """Runs a server; with TLS if there are certificates."""
    seen = Receiver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections.append(writer.get_extra_info("sockname")[0])
        try:
            while head := await _read_request(reader):
                seen.requests.append(head)
                await converse(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=_context(certificates))
    async with server:
        seen.port = server.sockets[0].getsockname()[1]
        yield seen


async def _read_request(reader: asyncio.StreamReader) -> str:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return ""
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            head += (await reader.readexactly(int(line.partition(":")[2]))).decode("latin-1")
    return head


def _context(certificates: Certificates | None) -> ssl.SSLContext | None:
    if certificates is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context
