"""Room for the requests that a worker has on their way at the same time.

Requests to a receiver that hangs last long. Were they to take all the room, others would wait for
them; so those to one host, and those of subscriptions whose last request failed, have only a part.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Requests at the same time; each may take a connection.
MOST_REQUESTS: Final = 256
#: Of these such as go to one host, and such as follow one that failed.
MOST_TO_ONE_HOST: Final = 64
MOST_FAILING: Final = 96
#: Bytes of their bodies together; a single one may be larger.
MOST_BYTES: Final = 67_108_864


@dataclass(eq=False, slots=True)
class Need:
    """What a request takes.

    Args:
        host: where it goes.
        size: bytes of its body.
        failing: whether the subscription's last one failed.
    """

    host: str
    size: int
    failing: bool


class Room:
    """Hands out room in the order in which it is asked for, as far as there is some."""

    def __init__(self) -> None:
        self._used = 0
        self._bytes = 0
        self._failing = 0
        self._hosts: Counter[str] = Counter()
        self._waiting: dict[Need, asyncio.Future[None]] = {}

    def try_enter(self, need: Need) -> bool:
        """Takes room if there is some at once; it is given back by `leave`."""
        if not self._has(need):
            return False
        self._used += 1
        self._bytes += need.size
        self._failing += need.failing
        self._hosts[need.host] += 1
        return True

    async def enter(self, need: Need) -> None:
        """Waits for room and takes it."""
        if self.try_enter(need):
            return
        entered = self._waiting[need] = asyncio.get_running_loop().create_future()
        try:
            await entered
        except asyncio.CancelledError:
            if entered.done() and not entered.cancelled():
                self.leave(need)
            raise
        finally:
            self._waiting.pop(need, None)

    def leave(self, need: Need) -> None:
        """Gives room back."""
        self._used -= 1
        self._bytes -= need.size
        self._failing -= need.failing
        self._hosts[need.host] -= 1
        if not self._hosts[need.host]:
            del self._hosts[need.host]
        for waiting, entered in self._waiting.items():
            if self._used >= MOST_REQUESTS:
                break
            if not entered.done() and self.try_enter(waiting):
                entered.set_result(None)

    @contextmanager
    def entered(self, need: Need) -> Iterator[None]:
        """Gives room that was taken back at the end."""
        try:
            yield
        finally:
            self.leave(need)

    def _has(self, need: Need) -> bool:
        return (
            self._used < MOST_REQUESTS
            and self._hosts[need.host] < MOST_TO_ONE_HOST
            and (not need.failing or self._failing < MOST_FAILING)
            and (self._bytes == 0 or self._bytes + need.size <= MOST_BYTES)
        )
