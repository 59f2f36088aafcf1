"""A worker: drives its share of the subscriptions that are pushed."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Final

from ams.messages.log import MessageLog
from ams.metadata.records import Change
from ams.metadata.store import Store
from ams.push.directory import Directory
from ams.push.driver import Driver, Parts
from ams.push.membership import Membership
from ams.push.receivers import Receivers
from ams.push.room import Room

#: How long a request on its way may still take when its receiver is no longer the right one.
CHANGE_GRACE_SECONDS: Final = 0.5
#: How long what is cut off gets to give back what it has, in seconds.
CUT_OFF_SECONDS: Final = 1.0


class Worker:
    """One of those who share the subscriptions.

    Each subscription falls to one worker by a rule that all follow: when a worker comes or goes,
    only what it gets or leaves changes hands.

    Args:
        log: where the messages are.
        store: where the subscriptions are.
        receivers: by which requests are made.
        endpoint: host and port where this worker can be asked for its health.
        lease_seconds: how long it counts as alive when it has said so.
    """

    def __init__(
        self,
        log: MessageLog,
        store: Store,
        receivers: Receivers,
        endpoint: str,
        lease_seconds: float,
    ) -> None:
        self._membership = Membership(log, endpoint, lease_seconds, self._looked)
        self._directory = Directory(store, self._reconcile)
        self._parts = Parts(log, self._membership, receivers, Room(), self._directory.look_again)
        self._drivers: dict[str, Driver] = {}
        self._sharing: list[str] = []

    async def start(self) -> None:
        """Takes its share; raises `Unavailable` if Redis or the database do not answer."""
        await self._directory.start()
        await self._membership.join()

    def hear_changes(self, changes: Iterable[Change]) -> None:
        """Takes note of changes of subscriptions."""
        self._directory.hear(changes)

    def hear_workers(self, news: str) -> None:
        """A worker has let go of a subscription or, if the news is '', has come or gone."""
        subscription, _, worker = news.partition(" ")
        if not news:
            self._membership.look()
        elif worker != self._membership.worker and (driver := self._drivers.get(subscription)):
            driver.hear_release()

    def look_around(self) -> None:
        """Something may not have been heard."""
        self._membership.look()

    async def hand_over(self, seconds: float) -> None:
        """Lets go of everything; requests on their way may take so long to end."""
        self._sharing = []
        await self._membership.retire()
        tasks = [driver.task for driver in self._drivers.values()]
        for driver in list(self._drivers.values()):
            driver.stop(seconds)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds + CUT_OFF_SECONDS)
            for task in late:
                task.cancel()

    async def stop(self) -> None:
        """Ends, in whatever state it is."""
        await self.hand_over(0.0)
        await self._membership.leave()
        await self._directory.stop()

    def _looked(self, changed: bool) -> None:
        """It was looked who is alive."""
        if changed:
            self._reconcile_all()
        for driver in self._drivers.values():
            driver.try_to_take()

    def _reconcile_all(self) -> None:
        membership = self._membership
        sharing = [one.worker for one in membership.pushers if one.shares]
        # The answer to an earlier beat may come after this worker has retired.
        self._sharing = [] if membership.retired else sharing
        for uuid in {*self._directory.records, *self._drivers}:
            self._reconcile(uuid)

    def _reconcile(self, uuid: str) -> None:
        """Starts or stops to push a subscription, as it should be."""
        record = self._directory.records.get(uuid)
        driver = self._drivers.get(uuid)
        mine = record is not None and self._falls_to_this(uuid)
        if driver is None:
            if record is not None and mine:
                self._drivers[uuid] = Driver(record, self._parts, self._ended)
        elif record is None or not driver.sends_where(record):
            driver.stop(CHANGE_GRACE_SECONDS)
        else:
            driver.update(record)
            if not mine or not driver.serves(record):
                driver.stop()

    def _ended(self, uuid: str) -> None:
        del self._drivers[uuid]
        self._reconcile(uuid)

    def _falls_to_this(self, uuid: str) -> bool:
        """Whether this worker has the highest number of all, which differ for each subscription."""
        if not self._sharing:
            return False

        def weight(worker: str) -> bytes:
            return hashlib.blake2b(f"{worker} {uuid}".encode(), digest_size=8).digest()

        return max(self._sharing, key=weight) == self._membership.worker
