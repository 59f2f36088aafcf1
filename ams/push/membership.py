"""Which workers are alive, this one among them."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import uuid4

from ams.messages.log import MessageLog
from ams.messages.pushing import Pusher
from ams.service.errors import ServiceError
from ams.service.logs import get_logger

#: How often a worker says that it is alive, in the time that this counts.
BEATS: Final = 4
#: Wait after a beat that failed, in seconds.
RETRY_SECONDS: Final = 0.25

log = get_logger()


class Membership:
    """Says again and again that this worker is alive, and learns who else is.

    Args:
        log: by which workers meet.
        endpoint: host and port where this worker can be asked for its health.
        lease_seconds: how long it counts as alive when it has said so.
        on_look: called after each look, with whether others came, changed or went.
    """

    def __init__(
        self,
        log: MessageLog,
        endpoint: str,
        lease_seconds: float,
        on_look: Callable[[bool], None],
    ) -> None:
        self.worker = uuid4().hex
        #: Those that are alive, as far as is known.
        self.pushers: list[Pusher] = []
        self._log = log
        self._endpoint = endpoint
        self._lease_seconds = lease_seconds
        self._on_look = on_look
        #: Whether this worker takes no more subscriptions, and will go.
        self.retired = False
        self._leaving = False
        self._alive_until = float("-inf")
        self._looked = float("-inf")
        # Until then, others may not have been able to say that they are alive.
        self._unsure_until = float("-inf")
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the others take this worker for alive; if not, they may take over from it."""
        return self._now() < self._alive_until

    def knows(self, worker: str) -> bool:
        """Whether a worker was alive at the last look."""
        return any(pusher.worker == worker for pusher in self.pushers)

    def is_dead(self, worker: str, seen: float) -> bool:
        """Whether a worker is dead that did something before `seen`, a time of the event loop."""
        sure = self._looked > seen and self._now() >= self._unsure_until
        return sure and not self.knows(worker)

    async def join(self) -> None:
        """Comes in; raises `Unavailable` if Redis does not answer."""
        await self._beat()
        self._task = asyncio.create_task(self._keep_beating())

    def look(self) -> None:
        """Has the others looked for at once: something about them has changed."""
        self._hurry.set()

    async def retire(self) -> None:
        """Says that this worker takes no more subscriptions, and will go."""
        self.retired = True
        with suppress(ServiceError):
            await self._beat()

    async def leave(self) -> None:
        """Goes. If Redis does not answer, the others find out by themselves."""
        self._leaving = True
        self._hurry.set()
        if self._task is not None:
            # To its end: a beat on its way could arrive after the farewell.
            await asyncio.wait([self._task])
        self._alive_until = float("-inf")
        with suppress(ServiceError):
            await self._meet(0.0)

    async def _keep_beating(self) -> None:
        failed = False
        while True:
            wait = RETRY_SECONDS if failed else self._lease_seconds / BEATS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), wait)
            self._hurry.clear()
            if self._leaving:
                return
            try:
                await self._beat()
            except ServiceError as error:
                if not failed:
                    log.warning("the other workers can't be reached", error=error.message)
                failed = True
            except Exception:
                # Were this to end, the others would take over while this worker goes on.
                log.exception("the other workers can't be reached")
                failed = True
            else:
                if failed:
                    # Others may have had the same trouble, and not be back yet.
                    self._unsure_until = self._now() + self._lease_seconds / 2
                    log.info("the other workers are reached again")
                failed = False

    async def _beat(self) -> None:
        started = self._now()
        pushers = await self._meet(self._lease_seconds)
        self._alive_until = started + self._lease_seconds
        self._looked = started
        changed = pushers != self.pushers
        self.pushers = pushers
        self._on_look(changed)

    async def _meet(self, seconds: float) -> list[Pusher]:
        return await self._log.meet_pushers(
            self.worker, seconds, self._endpoint, shares=not self.retired
        )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
