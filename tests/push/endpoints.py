"""Receivers of pushed messages: one HTTPS server, a path for each."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tests.certificates import RECEIVER_HOST, Certificates
from tests.processes import free_port
from tests.serving import serving

#: Another address of the server.
OTHER_HOST: Final = "127.0.0.1"
VERIFICATION: Final = "/ams_verification_hash"

#: A JSON object. Any: of many types.
Object = dict[str, Any]


@dataclass(slots=True)
class Delivery:
    """One request that an endpoint got; `at` is of the event loop's clock."""

    at: float
    headers: dict[str, str]
    body: Object
    accepted: bool = False

    @property
    def messages(self) -> list[Object]:
        """The messages in it, in either shape (contract: push 5.2)."""
        items = self.body.get("messages", [self.body])
        return [item["message"] for item in items]

    @property
    def texts(self) -> list[str]:
        return [base64.b64decode(message["data"]).decode() for message in self.messages]


#: What an endpoint does with a delivery: answers by the status line it returns, or writes itself.
Behaviour: TypeAlias = Callable[[Delivery, asyncio.StreamWriter], Awaitable[str]]


async def accept(_: Delivery, __: asyncio.StreamWriter) -> str:
    """Takes everything."""
    return "200 OK"


def says(status: str) -> Behaviour:
    """Answers everything alike; `status` may be followed by header lines."""

    async def behave(_: Delivery, __: asyncio.StreamWriter) -> str:
        return status

    return behave


@dataclass(slots=True)
class Endpoint:
    """One path, and what came to it."""

    url: str
    behaviour: Behaviour = accept
    deliveries: list[Delivery] = field(default_factory=list)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def accepted(self) -> list[str]:
        """The texts that it took, in their order."""
        return [text for each in self.deliveries if each.accepted for text in each.texts]

    @property
    def got(self) -> list[str]:
        """The texts that came, whether it took them or not."""
        return [text for each in self.deliveries for text in each.texts]


class Endpoints:
    """The server; `hash` is what it shows to be verified."""

    def __init__(self) -> None:
        self.hash = ""
        self.port = 0
        self.connections = 0
        self._endpoints: dict[str, Endpoint] = {}

    def add(self, path: str, behaviour: Behaviour = accept, host: str = RECEIVER_HOST) -> Endpoint:
        """An endpoint that nobody uses yet; query and all are part of its path."""
        endpoint = Endpoint(f"https://{host}:{self.port}{path}", behaviour)
        self._endpoints[path] = endpoint
        return endpoint

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talks on one connection."""
        self.connections += 1
        try:
            while head := await _head(reader):
                await self._answer(head, reader, writer)
        finally:
            self.connections -= 1

    async def _answer(
        self, head: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, path, _ = head[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head[1:])
        if method == "GET" and path == VERIFICATION:
            writer.write(_response("200 OK", self.hash))
            return
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        assert method == "POST", head
        endpoint = self._endpoints[path]
        delivery = Delivery(asyncio.get_running_loop().time(), headers, json.loads(body))
        endpoint.deliveries.append(delivery)
        endpoint.delivered.set()
        status = await endpoint.behaviour(delivery, writer)
        if status:
            delivery.accepted = status.split(" ")[0] in ("200", "201", "204", "102")
            writer.write(_response(status))
        await writer.drain()


def _response(status: str, body: str = "") -> bytes:
    line, *headers = status.split("\r\n")
    line, _, said = line.partition("|")
    body = body or said
    lines = [f"HTTP/1.1 {line}", *headers]
    if not line.startswith("204"):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "", ""]) + body).encode()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return []
    return text.removesuffix("\r\n\r\n").split("\r\n")


@asynccontextmanager
async def run_endpoints(certificates: Certificates) -> AsyncIterator[Endpoints]:
    """Runs the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    endpoints = Endpoints()
    endpoints.port = free_port()
    hosts = [RECEIVER_HOST, OTHER_HOST]
    async with serving(endpoints.serve, hosts, endpoints.port, context):
        yield endpoints
