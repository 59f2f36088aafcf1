"""The hosts on which brokers run (contract: ams-users-metrics 8.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ams.metadata.models import Node
from ams.metadata.records import NodeRecord
from ams.metadata.store import Store

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
        await Node.bulk_create(
            [Node(hostname=hostname, cpu=cpu, memory=memory, seen=now)],
            on_conflict=["hostname"],
            update_fields=["cpu", "memory", "seen"],
        )
        await Node.filter(seen__lt=now - timedelta(days=FORGET_DAYS)).delete()

    await store.database.transaction(upsert)


async def list_all(store: Store, since: datetime) -> list[NodeRecord]:
    """What hosts reported since then, in the order of their names."""
    async with store.database.reading():
        rows = await Node.filter(seen__gte=since).order_by("hostname")
    return [NodeRecord(row.hostname, row.cpu, row.memory, row.seen) for row in rows]
