"""Load from wrk, and ratios from pairs of runs: one of ours, one of a reference, by turns."""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("request.lua")
#: Seconds of one run. A machine that others use too is slower now and then, for seconds; so runs
#: are short and many, and both of a pair meet the same machine. But batches fill Redis' log on disk
#: so fast that it writes it anew each two seconds, and that belongs to each run.
SECONDS = 2
#: Connections that send at the same time, each its next request when the last is answered.
CONNECTIONS = 64
#: How many pairs are measured; the median counts.
PAIRS = 15


class Ratios(NamedTuple):
    """Ours by the reference, of each pair of runs, or of each run of ours."""

    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        first, _, third = statistics.quantiles(self.values, n=4)
        return f"half of {len(self.values)} ratios {first:.3g} to {third:.3g}"


@dataclass(frozen=True)
class Load:
    """One kind of request, repeated as fast as the server answers."""

    url: str
    body: bytes
    token: str = "none"
    topics: int = 0

    def rate(self, seconds: int = SECONDS) -> float:
        """Requests answered a second.

        Raises:
            RuntimeError: some were not answered, or not with 200.
        """
        with tempfile.NamedTemporaryFile() as body:
            body.write(self.body)
            body.flush()
            command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT)]
            command.append(self.url)
            environment = os.environ | {
                "BODY": body.name,
                "TOKEN": self.token,
                "TOPICS": str(self.topics),
            }
            output = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            ).stdout
        lines = [line.split() for line in output.splitlines()]
        figures = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
        if figures["errors"]:
            raise RuntimeError(f"{self.url}: {figures['errors']} requests failed")
        return figures["requests"] / (figures["microseconds"] / 1_000_000)


def compare(
    ours: Callable[[], float], reference: Callable[[], float], pairs: int = PAIRS
) -> Ratios:
    """Rates of both, by turns, after a run of each that does not count.

    What comes first changes with each pair: a machine that becomes slower on the way, or a log that
    becomes longer, must not count for one side.
    """
    ours()
    reference()
    values = []
    for number in range(pairs):
        order = [ours, reference] if number % 2 else [reference, ours]
        rates = {run: run() for run in order}
        values.append(rates[ours] / rates[reference])
    return Ratios(values)
