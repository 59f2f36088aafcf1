"""The hosts on which brokers run (contract: ams-users-metrics 8.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ams.metadata.models import Node
from ams.metadata.records import NodeRecord
from ams.metadata.store import Store
from ams.service.database import Duplicate

#: After so long without a report a host is forgotten, in days.
FORGET_DAYS = 30


async def report(store: Store, hostname: str, cpu: float, memory: float) -> None:
    """Note a host's CPU and memory use, in percent, in place of what it reported before.

    Raises:
        Unavailable: The database can't be reached.
        InvalidArgument: The name is too long.
    """
    now = datetime.now(UTC)

    async def upsert() -> None:
        row = await Node.filter(hostname=hostname).select_for_update().first()
        row = row or Node(hostname=hostname)
        row.cpu, row.memory, row.seen = cpu, memory, now
        await row.save()
        await Node.filter(seen__lt=now - timedelta(days=FORGET_DAYS)).delete()

    try:
        await store.database.transaction(upsert)
    except Duplicate:
        # Another process of the host was the first; now there is something to change.
        await store.database.transaction(upsert)


async def list_all(store: Store, since: datetime) -> list[NodeRecord]:
    """What hosts reported since then, in the order of their names."""
    async with store.database.reading():
        rows = await Node.filter(seen__gte=since).order_by("hostname")
    return [NodeRecord(row.hostname, row.cpu, row.memory, row.seen) for row in rows]
