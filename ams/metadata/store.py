"""The metadata database of a process, and what happens after each change of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from ams.metadata import audit
from ams.metadata.migrate import TABLES
from ams.metadata.models import ChangeRow
from ams.metadata.records import Change
from ams.service.logs import get_logger
from ams.service.store import TableStore

if TYPE_CHECKING:
    from ams.service.settings_sections import DatabaseSettings

ResultT = TypeVar("ResultT")

#: Told the changes of one transaction, in their order, once they are committed.
AfterCommit = Callable[[list[Change]], Awaitable[None]]
#: Gathers the changes that a transaction makes.
Changes = list[Change]

#: Most rows that one statement inserts.
INSERT_BATCH = 1000

_log = get_logger()


class Store(TableStore):
    """Where projects, users, topics and subscriptions are kept.

    The functions of `projects`, `topics`, `subscriptions` and `users` take it as their first
    argument:

        async with Store(settings.database) as store:
            project = await projects.create(store, "DEMO")
            topic = await topics.create(store, project, "news")

    Args:
        settings: The `[database]` section.
        after_commit: Told of every change made through this store. It may fail: that is logged,
            and others learn of the change from the database.

    Raises:
        DatabaseError: The settings are not usable.
    """

    def __init__(self, settings: DatabaseSettings, after_commit: AfterCommit | None = None) -> None:
        super().__init__(settings, TABLES)
        self._after_commit = after_commit
        self._listeners: list[Callable[[list[Change]], None]] = []
        self._telling: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close all connections, once everybody was told of what was committed."""
        await asyncio.gather(*self._telling)
        await super().close()

    def on_commit(self, listener: Callable[[list[Change]], None]) -> None:
        """Have `listener` called at once, without waiting for anything, after each commit here."""
        self._listeners.append(listener)

    async def write(self, work: Callable[[Changes], Awaitable[ResultT]]) -> ResultT:
        """Do `work` in a transaction, log the changes that it adds to its argument, tell of them.

        If `audit.origin` is set, an entry of the audit trail is part of the transaction.

        Raises:
            Whatever `Database.transaction` raises.
        """
        changes: Changes = []
        asked = audit.origin.get()

        async def logged_work() -> ResultT:
            # What an attempt that failed has left is not so.
            changes.clear()
            audit.origin.set(asked)
            result = await work(changes)
            now = datetime.now(UTC)
            await ChangeRow.bulk_create(
                [
                    ChangeRow(
                        kind=change.kind,
                        uuid=change.uuid,
                        topic_uuid=change.topic_uuid,
                        epoch=change.epoch,
                        at=now,
                    )
                    for change in changes
                ],
                batch_size=INSERT_BATCH,
            )
            await audit.insert()
            return result

        result = await self.database.transaction(logged_work)
        for listener in self._listeners:
            listener(changes)
        if self._after_commit is not None and changes:
            # Shielded: a client that goes away must not keep others from hearing of the change.
            task = asyncio.create_task(self._tell(self._after_commit, changes))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
            await asyncio.shield(task)
        return result

    async def _tell(self, after_commit: AfterCommit, changes: list[Change]) -> None:
        try:
            await after_commit(changes)
        except Exception:  # noqa: BLE001 - whatever it is, the change is made
            _log.exception(
                "others were not told of a change; they will read it", count=len(changes)
            )
