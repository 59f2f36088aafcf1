"""Removes messages past their retention from topics to which nobody publishes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from ams.messages.group_commit import TopicLog
from ams.messages.log import MessageLog
from ams.service.errors import ServiceError
from ams.service.logs import get_logger

#: How often the logs are swept, seconds. A message outlives its retention by at most this much.
INTERVAL: Final = 60.0

#: Held by the worker that sweeps; it expires when the next round is due.
LEASE: Final = "ams:sweeper"

log = get_logger()


class Sweeper:
    """Sweeps the logs of all topics now and then; of all workers one at a time does it.

    Args:
        log: where the messages are.
        topics: all topics, some at a time; those of one step are swept at the same time.
    """

    def __init__(
        self, log: MessageLog, topics: Callable[[], AsyncIterator[Sequence[TopicLog]]]
    ) -> None:
        self._log = log
        self._topics = topics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to sweep."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends; a round that is under way is left where it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                if await self._log.lease(LEASE, INTERVAL * 0.9):
                    await self.sweep()
            except ServiceError as error:
                log.warning("Retention could not be applied", error=error.message)
            except Exception:
                # Were this to end, nobody would notice until Redis is full.
                log.exception("Retention could not be applied")
            await asyncio.sleep(INTERVAL)

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
