"""Removes entries of the audit trail that are older than they need to be kept."""

from datetime import UTC, datetime, timedelta
from typing import Final

from ams.messages.log import MessageLog
from ams.messages.periodic import Periodic
from ams.metadata import audit
from ams.metadata.store import Store

#: How often old entries are looked for, in seconds.
INTERVAL: Final = 3600.0
#: Held by the worker that looks; it expires when the next round is due.
LEASE: Final = "ams:audit-pruner"


class AuditPruner(Periodic):
    """Prunes the audit trail now and then; of all workers one at a time does it.

    Args:
        store: where the trail is.
        log: who says whose turn it is.
        days: how long entries are kept; 0 for no limit.
    """

    def __init__(self, store: Store, log: MessageLog, days: int) -> None:
        super().__init__("The audit trail could not be pruned")
        self._store = store
        self._log = log
        self._days = days

    async def _turn(self) -> None:
        if self._days and await self._log.lease(LEASE, INTERVAL * 0.9):
            await audit.prune(self._store, datetime.now(UTC) - timedelta(days=self._days))

    def _pause(self) -> float:
        return INTERVAL
