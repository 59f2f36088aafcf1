"""How much of its host a service uses, in percent, as `ps` tells it (Linux)."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from ams.service.workers import inherited_descriptors

#: A percentage has this many decimals.
_DECIMALS: Final = 1

#: Where numbers of /proc/<pid>/stat are, counted from behind the name of the program, which may
#: hold anything: CPU time in user and in kernel mode, start since boot (ticks), resident pages.
_USER: Final = 11
_KERNEL: Final = 12
_START: Final = 19
_RESIDENT: Final = 21

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PHYSICAL_PAGES: Final = os.sysconf("SC_PHYS_PAGES")


class Usage(NamedTuple):
    """Shares of the host, in percent with one decimal.

    Args:
        cpu: CPU time since the start by the time that has passed since; 100 is one core.
        memory: resident by physical memory.
    """

    cpu: float
    memory: float


def measure() -> Usage:
    """The use of this service on this host since it started (contract: ams-users-metrics 8.6).

    Where several worker processes share the listeners it is that of all of them and of the one
    that started them, added up, so that it does not matter which of them answers. As with `ps`,
    memory that they share counts in each.
    """
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    cpu = memory = 0.0
    for pid in _processes():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # A worker has just ended.
        seconds = max(now - int(stat[_START]) / _TICKS_PER_SECOND, 1 / _TICKS_PER_SECOND)
        cpu += (int(stat[_USER]) + int(stat[_KERNEL])) / _TICKS_PER_SECOND / seconds
        memory += int(stat[_RESIDENT]) / _PHYSICAL_PAGES
    return Usage(round(cpu * 100, _DECIMALS), round(memory * 100, _DECIMALS))


def _processes() -> list[int]:
    """This process; if it is a worker, whoever started it and all the other workers."""
    if inherited_descriptors() is None:
        return [os.getpid()]
    parent = os.getppid()
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [parent, *map(int, children.split())]
