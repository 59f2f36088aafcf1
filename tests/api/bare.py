"""Requests byte by byte, for what no HTTP client sends."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.api.client import JSON
from tests.node import SERVICE_TOKEN, Node

#: Longest wait for an answer, in seconds.
PATIENCE_SECONDS = 20.0

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """What the error envelope says."""
        return str(self.error["message"])

    @property
    def error(self) -> dict[str, Any]:
        """The content of the error envelope. Any: a number and texts."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error

    def assert_is_error(self, status: int | None = None) -> None:
        """It has the contract's error envelope, and is the client's fault (ams-core 1.11)."""
        assert 400 <= self.status < 500, (self.status, self.body)
        assert status in (None, self.status), (self.status, self.body)
        assert self.headers["content-type"] == JSON
        assert set(json.loads(self.body)) == {"error"}
        assert set(self.error) == {"code", "message", "status"}
        assert self.error["code"] == self.status
        assert self.message
        assert self.error["status"]


@asynccontextmanager
async def connection(node: Node) -> AsyncIterator[Connection]:
    """A connection to the plain listener."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(node.http).port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(method: str, path: str, headers: Mapping[str, object] | None = None) -> bytes:
    """The head of a request with the service token, unless it says otherwise."""
    lines = {"Host": "localhost", "x-api-key": SERVICE_TOKEN, **(headers or {})}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


async def read_answer(
    reader: asyncio.StreamReader, *, has_body: bool = True, within: float = PATIENCE_SECONDS
) -> Answer:
    """The next answer on a connection."""
    async with asyncio.timeout(within):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])
        }
        length = int(headers["content-length"]) if has_body else 0
        return Answer(int(lines[0].split()[1]), headers, await reader.readexactly(length))


async def exchange(node: Node, data: bytes, *, within: float = PATIENCE_SECONDS) -> Answer:
    """The answer to something that need be no HTTP, on a connection of its own."""
    async with connection(node) as (reader, writer):
        writer.write(data)
        return await read_answer(reader, has_body=not data.startswith(b"HEAD "), within=within)


async def send(node: Node, method: str, path: str, body: bytes = b"") -> Answer:
    """The answer to a request whose path is sent as it is."""
    return await exchange(node, head(method, path, {"Content-Length": len(body)}) + body)
