"""Runs the sample service, and talks to it by HTTP or byte by byte."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx

from tests.eventually import eventually
from tests.processes import ChildProcess, free_port

ROOT = Path(__file__).parents[2]
JSON = "application/json; charset=utf-8"
#: A path that the sample service knows.
TOPIC = "/v1/projects/P/topics/T"
#: Longest request body that the tests' shared sample service takes, in bytes.
MAX_BODY = 1_000_000
#: Longest wait for an answer, in seconds.
PATIENCE_SECONDS = 10.0


def error(code: int, message: str, status: str) -> dict[str, object]:
    """The body of an error."""
    return {"error": {"code": code, "message": message, "status": status}}


class Answer(NamedTuple):
    """An HTTP answer, read off a bare connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    # Any: JSON.
    def json(self) -> Any:  # noqa: ANN401
        """What the body says."""
        return json.loads(self.body)


class Service:
    """The sample service in a process of its own.

    Args:
        folder: for its log.
        variables: environment variables.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.port = int(variables.setdefault("AMS_SERVER__HTTP_PORT", str(free_port())))
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AMS_")}
        self.process = ChildProcess(
            "sample",
            [sys.executable, "-m", "tests.service.sample"],
            folder,
            environment={**inherited, "PYTHONPATH": str(ROOT), **variables},
            death_signal="TERM",
        )

    async def start(self) -> Self:
        """Starts it and waits until it answers."""
        self.process.start()
        await eventually(self.answers)
        return self

    async def answers(self) -> bool:
        """Whether it serves."""
        try:
            return (await self.get("/healthz")).status == httpx.codes.OK
        except ConnectionError:
            return False

    @property
    def client(self) -> httpx.AsyncClient:
        """A new client, to be closed by the caller."""
        return httpx.AsyncClient(
            base_url=self.url, timeout=PATIENCE_SECONDS, trust_env=False, verify=False
        )

    # Any: JSON.
    def lines(self, **fields: object) -> list[dict[str, Any]]:
        """The log lines with these fields."""
        lines = [json.loads(line) for line in self.process.log().splitlines()]
        return [line for line in lines if fields.items() <= line.items()]

    async def line(self, **fields: object) -> dict[str, Any]:
        """The first log line with these fields, once it is there."""
        lines = await eventually(lambda: self.lines(**fields))
        return lines[0]

    @asynccontextmanager
    async def connection(
        self,
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def get(self, path: str) -> Answer:
        """The answer to a GET on a connection of its own."""
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    async def send(self, data: bytes) -> Answer:
        """The answer to something that need be no HTTP."""
        async with self.connection() as (reader, writer):
            writer.write(data)
            return await read_answer(reader)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Reads one answer."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status_line, *lines = head.strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status_line.split()[1]), headers, body)
