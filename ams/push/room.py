"""Room for the requests that a worker has on their way at the same time.

Requests to a receiver that hangs last long. Were they to take all the room, others would wait for
them; so those to one host, and those of subscriptions whose last request failed, have only a part.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Requests at the same time; each may take a connection.
MOST_REQUESTS: Final = 256
#: Of these such as go to one host, and such as follow one that failed.
MOST_TO_ONE_HOST: Final = 64
MOST_FAILING: Final = 96
#: Bytes of their bodies together, and those of the same parts.
MOST_BYTES: Final = 67_108_864
MOST_BYTES_TO_ONE_HOST: Final = 16_777_216
MOST_BYTES_FAILING: Final = 25_165_824


@dataclass(eq=False, slots=True)
class Need:
    """What a request takes.

    Args:
        host: where it goes.
        size: bytes of its body. A body that is larger than what one host may have counts as that:
            else it would wait until nothing else is on its way, which may never be.
        failing: whether the subscription's last one failed.
    """

    host: str
    size: int
    failing: bool

    def __post_init__(self) -> None:
        self.size = min(self.size, MOST_BYTES_TO_ONE_HOST)


@dataclass(slots=True)
class _Part:
    """Some of the room, and what is used of it."""

    most_requests: int
    most_bytes: int
    requests: int = 0
    bytes: int = 0

    def has(self, size: int) -> bool:
        return self.requests < self.most_requests and self.bytes + size <= self.most_bytes

    def take(self, size: int) -> None:
        self.requests += 1
        self.bytes += size

    def give_back(self, size: int) -> None:
        self.requests -= 1
        self.bytes -= size


class Room:
    """Hands out room in the order in which it is asked for, as far as there is some."""

    def __init__(self) -> None:
        self._all = _Part(MOST_REQUESTS, MOST_BYTES)
        self._failing = _Part(MOST_FAILING, MOST_BYTES_FAILING)
        self._hosts: dict[str, _Part] = {}
        self._waiting: dict[Need, asyncio.Future[None]] = {}

    def try_enter(self, need: Need) -> bool:
        """Takes room if there is some at once; it is given back by `leave`."""
        parts = self._parts(need)
        if not all(part.has(need.size) for part in parts):
            return False
        for part in parts:
            part.take(need.size)
        self._hosts[need.host] = parts[1]
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

    def try_grow(self, need: Need, size: int) -> bool:
        """Takes more room for a request whose body has become larger, if there is some at once."""
        grown = Need(need.host, size, need.failing)
        more = max(0, grown.size - need.size)
        parts = self._parts(need)
        if not all(part.bytes + more <= part.most_bytes for part in parts):
            return False
        for part in parts:
            part.bytes += more
        need.size += more
        return True

    def leave(self, need: Need) -> None:
        """Gives room back."""
        for part in self._parts(need):
            part.give_back(need.size)
        if not self._hosts[need.host].requests:
            del self._hosts[need.host]
        for waiting, entered in self._waiting.items():
            if self._all.requests >= MOST_REQUESTS:
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

    def _parts(self, need: Need) -> list[_Part]:
        """Those that a request takes of: all, that of its host, that of those that fail."""
        host = self._hosts.get(need.host) or _Part(MOST_TO_ONE_HOST, MOST_BYTES_TO_ONE_HOST)
        return [self._all, host, *([self._failing] if need.failing else [])]
