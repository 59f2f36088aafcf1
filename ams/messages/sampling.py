"""Samples all topics and subscriptions for their history, as each minute begins."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from ams.messages.history import Round, Sampled
from ams.messages.log import MessageLog
from ams.messages.periodic import Periodic
from ams.service.errors import ServiceError

#: After how many seconds to try again when Redis did not say whose round it is.
RETRY: Final = 5.0


class Sampler(Periodic):
    """Samples once a minute; of all workers one does it, whoever comes first.

    Args:
        log: where the messages are.
        topics: all topics with their subscriptions, some at a time.
    """

    def __init__(
        self, log: MessageLog, topics: Callable[[], AsyncIterator[Sequence[Sampled]]]
    ) -> None:
        super().__init__("History could not be recorded")
        self._log = log
        self._topics = topics
        self._due = 0.0

    async def _turn(self) -> None:
        clock = asyncio.get_running_loop().time
        self._due = clock() + RETRY
        round_, left = await self._log.begin_round()
        self._due = clock() + left
        if round_ is not None:
            await self.sample(round_)

    def _pause(self) -> float:
        return self._due - asyncio.get_running_loop().time()

    async def sample(self, round_: Round) -> None:
        """Samples everything once.

        Raises the first failure once everything has had its turn; then the round counts as one
        that has missed something.
        """
        failures: list[ServiceError] = []
        async for topics in self._topics():
            try:
                await self._log.sample(round_, topics)
            except ServiceError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        await self._log.end_round(round_)
