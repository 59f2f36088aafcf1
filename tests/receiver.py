"""A server of a stranger, which says what a test wants and notes who came."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.certificates import Certificates
from tests.serving import Conversation, serving


@dataclass(slots=True)
class Receiver:
    """What it got: requests with their bodies; its addresses that were connected to."""

    host: str
    port: int = 0
    requests: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)

    def url(self, path: str = "/", scheme: str = "https") -> str:
        return f"{scheme}://{self.host}:{self.port}{path}"


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
    seen = Receiver(host)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections.append(writer.get_extra_info("sockname")[0])
        while head := await _read_request(reader):
            seen.requests.append(head)
            await converse(reader, writer)

    async with serving(serve, host, context=_context(certificates)) as seen.port:
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
