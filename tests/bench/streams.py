"""A reference: a bare Sanic handler that appends each message to the Redis stream of its topic.

It does the least that publishing can do, without offsets, scripts and look-ups. As in the broker,
what arrives while Redis is at work shares the next round trip, and with others of its topic an
entry. The topic is the query: Sanic remembers a thousand paths only, and takes long for others.
"""

import asyncio
import sys
from collections import deque
from typing import Final, cast

from hiredis import Reader
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

from ams.messages.lane import pack
from tests.bench.reference import JSON

#: Messages of 1 KB that the broker puts into one entry at most.
ENTRY_MESSAGES: Final = 14

app = Sanic("streams", configure_logging=False)


class Appender(asyncio.Protocol):
    """A connection to Redis, with one pipeline on its way at a time."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._reader = Reader()
        self._loop = asyncio.get_running_loop()
        self._is_busy = False
        #: By topic, what waits for the next pipeline: messages, and who wants to know.
        self._waiting: dict[str, list[tuple[bytes, asyncio.Future[bytes]]]] = {}
        #: Who waits for each reply that is still to come.
        self._sent: deque[list[asyncio.Future[bytes]]] = deque()

    def append(self, topic: str, message: bytes) -> asyncio.Future[bytes]:
        """The ID of the entry that the message is in."""
        appended: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting.setdefault(topic, []).append((message, appended))
        if not self._is_busy:
            self._is_busy = True
            self._loop.call_soon(self._send)
        return appended

    def _send(self) -> None:
        packed: list[bytes] = []
        for topic, some in self._waiting.items():
            for start in range(0, len(some), ENTRY_MESSAGES):
                messages, appended = zip(*some[start : start + ENTRY_MESSAGES], strict=True)
                packed += pack(("XADD", topic, "*", "m", b"".join(messages)))
                self._sent.append(list(appended))
        self._waiting.clear()
        self._transport.write(b"".join(packed))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Redis is there."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Redis answers."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            for appended in self._sent.popleft():
                if appended.done():
                    continue  # Its client has gone away.
                if isinstance(reply, Exception):
                    appended.set_exception(reply)
                else:
                    appended.set_result(reply)
        if not self._sent:
            self._is_busy = bool(self._waiting)
            if self._waiting:
                self._loop.call_soon(self._send)


@app.before_server_start
async def connect(_: object) -> None:
    """Connects to Redis."""
    loop = asyncio.get_running_loop()
    _, app.ctx.appender = await loop.create_connection(Appender, "127.0.0.1", int(sys.argv[2]))


@app.post("/publish")
async def publish(request: Request) -> HTTPResponse:
    """Parses what a publisher sends, and appends it to the topic that the query names."""
    _ = request.json
    entry = await app.ctx.appender.append(request.query_string, request.body)
    return raw(b'{"messageIds":["%b"]}' % entry, content_type=JSON)


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False)
