"""How much of a processor a server takes to answer."""

import os
import statistics
from pathlib import Path
from typing import Final

from tests.bench.load import SECONDS, Load

#: Clock ticks in a second, by which the kernel tells processor time.
TICKS: Final = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float:
    """Processor time that a process has taken so far, its kernel's included; in seconds."""
    # Behind the name, which may hold anything, come the fields of proc(5) from the third on.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Metered:
    """A load on a process, and what an answer costs that.

    It says more than a rate where Redis and the load need the same processors.
    """

    def __init__(self, load: Load, pid: int) -> None:
        self._load = load
        self._pid = pid
        self._costs: list[float] = []

    def rate(self) -> float:
        """As `Load.rate`."""
        before = seconds_of(self._pid)
        rate = self._load.rate()
        self._costs.append((seconds_of(self._pid) - before) / (rate * SECONDS))
        return rate

    @property
    def cost(self) -> float:
        """Processor time of an answer, in seconds; the median of all runs."""
        return statistics.median(self._costs)
