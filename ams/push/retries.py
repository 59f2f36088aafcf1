"""How long to wait after a request that was not accepted (contract: push 4.6, decision 12)."""

import random
from typing import Final, Protocol

from ams.metadata.records import PushConfig

#: Shortest and longest wait, in seconds, whatever a subscription asks for.
SHORTEST: Final = 0.1
LONGEST: Final = 86_400.0
#: Longest wait that a receiver can ask for, in seconds.
LONGEST_ASKED: Final = 3600.0
#: Waits get longer by up to this part of theirs: who failed together need not come again together.
JITTER: Final = 0.1

#: slowstart: its delay to begin with and after an end of failures, and the least one, in seconds.
SLOWSTART_FIRST: Final = 1.0
SLOWSTART_LEAST: Final = 0.3


class RetryPolicy(Protocol):
    """Says how long to wait."""

    def failed(self) -> float:
        """Seconds to wait after one more failure."""

    def succeeded(self) -> None:
        """Takes note of a success, after which nobody waits."""


class Linear:
    """Always the same wait.

    Args:
        period: milliseconds.
    """

    def __init__(self, period: int) -> None:
        self._seconds = min(LONGEST, max(SHORTEST, period / 1000))

    def failed(self) -> float:
        return self._seconds

    def succeeded(self) -> None:
        pass


class Slowstart:
    """A wait that doubles with each failure, and begins lower the more went well before."""

    def __init__(self) -> None:
        self._delay = SLOWSTART_FIRST
        self._failing = False

    def failed(self) -> float:
        self._failing = True
        self._delay = min(LONGEST, 2 * self._delay)
        return self._delay

    def succeeded(self) -> None:
        self._delay = SLOWSTART_FIRST if self._failing else max(SLOWSTART_LEAST, self._delay / 2)
        self._failing = False


def policy_of(push: PushConfig) -> RetryPolicy:
    """The retry policy of a subscription."""
    return Slowstart() if push.retry_type == "slowstart" else Linear(push.retry_period)


def wait_seconds(policy: float, asked: float | None) -> float:
    """How long to wait: as the policy says, or longer if the receiver asks for that."""
    wait = max(policy, min(asked or 0.0, LONGEST_ASKED))
    return wait * random.uniform(1.0, 1.0 + JITTER)
