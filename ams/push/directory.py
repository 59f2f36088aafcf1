"""The subscriptions that are to be pushed, as the database has them."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from ams.metadata import subscriptions
from ams.metadata.changes import ChangeFeed
from ams.metadata.records import Change, SubscriptionRecord
from ams.metadata.store import Store
from ams.service.errors import ServiceError
from ams.service.logs import get_logger

#: How often the table of changes is read, in seconds, besides hearing of changes.
POLL_SECONDS: Final = 0.9
#: Wait after a look at the database that failed, in seconds.
RETRY_SECONDS: Final = 0.5

log = get_logger()


class Directory:
    """All subscriptions that are pushed by anybody, kept up to date.

    Args:
        store: the database.
        on_change: called with the uuid of a subscription that has changed, come or gone.
    """

    def __init__(self, store: Store, on_change: Callable[[str], None]) -> None:
        #: By uuid. A subscription without a topic has nothing to push.
        self.records: dict[str, SubscriptionRecord] = {}
        self._store = store
        self._on_change = on_change
        self._feed = ChangeFeed(store)
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads all; raises `Unavailable` if the database does not answer."""
        await self._read_all()
        self._task = asyncio.create_task(self._keep_up())

    async def stop(self) -> None:
        """Reads no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def hear(self, changes: Iterable[Change]) -> None:
        """Takes note of changes that were committed."""
        for change in changes:
            if change.kind == "subscription":
                if change.deleted:
                    self._replace(change.uuid, None)
                # Also if it is gone: somebody may just be reading what it was.
                self.look_again(change.uuid)

    def look_again(self, uuid: str) -> None:
        """Has a subscription read again: it may have changed."""
        self._dirty.add(uuid)
        self._wake.set()

    def _replace(self, uuid: str, record: SubscriptionRecord | None) -> None:
        if self.records.get(uuid) == record:
            return
        if record is None:
            del self.records[uuid]
        else:
            self.records[uuid] = record
        self._on_change(uuid)

    async def _keep_up(self) -> None:
        clock = asyncio.get_running_loop().time
        next_poll = clock() + POLL_SECONDS
        missed = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, next_poll - clock()))
            try:
                if missed:
                    await self._read_all()
                    missed = False
                elif clock() >= next_poll:
                    self.hear(await self._feed.read_new())
                await self._read_dirty()
            except ServiceError as error:
                log.warning("subscriptions can't be read", error=error.message)
                missed = True
            except Exception:
                # Were this to end, changes would go unnoticed.
                log.exception("subscriptions can't be read")
                missed = True
            if missed:
                await asyncio.sleep(RETRY_SECONDS)
            if clock() >= next_poll:
                next_poll = clock() + POLL_SECONDS

    async def _read_all(self) -> None:
        # Changes first: what is committed meanwhile is looked at again.
        await self._feed.read_new()
        self._wake.clear()
        self._dirty.clear()
        found = await subscriptions.pushed(self._store)
        for uuid in [*self.records, *found]:
            self._replace(uuid, found.get(uuid))

    async def _read_dirty(self) -> None:
        self._wake.clear()
        uuids = list(self._dirty)
        self._dirty.clear()
        if uuids:
            found = await subscriptions.pushed(self._store, uuids)
            for uuid in uuids:
                self._replace(uuid, found.get(uuid))
