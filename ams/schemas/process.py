"""The process that validates what may take long, and is killed when it takes too long."""

import asyncio
import os
import socket
import struct
import sys
from contextlib import ExitStack, suppress
from typing import Final

import msgspec

from ams.service.errors import InvalidArgument, Unavailable
from ams.service.logs import get_logger
from ams.service.supervise import Command, spawn

#: How long the messages of one publish, or one document, may be validated, in seconds.
TIME_LIMIT_SECONDS: Final = 1.0
#: How long the process may take to start, in seconds.
START_SECONDS: Final = 10.0
#: Checks that wait for the process, one of which it has at work.
MOST_WAITING: Final = 64

#: Before each frame: its length in bytes.
LENGTH: Final = struct.Struct("!I")
#: The frame with which the process says that it is ready.
READY: Final = b""

#: What is answered when `MOST_WAITING` checks wait already, or the process can't be started.
OVERLOADED: Final = "Too many messages wait for their validation"
NOT_STARTED: Final = "Messages can't be validated at present"

_OVERRUN: Final = "Message validation took too long"

log = get_logger()


class Task(msgspec.Struct, array_like=True):
    """What the process is to validate: messages, or one document.

    Attributes:
        kind, definition, attributes_definition: the schema, as `schema.Rules` takes it.
        messages: data and attributes of each message.
        document: data of one message, not in base64.
    """

    kind: str
    definition: bytes
    attributes_definition: bytes
    messages: list[tuple[str, dict[str, str]]]
    document: bytes | None


class Verdict(msgspec.Struct, array_like=True):
    """The answer to a task: what is wrong, empty if nothing is."""

    error: str


class ValidationProcess:
    """One child process; it starts when it is first needed, and again after it was killed.

    It has a time limit for each task, and a limit of its memory (`ams.schemas.child`). It dies with
    this process. As for `spawn`, the main thread is the one to use it.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._child: _Child | None = None

    async def run(self, task: Task) -> None:
        """Has messages validated.

        Raises:
            InvalidArgument: one is not valid, or it takes too much time or memory to tell.
            Unavailable: too many tasks wait, or the process can't be started.
        """
        if self._waiting >= MOST_WAITING:
            raise Unavailable(OVERLOADED)
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._answer(msgspec.msgpack.encode(task))
        finally:
            self._waiting -= 1
        verdict = msgspec.msgpack.decode(answer, type=Verdict)
        if verdict.error:
            raise InvalidArgument(verdict.error)

    async def aclose(self) -> None:
        """Ends the process."""
        async with self._turn:
            await self._end()

    async def _answer(self, frame: bytes) -> bytes:
        child = await self._ready_child()
        answer = None
        try:
            async with asyncio.timeout(TIME_LIMIT_SECONDS):
                answer = await child.ask(frame)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            log.warning("message validation was cut off")
            raise InvalidArgument(_OVERRUN) from None
        finally:
            if answer is None:  # it still works on this task, or is dead
                await self._end()
        return answer

    async def _ready_child(self) -> "_Child":
        if self._child and not self._child.is_alive:
            await self._end()
        if self._child is None:
            ready = False
            try:
                self._child = await _Child.start()
                async with asyncio.timeout(START_SECONDS):
                    ready = await self._child.receive() == READY
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                raise Unavailable(NOT_STARTED) from None
            finally:
                if not ready:
                    await self._end()
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            await asyncio.shield(child.end())


class _Child:
    """The running process, and the connection with it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> "_Child":
        ours, theirs = socket.socketpair()
        with ExitStack() as closing:
            # Whatever goes wrong from here on, the process ends when this end is closed.
            closing.enter_context(ours)
            with theirs:
                process = await spawn(_command(theirs.fileno()))
            reader, writer = await asyncio.open_connection(sock=ours)
            closing.pop_all()
        return cls(process, reader, writer)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, frame: bytes) -> bytes:
        self._writer.writelines((LENGTH.pack(len(frame)), frame))
        await self._writer.drain()
        return await self.receive()

    async def receive(self) -> bytes:
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        return await self._reader.readexactly(length)

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await self._process.wait()


def _command(descriptor: int) -> Command:
    """The process, which serves the socket it inherits."""
    # What it runs is hostile: it needs no settings, and no secrets in them.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("AMS_")}
    return Command(
        name="validation",
        arguments=(sys.executable, "-P", "-m", "ams.schemas.child", str(descriptor)),
        environment=environment,
        # A library that runs out of memory says so in words of its own: no line for our log.
        output=asyncio.subprocess.DEVNULL,
        pass_fds=(descriptor,),
    )
