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
