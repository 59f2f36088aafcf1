"""Pulls that wait for a message, by topic."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ams.messages.figures import WAITING


class WaitingPulls:
    """Who is to be woken when a topic has something to read. Holds no connection of its own."""

    def __init__(self) -> None:
        self._by_topic: dict[str, set[asyncio.Future[None]]] = {}
        self.closed = False

    @contextmanager
    def place(self, topic: str) -> Iterator["asyncio.Future[None]"]:
        """A place among those who wait for the topic; it is given back however the wait ends.

        Take it before asking for a wake-up, so that none is missed.
        """
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._by_topic.setdefault(topic, set())
        waiters.add(woken)
        WAITING.inc()
        try:
            yield woken
        finally:
            WAITING.dec()
            waiters.discard(woken)
            if not waiters and self._by_topic.get(topic) is waiters:
                del self._by_topic[topic]

    def wake(self, topic: str) -> None:
        """Wakes the pulls that wait for one topic."""
        for woken in self._by_topic.get(topic, ()):
            if not woken.done():
                woken.set_result(None)

    def wake_all(self) -> None:
        """Wakes everyone to look again: wake-ups may have been lost."""
        for topic in list(self._by_topic):
            self.wake(topic)

    def close(self) -> None:
        """From now on nobody waits: whoever does is woken, to answer with what there is."""
        self.closed = True
        self.wake_all()
