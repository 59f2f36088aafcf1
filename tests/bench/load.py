"""Load from wrk, and figures from pairs of runs: one of ours, one of a reference, by turns."""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("request.lua")
#: Seconds of one run.
SECONDS = 5
#: Connections that send at the same time, each its next request when the last is answered.
CONNECTIONS = 64
#: How often a pair is measured; the median counts.
ROUNDS = 5


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


def ratio(ours: Callable[[], float], reference: Callable[[], float]) -> float:
    """The median of ours / reference over several rounds, after one that does not count."""
    ours()
    reference()
    return statistics.median(ours() / reference() for _ in range(ROUNDS))
