"""Of many workers one prunes the audit trail; that a broker does it is in test_audit.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ams.api import audit_pruning
from ams.api.audit_pruning import AuditPruner
from ams.metadata import audit
from ams.metadata.migrate import migrate
from ams.metadata.models import AuditRow
from ams.metadata.store import Store
from ams.service.settings_sections import DatabaseSettings
from tests.eventually import eventually
from tests.messages.logs import open_log
from tests.servers import RedisServer


async def insert(store: Store, *ages: float) -> None:
    """Entries so many days old."""

    async def work() -> None:
        for age in ages:
            await AuditRow.create(
                at=datetime.now(UTC) - timedelta(days=age),
                actor_uuid="",
                actor_name="",
                action=str(age),
                resource="",
                source="",
                trace_id="",
                detail={},
            )

    await store.database.transaction(work)


async def ages(store: Store) -> list[str]:
    page = await audit.list_page(store, page_size=100)
    return [entry.action for entry in page.items]


async def test_of_many_workers_one_prunes_each_round(
    empty_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_pruning, "INTERVAL", 0.1)
    settings = DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db")
    await migrate(settings)
    rounds: list[datetime] = []
    prune = audit.prune

    async def spy(store: Store, older_than: datetime) -> int:
        rounds.append(older_than)
        return await prune(store, older_than)

    monkeypatch.setattr(audit, "prune", spy)
    async with open_log(empty_redis.url) as opened, Store(settings) as store:
        await insert(store, 0, 9.9, 10.1, 500)
        begun = datetime.now(UTC)
        pruners = [AuditPruner(store, opened.log, 10) for _ in range(3)]
        for pruner in pruners:
            pruner.start()
        await eventually(lambda: len(rounds) >= 5)
        elapsed = (datetime.now(UTC) - begun).total_seconds()
        for pruner in pruners:
            await pruner.stop()
        # A lease ends nine tenths of a round after it was taken.
        assert len(rounds) <= elapsed / 0.09 + 1
        assert await ages(store) == ["0", "9.9"]
