"""What a worker does in the background, again and again."""

import asyncio
import contextlib
from abc import ABC, abstractmethod

from ams.service.errors import ServiceError
from ams.service.logs import get_logger

log = get_logger()


class Periodic(ABC):
    """Takes a turn now and then, until it is stopped.

    Args:
        failure: what is logged when a turn fails; the next one comes all the same.
    """

    def __init__(self, failure: str) -> None:
        self._failure = failure
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins with the first turn."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends; a turn that is under way is left where it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @abstractmethod
    async def _turn(self) -> None:
        """What is to be done."""

    @abstractmethod
    def _pause(self) -> float:
        """Seconds from the end of a turn to the next one."""

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except ServiceError as error:
                log.warning(self._failure, error=error.message)
            except Exception:
                # Were this to end, nobody would notice before it matters.
                log.exception(self._failure)
            await asyncio.sleep(self._pause())
