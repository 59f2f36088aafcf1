"""Child processes: started, watched, restarted when they die, and stopped.

A child never outlives its parent: the kernel kills it with the parent, even if that is killed by
SIGKILL. Linux only.
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

#: A child that lived for a shorter time than this died quickly; in seconds.
QUICK_DEATH_SECONDS = 10.0
#: A child is given up after this many quick deaths in a row.
MOST_QUICK_DEATHS = 5
#: Wait before a restart, in seconds: doubles with each quick death in a row.
FIRST_RESTART_DELAY_SECONDS = 0.25

_PR_SET_PDEATHSIG = 1  # from linux/prctl.h
_EXIT_WITHOUT_PARENT = 127

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a child runs.

    Attributes:
        name: what reports call it.
        arguments: program and its arguments.
        environment: its environment variables; None for those of this process.
        output: file descriptor for what it writes; None for the standard output and error of this
            process.
        pass_fds: file descriptors that it inherits.
        stop_seconds: how long it may take to end after SIGTERM before it is killed.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    output: int | None = None
    pass_fds: tuple[int, ...] = ()
    stop_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Death:
    """A child ended though nobody asked it to.

    Attributes:
        name: the child's name.
        reason: how it ended, such as `exited with status 1`.
        restart_seconds: when it is started again; None if it is given up.
    """

    name: str
    reason: str
    restart_seconds: float | None


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Starts a process that nobody watches or restarts, but that dies with this one.

    Call it in the main thread: the kernel kills the process when the thread that started it ends.

    Raises:
        OSError: it can't be started.
    """
    return await asyncio.create_subprocess_exec(
        *command.arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=command.output,
        stderr=command.output,
        env=command.environment,
        pass_fds=command.pass_fds,
        # Ctrl-C in a terminal must reach the parent only, who stops its children in order.
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),
    )


class Child:
    """A child process that is kept running until it is stopped, or dies quickly too often.

    As for `spawn`, the main thread is the one to use it.
    """

    def __init__(self, command: Command, report: Callable[[Death], None]) -> None:
        """Prepares a child; `report` is called for each of its deaths."""
        self.command = command
        self._report = report
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._quick_deaths = 0

    @property
    def pid(self) -> int | None:
        """Process id; None while there is no process."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> Self:
        """Starts the process.

        Raises:
            OSError: it can't be started.
        """
        process = await self._spawn()
        self._watcher = asyncio.create_task(self._watch(process))
        return self

    async def stop(self) -> None:
        """Asks the process to end (SIGTERM), kills it if it takes too long, waits for its end."""
        self._stopping.set()
        if self._watcher:
            await self._watcher

    def kill(self) -> None:
        """Ends the process at once (SIGKILL); use it to hasten a `stop` that is under way."""
        if self.pid and self._process:
            self._process.kill()

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._process = await spawn(self.command)
        return self._process

    async def _watch(self, process: asyncio.subprocess.Process | None) -> None:
        """Keeps a process running, until `stop` is called or it dies quickly too often."""
        clock = asyncio.get_running_loop().time
        while process:
            started = clock()
            code = await self._until_end(process)
            if self._stopping.is_set():
                return
            process = await self._restarted(describe_exit(code), clock() - started)

    async def _restarted(
        self, reason: str, lived_seconds: float
    ) -> asyncio.subprocess.Process | None:
        """A new process in place of one that ended, after a while; None if there is to be none."""
        while True:
            delay = self._restart_delay(lived_seconds)
            self._report(Death(self.command.name, reason, delay))
            if delay is None:
                return None
            await self._pause(delay)
            if self._stopping.is_set():
                return None
            try:
                return await self._spawn()
            except OSError as error:
                reason, lived_seconds = f"can't be started: {error.strerror}", 0.0

    async def _until_end(self, process: asyncio.subprocess.Process) -> int:
        """Waits for the end of a process, which it brings about if `stop` is called."""
        end = asyncio.ensure_future(process.wait())
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not end.done():
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait({end}, timeout=self.command.stop_seconds)
        if not end.done():
            with suppress(ProcessLookupError):
                process.kill()
        return await end

    async def _pause(self, seconds: float) -> None:
        """Lets time pass, unless `stop` is called."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _restart_delay(self, lived_seconds: float) -> float | None:
        """How long to wait before a restart, in seconds; None if there is to be none."""
        if lived_seconds < QUICK_DEATH_SECONDS:
            self._quick_deaths += 1
        else:
            self._quick_deaths = 0
        if self._quick_deaths >= MOST_QUICK_DEATHS:
            return None
        return float(FIRST_RESTART_DELAY_SECONDS * 2**self._quick_deaths)


def describe_exit(code: int) -> str:
    """How a process ended, from its return code as in `subprocess`."""
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _die_with(parent: int) -> Callable[[], None]:
    """What a new process runs before its program: it asks to be killed when its parent dies."""

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(_EXIT_WITHOUT_PARENT)

    return prepare
