"""Removes old entries from the audit trail."""

from datetime import UTC, datetime, timedelta
from typing import Final

from ams.messages.log import MessageLog
from ams.messages.periodic import Periodic
from ams.metadata import audit
from ams.metadata.store import Store

#: How often the trail is pruned, seconds.
INTERVAL: Final = 3600.0

#: Held by the worker that prunes; it expires when the next round is due.
LEASE: Final = "ams:audit-pruner"


class AuditPruner(Periodic):
    """Prunes now and then; of all workers one at a time does it.

    Args:
        log: knows whose turn it is.
        store: where the trail is.
        days: how long entries are kept.
    """

    def __init__(self, log: MessageLog, store: Store, days: int) -> None:
        super().__init__("The audit trail could not be pruned")
        self._log = log
        self._store = store
        self._days = days

    async def _turn(self) -> None:
        if await self._log.lease(LEASE, INTERVAL * 0.9):
            await self.prune()

    def _pause(self) -> float:
        return INTERVAL

    async def prune(self) -> int:
        """Removes what is too old; returns how many entries that were."""
        return await audit.prune(self._store, datetime.now(UTC) - timedelta(days=self._days))
