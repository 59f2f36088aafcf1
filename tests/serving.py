"""A server in a test's own event loop, of which nothing outlives the test."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

Conversation: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    converse: Conversation,
    hosts: str | Sequence[str] = "127.0.0.1",
    port: int = 0,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Runs `converse` on each connection; gives the port.

    A connection ends with its conversation, and with the server at the latest: asyncio alone would
    leave it to the garbage collector, which warns of it in the middle of another test.
    """
    conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    ended = False

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await converse(reader, writer)
        finally:
            writer.transport.abort()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ended:
            # Its handshake took until now.
            writer.transport.abort()
            return
        task = asyncio.create_task(talk(reader, writer))
        conversations[task] = writer
        task.add_done_callback(conversations.pop)

    async with await asyncio.start_server(connect, hosts, port, ssl=context) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
            # What is just accepted needs one turn of the loop to get its transport; a server that
            # is closed by then would lose it.
            await asyncio.sleep(0)
            ended = True
            for task, writer in conversations.items():
                writer.transport.abort()
                task.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)
