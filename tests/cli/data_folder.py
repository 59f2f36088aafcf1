"""A data folder, and `ams up` on it."""

import contextlib
import json
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.cli.command import Ams, clean_environment
from tests.eventually import eventually_sync
from tests.processes import ChildProcess, free_port

#: How long a start may take, in seconds.
START_SECONDS = 40.0
#: What `ams up` prints last when it is up.
IS_UP = "Ctrl-C stops everything."


class Up:
    """`ams up` on `<folder>/ams-data`, started in `folder`; ended for certain by `with`."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        """Unless `options` say otherwise the ports are free ones, the same at each start."""
        self.folder = folder
        self.data = folder / "ams-data"
        self._environment = clean_environment(
            {"XDG_CONFIG_HOME": str(folder / "config"), **environment}
        )
        names = ("--http-port", "--https-port", "--authn-port", "--exporter-port")
        self._ports = [word for name in names for word in (name, str(free_port()))]
        self._options = options
        self.process: ChildProcess
        self._starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._starts:
            self.process.kill()
        for process in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def begin(self, *options: str) -> Self:
        """Starts it, with options on top of the others; does not wait for anything."""
        self._starts += 1
        self.process = ChildProcess(
            f"up-{self._starts}",
            Ams.command("up", *self._ports, *self._options, *options),
            self.folder,
            environment=self._environment,
        )
        self.process.start()
        return self

    def start(self, *options: str) -> Self:
        """Starts it; returns once everything is up."""
        self.begin(*options)
        eventually_sync(
            lambda: IS_UP in self.output or not self.process.running, within=START_SECONDS
        )
        assert self.process.running, self.output
        return self

    def end(self) -> int:
        """Waits for its end, and returns the exit status."""
        eventually_sync(lambda: not self.process.running, within=START_SECONDS)
        status = self.process.exit_code
        assert status is not None
        return status

    @property
    def output(self) -> str:
        """What the current run has printed."""
        return self.process.log()

    @property
    def last_line(self) -> str:
        return self.output.splitlines()[-1]

    def credentials(self) -> Any:  # noqa: ANN401 (JSON)
        return json.loads((self.data / "credentials.json").read_bytes())

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text()

    def left(self) -> dict[int, str]:
        """Processes that use the data folder: their ids and command lines."""
        processes = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if entry.name.isdigit() and f"{self.data}/" in command:
                    processes[int(entry.name)] = command
        return processes

    def pid_of(self, word: str) -> int:
        """The process whose command line has a word."""
        (process,) = (pid for pid, command in self.left().items() if word in command)
        return process

    def ready(self) -> bool:
        """Whether the broker says that it is ready."""
        url = self.credentials()["broker"]["http"]
        try:
            return httpx.get(f"{url}/readyz", trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
