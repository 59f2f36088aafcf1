"""Child processes of the tests: in a folder of their own, with a log, gone when the tests are."""

import contextlib
import fcntl
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.eventually import eventually_sync

#: Below the range from which the kernel takes the ports of outgoing connections: a server that is
#: down for a moment must find its port free again, and no client may connect to itself meanwhile.
PORTS = range(20_000, 30_000)
#: How long a process may take to end after SIGTERM, in seconds.
STOP_SECONDS = 30.0

_ports_given: set[int] = set()


def free_port() -> int:
    """A TCP port on which nobody listens; never the same twice in a run, nor in two at a time."""
    while True:
        port = random.choice(PORTS)
        if port in _ports_given or not _reserve(port):
            continue
        _ports_given.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _reserve(port: int) -> bool:
    """Takes a port from other test processes, until this one ends: by a lock on one byte."""
    try:
        fcntl.lockf(_port_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _port_locks() -> IO[bytes]:
    return (Path(tempfile.gettempdir()) / f"ams-tests-ports-{os.getuid()}").open("ab")


class ChildProcess:
    """A command that is run with its output in `<folder>/<name>.log`.

    It leads a process group of its own, and is killed when the test run dies. Start it from the
    main thread: the kernel takes the end of the starting thread for that of the run.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        death_signal: str = "KILL",
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.folder = folder
        self.environment = environment
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._started().pid

    def children(self) -> list[int]:
        """The processes that it has started: the workers of a service that has several."""
        return [*map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]

    @property
    def exit_code(self) -> int | None:
        """None as long as it runs."""
        return self._started().poll()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Runs the command; output is added to the log of earlier runs."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        launcher = ["setpriv", "--pdeathsig", self._death_signal]
        if shutil.which(launcher[0]) is None:
            launcher = []
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*launcher, *self.command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process alone, if it runs."""
        if self.running:
            self._started().send_signal(number)

    def terminate(self, within: float = STOP_SECONDS) -> int:
        """Asks the process to end by SIGTERM; returns its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after `within` seconds.
        """
        self.signal(signal.SIGTERM)
        return self._started().wait(within)

    def kill(self) -> None:
        """Ends the process and all its children by SIGKILL."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Stops the process where it is, so that its clients wait: a machine that hangs."""
        self.signal(signal.SIGSTOP)
        # The signal takes a moment to reach threads that run on other cores.
        eventually_sync(lambda: not self.running or self._is_stopped())

    def _is_stopped(self) -> bool:
        states = []
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                states.append((thread / "stat").read_text().rpartition(")")[2].split()[0])
        return set(states) <= {"T"}

    def resume(self) -> None:
        """Lets a paused process go on."""
        self.signal(signal.SIGCONT)

    def log(self) -> str:
        """All that it has written, to standard output and standard error."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process
