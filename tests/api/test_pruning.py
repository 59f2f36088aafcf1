"""The audit trail is kept as long as the settings say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ams.api import pruning
from ams.api.pruning import LEASE, AuditPruner
from ams.metadata import audit
from ams.metadata.migrate import migrate
from ams.metadata.models import AuditRow
from ams.metadata.store import Store
from ams.service.settings import DatabaseSettings
from tests.api.client import Project, object_in
from tests.conftest import StartNode
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
    monkeypatch.setattr(pruning, "INTERVAL", 0.1)
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
        pruners = [AuditPruner(opened.log, store, 10) for _ in range(3)]
        for pruner in pruners:
            pruner.start()
        await eventually(lambda: len(rounds) >= 5)
        elapsed = (datetime.now(UTC) - begun).total_seconds()
        for pruner in pruners:
            await pruner.stop()
        # A lease ends nine tenths of a round after it was taken.
        assert len(rounds) <= elapsed / 0.09 + 1
        assert await ages(store) == ["0", "9.9"]


@pytest.mark.parametrize(("days", "kept"), [(5, False), (0, True), (36_500, True)])
async def test_a_broker_prunes_its_trail_unless_it_has_no_limit(
    start_node: StartNode, days: int, kept: bool
) -> None:
    node = await start_node(audit={"retention_days": days})
    project = await Project.create(node)
    node.kill()
    async with Store(DatabaseSettings(url=str(node.settings["database"]["url"]))) as store:
        await insert(store, 6, 1)
    async with Redis.from_url(str(node.settings["redis"]["url"])) as redis:
        await redis.delete(LEASE)
        await node.start()
        if days:
            await eventually(lambda: redis.exists(LEASE))
        else:
            assert not await redis.exists(LEASE)

    async def actions() -> set[str]:
        found = object_in(await node.request("GET", "/v1/audit"))["entries"]
        return {entry["action"] for entry in found}

    async def settled() -> bool:
        return ("6" in await actions()) is kept

    await eventually(settled)
    assert {"1", "projects:create"} <= await actions()
    await project.remove()
