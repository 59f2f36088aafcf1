"""Log lines: their form, and how they are written (contract: ams-users-metrics 12)."""

import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ams.service import log_writer
from ams.service.log_writer import LineWriter
from tests.eventually import eventually_sync
from tests.service.service import ROOT


# Any: JSON.
def logged(program: str) -> list[dict[str, Any]]:
    """What a program logs that has a logger called `log`."""
    start = (
        "import logging, warnings\n"
        "from ams.service.logs import configure_logging, get_logger, trace_id, writer\n"
        "configure_logging('info')\n"
        "log = get_logger()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + program], cwd=ROOT, capture_output=True, check=True
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_line_has_the_fields_of_the_contract() -> None:
    (line,) = logged("trace_id.set('t-1'); log.info('it happened', topic='T', page_size=3)")
    time = line.pop("time")
    assert (time[4], time[10], time[-1]) == ("-", "T", "Z")
    assert line == {
        "level": "info",
        "msg": "it happened",
        "type": "service_log",
        "trace_id": "t-1",
        "topic": "T",
        "page_size": 3,
    }


def test_level_below_the_setting_is_not_logged() -> None:
    assert logged("log.debug('x'); logging.getLogger('lib').debug('x')") == []


def test_library_logs_in_the_same_form() -> None:
    line, warning = logged("logging.getLogger('lib').error('bad %s', 'luck'); warnings.warn('hm')")
    assert (line["level"], line["msg"], line["logger"]) == ("error", "bad luck", "lib")
    assert "UserWarning: hm" in warning["msg"]


@pytest.mark.parametrize("logger", ["log", "logging.getLogger('lib')"])
def test_exception_is_one_line_with_its_stack(logger: str) -> None:
    (line,) = logged(f"try:\n  1 / 0\nexcept ZeroDivisionError:\n  {logger}.exception('failed')")
    assert line["level"] == "error"
    assert "ZeroDivisionError: division by zero" in line["exception"]


def test_secret_is_masked() -> None:
    (line,) = logged("log.info('x', token='abc', Password='abc', name='n')")
    assert (line["token"], line["Password"], line["name"]) == ("***", "***", "n")


def test_what_json_has_no_form_for_is_logged_all_the_same() -> None:
    line, _ = logged("log.info('x', value=object()); log.info('x', name='\\udc80')")
    assert line["value"].startswith("<object")


def test_lines_are_written_before_the_process_ends() -> None:
    assert len(logged("writer.start()\nfor n in range(1000): log.info('x', n=n)")) == 1000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def lines_of(number: int, length: int = 199) -> list[bytes]:
    return [str(n).encode().rjust(length, b".") + b"\n" for n in range(number)]


def test_writes_to_a_pipe_are_whole_lines_that_the_kernel_keeps_together() -> None:
    """A socket that keeps the bounds of messages shows what the writes were."""
    read_end, write_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with read_end, write_end:
        writer = LineWriter(write_end.fileno())
        lines = [*lines_of(100), b"x" * 10_000 + b"\n", b"last\n"]
        writer.write(b"".join(lines))
        writer.stop()
        write_end.shutdown(socket.SHUT_WR)
        writes = list(iter(lambda: read_end.recv(1 << 20), b""))
    assert b"".join(writes) == b"".join(lines)
    assert all(write.endswith(b"\n") for write in writes)
    assert [len(write) > select.PIPE_BUF for write in writes].count(True) == 1
    assert len(writes) < 10


def test_full_pipe_stops_nobody_and_drops_are_counted(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_end, write_end = pipe
    monkeypatch.setattr(log_writer, "MOST_WAITING_BYTES", 10_000)
    writer = LineWriter(write_end)
    writer.start()
    for line in lines_of(2000):  # A pipe holds 64 KiB.
        writer.write(line)
    text = b""
    dropped = 0

    def all_is_said() -> bool:
        nonlocal text, dropped
        if select.select([read_end], [], [], 0)[0]:
            text += os.read(read_end, 65_536)
        reports = re.findall(rb'"(\d+) log lines dropped"}\n', text)
        dropped = sum(map(int, reports))
        return text.count(b"\n") - len(reports) + dropped == 2000

    eventually_sync(all_is_said)
    writer.stop()
    assert dropped > 0


def test_closed_descriptor_is_no_error(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(descriptor)
    writer.write(b"one\n")
    os.close(descriptor)
    writer.write(b"two\n")
    assert (tmp_path / "log").read_bytes() == b"one\n"


def test_line_in_no_hurry_is_written_soon(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    writer = LineWriter(write_end)
    writer.start()
    writer.write(b"a\n", soon=False)
    writer.write(b"b\n", soon=False)
    eventually_sync(lambda: bool(select.select([read_end], [], [], 0)[0]), within=3.0)
    assert os.read(read_end, 100) == b"a\nb\n"
    writer.stop()
