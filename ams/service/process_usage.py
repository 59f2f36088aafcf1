"""How much of its host a service uses, in percent, as `ps` tells it (Linux)."""

import os
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from ams.service.workers import inherited_descriptors

#: A percentage has this many decimals.
_DECIMALS: Final = 1

#: Where numbers of /proc/<pid>/stat are, counted from behind the name of the program, which may
#: hold anything: CPU time in user and in kernel mode, start since boot (ticks), resident pages.
_USER: Final = 11
_KERNEL: Final = 12
#: CPU time of children that have ended, in user and in kernel mode.
_CHILDREN_USER: Final = 13
_CHILDREN_KERNEL: Final = 14
_START: Final = 19
_RESIDENT: Final = 21

#: How often processes are looked at, if one ends meanwhile.
_LOOKS: Final = 3

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PHYSICAL_PAGES: Final = os.sysconf("SC_PHYS_PAGES")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Usage(NamedTuple):
    """Shares of the host, in percent with one decimal.

    Args:
        cpu: CPU time since the start by the time that has passed since; 100 is one core.
        memory: resident by physical memory.
    """

    cpu: float
    memory: float


class Totals(NamedTuple):
    """What a service has used since it started, all its processes together.

    Args:
        cpu_seconds: CPU time, that of workers included that have died.
        resident_bytes: memory.
        open_files: file descriptors.
        started: when its first process did, in seconds since 1970.
    """

    cpu_seconds: float
    resident_bytes: int
    open_files: int
    started: float


def measure() -> Usage:
    """The use of this service on this host since it started (contract: ams-users-metrics 8.6).

    Where several worker processes share the listeners it is that of all of them and of the one
    that started them, added up, so that it does not matter which of them answers. As with `ps`,
    memory that they share counts in each.
    """
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    cpu = memory = 0.0
    for _, stat in _processes(_pids()):
        seconds = max(now - stat[_START] / _TICKS_PER_SECOND, 1 / _TICKS_PER_SECOND)
        cpu += (stat[_USER] + stat[_KERNEL]) / _TICKS_PER_SECOND / seconds
        memory += stat[_RESIDENT] / _PHYSICAL_PAGES
    return Usage(round(cpu * 100, _DECIMALS), round(memory * 100, _DECIMALS))


def totals() -> Totals:
    """What this service has used since it started, in helpers of its processes, too."""
    ticks = resident = files = 0
    oldest = None
    for pid, stat in _all_processes().items():
        ticks += stat[_USER] + stat[_KERNEL] + stat[_CHILDREN_USER] + stat[_CHILDREN_KERNEL]
        resident += stat[_RESIDENT]
        files += _open_files(pid)
        oldest = stat[_START] if oldest is None else min(oldest, stat[_START])
    return Totals(
        ticks / _TICKS_PER_SECOND,
        resident * _PAGE_BYTES,
        files,
        _booted() + (oldest or 0) / _TICKS_PER_SECOND,
    )


def _all_processes() -> dict[int, list[int]]:
    """What `_processes` gives, of this service's processes and the helpers that they have."""
    stats: dict[int, list[int]] = {}
    for _ in range(_LOOKS):
        pids = _pids()
        pids += [helper for pid in pids for helper in _children(pid)]
        stats = dict(_processes(pids))
        if stats.keys() == set(pids):
            break
        # One has just ended, and its CPU time is its parent's, which was read before: to those who
        # watch, less than before is a restart.
    return stats


@cache
def _booted() -> int:
    """When the host was booted. The same for all workers, at all times: a change is a restart."""
    lines = Path("/proc/stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))


def _processes(pids: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    """Id, and numbers of /proc/<pid>/stat, of each process that is there."""
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # A worker has just ended.
        # The first is a letter: the state.
        yield pid, [0, *map(int, stat[1:])]


def _open_files(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0


def _pids() -> list[int]:
    """This process; if it is a worker, whoever started it and all the other workers."""
    if inherited_descriptors() is None:
        return [os.getpid()]
    parent = os.getppid()
    return [parent, *_children(parent)]


def _children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [*map(int, children.split())]
