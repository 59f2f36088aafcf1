"""Several processes that share the listeners of one service.

The parent binds the sockets, one of each listener for every worker, and starts its own command line
again that many times. It keeps the sockets open: clients of a worker that died wait for its
successor.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from ams.service import instruments, listeners
from ams.service.instruments import Counter
from ams.service.listeners import Listener
from ams.service.logs import get_logger
from ams.service.shared_numbers import new_file
from ams.service.supervise import Child, Command, Death

#: Environment variable that makes a process a worker: JSON, the descriptors it inherits by name.
WORKER_VARIABLE: Final = "AMS_WORKER"
#: Names the descriptor to which a worker writes a byte when it serves.
READY: Final = "ready"
#: What a worker gets on top of the time its settings give it to stop, in seconds.
STOP_MARGIN_SECONDS = 5.0
#: Names the descriptor of the file in which a worker counts, and begins the names of all others'.
FIGURES: Final = "figures"

DEATHS: Final = Counter(
    "ams_worker_deaths_total", "Processes that served requests, and died though nobody asked."
)

log = get_logger()


class ProcessSettings(Protocol):
    """How a service runs; a section of the settings that says it.

    Attributes:
        workers: processes that share the listeners.
        drain_seconds: how long a service that stops is not ready and still listens.
        stop_seconds: longest wait for running requests when stopping.
    """

    @property
    def workers(self) -> int: ...

    @property
    def drain_seconds(self) -> float: ...

    @property
    def stop_seconds(self) -> float: ...


def inherited_descriptors() -> dict[str, int] | None:
    """What the parent has handed to this process; None if this is no worker."""
    text = os.environ.get(WORKER_VARIABLE)
    return json.loads(text) if text else None


def share_figures(descriptors: dict[str, int]) -> None:
    """Takes the files in which workers count out of what was inherited, and uses them."""
    own = descriptors.pop(FIGURES)
    names = [name for name in descriptors if name.startswith(FIGURES)]
    instruments.share(own, [descriptors.pop(name) for name in names])


def report_ready(descriptor: int) -> None:
    """Tells the parent that this worker serves."""
    os.write(descriptor, b"\n")
    os.close(descriptor)


async def run_workers(settings: ProcessSettings, bound: Sequence[Listener]) -> int:
    """Runs `settings.workers` processes until SIGTERM or SIGINT; returns the exit code.

    A worker that dies is started again; if none has ever served, or one dies time and again, all
    are stopped, and the exit code is 1.
    """
    loop = asyncio.get_running_loop()
    read_end, write_end = os.pipe()
    try:
        workers = _Workers(settings, bound, write_end)
        loop.add_reader(read_end, workers.one_is_ready, read_end)
        return await workers.run()
    finally:
        loop.remove_reader(read_end)
        os.close(read_end)
        os.close(write_end)


class _Workers:
    def __init__(self, settings: ProcessSettings, bound: Sequence[Listener], ready: int) -> None:
        self._bound = bound
        self._files = [new_file() for _ in range(settings.workers)]
        self._over = asyncio.Event()
        self._failed = False
        self._served = False
        self._children = [
            Child(self._command(settings, number, ready), self._note_death)
            for number in range(settings.workers)
        ]
        self._numbers = {child.command.name: at for at, child in enumerate(self._children)}

    def one_is_ready(self, read_end: int) -> None:
        """Called when a worker has said that it serves."""
        os.read(read_end, 1)
        self._served = True

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            for child in self._children:
                await child.start()
            await self._over.wait()
        finally:
            # The last to close a socket ends it: else clients would go on queueing at it.
            listeners.close(self._bound)
            await asyncio.gather(*(child.stop() for child in self._children))
            for file in self._files:
                os.close(file)
        return int(self._failed)

    def _asked_to_stop(self) -> None:
        if self._over.is_set():
            for child in self._children:
                child.kill()
        self._over.set()

    def _command(self, settings: ProcessSettings, number: int, ready: int) -> Command:
        descriptors = {
            listener.name: listener.sockets[number].fileno() for listener in self._bound
        } | {READY: ready}
        for other, file in enumerate(self._files):
            descriptors[FIGURES if other == number else f"{FIGURES} {other}"] = file
        return Command(
            name=f"worker {number + 1}",
            arguments=(sys.executable, *sys.orig_argv[1:]),
            environment={**os.environ, WORKER_VARIABLE: json.dumps(descriptors)},
            pass_fds=tuple(descriptors.values()),
            stop_seconds=settings.drain_seconds + settings.stop_seconds + STOP_MARGIN_SECONDS,
        )

    def _note_death(self, death: Death) -> None:
        message = f"{death.name} {death.reason}"
        log.error(message, restart_seconds=death.restart_seconds)
        instruments.note_death(self._files[self._numbers[death.name]], DEATHS)
        if death.restart_seconds is None or not self._served:
            self._failed = True
            self._over.set()
