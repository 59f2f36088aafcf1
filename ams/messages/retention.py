"""Removes messages past their retention from topics to which nobody publishes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from ams.messages.group_commit import TopicLog
from ams.messages.log import MessageLog
from ams.messages.periodic import Periodic

#: How often the logs are swept, seconds. A message outlives its retention by at most this much.
INTERVAL: Final = 60.0

#: Held by the worker that sweeps; it expires when the next round is due.
LEASE: Final = "ams:sweeper"


class Sweeper(Periodic):
    """Sweeps the logs of all topics now and then; of all workers one at a time does it.

    Args:
        log: where the messages are.
        topics: all topics, some at a time; those of one step are swept at the same time.
    """

    def __init__(
        self, log: MessageLog, topics: Callable[[], AsyncIterator[Sequence[TopicLog]]]
    ) -> None:
        super().__init__("Retention could not be applied")
        self._log = log
        self._topics = topics

    async def _turn(self) -> None:
        if await self._log.lease(LEASE, INTERVAL * 0.9):
            await self.sweep()

    def _pause(self) -> float:
        return INTERVAL

    async def sweep(self) -> int:
        """Trims every topic's log once; returns how many messages were removed.

        Raises the first failure once all topics have had their turn: in a cluster one server may be
        down, and the topics of the others must not grow for that.
        """
        removed = 0
        failures: list[BaseException] = []
        async for topics in self._topics():
            trims = map(self._log.trim, topics)
            for outcome in await asyncio.gather(*trims, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    failures.append(outcome)
                else:
                    removed += outcome
        if failures:
            raise failures[0]
        return removed
