"""Child processes: restarted, given up, stopped, and never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ams.service import supervise
from ams.service.supervise import Child, Command, Death, describe_exit
from tests.eventually import eventually, eventually_sync

#: Ends when told to, and says when it can be.
WELL_BEHAVED = "import signal; print('up', flush=True); signal.pause()"
#: Goes on in spite of SIGTERM.
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('up', flush=True)\nwhile True: signal.pause()"
)


class Watched:
    """A child that runs some Python, and what is reported of it."""

    def __init__(self, folder: Path, code: str, stop_seconds: float = 20.0) -> None:
        self._file = folder / "output"
        self.deaths: list[Death] = []
        with self._file.open("ab") as stream:
            output = os.dup(stream.fileno())
        command = Command(
            name="child",
            arguments=(sys.executable, "-c", code),
            output=output,
            stop_seconds=stop_seconds,
        )
        self.child = Child(command, self.deaths.append)

    @property
    def output(self) -> str:
        return self._file.read_text()

    async def __aenter__(self) -> "Watched":
        await self.child.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.child.kill()
        await self.child.stop()
        assert self.child.command.output is not None
        os.close(self.child.command.output)


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_a_child_that_dies_is_reported_and_started_again(tmp_path: Path) -> None:
    async with Watched(tmp_path, WELL_BEHAVED) as watched:
        first = watched.child.pid
        assert first
        await eventually(lambda: "up" in watched.output)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: watched.output.count("up") == 2)
        assert watched.child.pid not in (first, None)
        (death,) = watched.deaths
        assert (death.name, death.reason) == ("child", "was killed by SIGKILL")
        assert death.restart_seconds is not None


async def test_a_child_that_dies_quickly_time_and_again_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_RESTART_DELAY_SECONDS", 0.01)
    async with Watched(tmp_path, "raise SystemExit(3)") as watched:
        await eventually(lambda: len(watched.deaths) == supervise.MOST_QUICK_DEATHS)
        *delays, last = (death.restart_seconds for death in watched.deaths)
        assert delays == [0.02, 0.04, 0.08, 0.16]
        assert last is None
        assert {death.reason for death in watched.deaths} == {"exited with status 3"}
        assert watched.child.pid is None


async def test_a_child_that_lived_for_a_while_is_never_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_RESTART_DELAY_SECONDS", 0.01)
    monkeypatch.setattr(supervise, "QUICK_DEATH_SECONDS", 0.0)
    async with Watched(tmp_path, "raise SystemExit(3)") as watched:
        await eventually(lambda: len(watched.deaths) > supervise.MOST_QUICK_DEATHS)
        assert {death.restart_seconds for death in watched.deaths} == {0.01}


async def test_stop_asks_waits_and_reports_nothing(tmp_path: Path) -> None:
    async with Watched(tmp_path, WELL_BEHAVED) as watched:
        pid = watched.child.pid
        assert pid
        await watched.child.stop()
        assert not runs(pid)
        assert watched.child.pid is None
        assert watched.deaths == []


async def test_a_child_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    async with Watched(tmp_path, STUBBORN, stop_seconds=0.2) as watched:
        pid = watched.child.pid
        assert pid
        await eventually(lambda: "up" in watched.output)
        await watched.child.stop()
        assert not runs(pid)


async def test_kill_hastens_a_stop(tmp_path: Path) -> None:
    async with Watched(tmp_path, STUBBORN, stop_seconds=600) as watched:
        await eventually(lambda: "up" in watched.output)
        stopping = asyncio.ensure_future(watched.child.stop())
        await asyncio.sleep(0)
        watched.child.kill()
        await asyncio.wait_for(stopping, 10)


async def test_stop_while_a_restart_is_due_starts_nothing(tmp_path: Path) -> None:
    async with Watched(tmp_path, "print('up')") as watched:
        await eventually(lambda: watched.deaths)
        await asyncio.wait_for(watched.child.stop(), 10)
        assert watched.output.count("up") == 1


async def test_what_can_not_be_started_is_an_error() -> None:
    child = Child(Command(name="child", arguments=("/does/not/exist",)), print)
    with pytest.raises(FileNotFoundError):
        await child.start()
    await child.stop()


async def test_a_program_that_goes_away_counts_as_dying_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "FIRST_RESTART_DELAY_SECONDS", 0.01)
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nrm $0\n")
    program.chmod(0o700)
    deaths: list[Death] = []
    child = await Child(Command(name="child", arguments=(str(program),)), deaths.append).start()
    await eventually(lambda: len(deaths) == supervise.MOST_QUICK_DEATHS)
    await child.stop()
    assert [death.reason for death in deaths] == [
        "exited with status 0",
        *["can't be started: No such file or directory"] * 4,
    ]


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from ams.service.supervise import Child, Command\n"
        "async def main():\n"
        f"    arguments = (sys.executable, '-c', {STUBBORN!r})\n"
        "    child = await Child(Command(name='child', arguments=arguments), print).start()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        (pid,) = (int(word) for word in said - {b"up"})
        assert runs(pid)
        parent.kill()
    eventually_sync(lambda: not runs(pid))


def test_how_a_process_ended_is_told_in_words() -> None:
    assert describe_exit(0) == "exited with status 0"
    assert describe_exit(-signal.SIGTERM) == "was killed by SIGTERM"
    assert describe_exit(-77) == "was killed by signal 77"
