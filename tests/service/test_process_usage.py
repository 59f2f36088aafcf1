"""How much of its host a process uses."""

import os
import resource
import subprocess
import sys
import time

import pytest

from ams.service.process_usage import measure, totals

#: A program that works for a second, and tells its share of a core and the CPU time it took.
BUSY = """
import time
from ams.service.process_usage import measure
while time.process_time() < 1:
    pass
print(measure().cpu, time.process_time(), flush=True)
"""

#: One that works half a second, and keeps a lot in memory until its input ends.
HELPER = """
import sys, time
kept = bytearray(b"x") * (64 << 20)
while time.process_time() < 0.5:
    pass
print("ready", flush=True)
sys.stdin.read()
"""
#: One that has it as a helper; tells what is used before, meanwhile and afterwards.
HELPED = """
import subprocess, sys
from ams.service.process_usage import totals
used = [totals()]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
with subprocess.Popen([sys.executable, "-c", sys.argv[1]], **pipes) as helper:
    helper.stdout.readline()
    used.append(totals())
used.append(totals())
for each in used:
    print(each.cpu_seconds, each.resident_bytes)
"""


def test_memory_is_the_resident_share_of_the_physical() -> None:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 0 < measure().memory <= peak / physical * 100 + 0.1


def test_the_start_of_a_service_is_the_same_each_time() -> None:
    """Who watches takes a change for a restart."""
    started = {totals().started for _ in range(100)}
    assert len(started) == 1
    assert 0 <= time.time() - started.pop() < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_cpu_is_the_time_worked_by_the_time_since_the_start() -> None:
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        passed = time.monotonic() - begun
    share, worked = map(float, line.split())
    assert share == pytest.approx(worked / passed * 100, rel=0.2)
    assert share == round(share, 1)


def test_what_a_helper_uses_counts_while_it_runs_and_is_not_forgotten() -> None:
    """Schemas are validated in a process of their own."""
    command = [sys.executable, "-c", HELPED, HELPER]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, during, after = (tuple(map(float, line.split())) for line in shown.splitlines())
    assert during[0] - before[0] > 0.4
    assert during[1] - before[1] >= 64 << 20
    assert after[0] >= during[0]
    assert after[1] < during[1]
