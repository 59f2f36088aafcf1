"""An installation with many topics: reading their figures takes seconds at most."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from ams.messages.group_commit import TopicLog
from ams.metadata.migrate import migrate
from ams.metadata.models import Subscription, Topic
from ams.metadata.store import Store
from ams.service.settings_sections import DatabaseSettings
from tests.exporter import PAGE_SECONDS, Figures, exporter_on
from tests.mariadb import MariaDB
from tests.messages.logs import open_log, publish
from tests.metadata.make import make_project
from tests.servers import RedisServer

#: Topics, each with a subscription and a message.
MANY: Final = 10_000
#: Longest time for a page, in seconds.
LONGEST: Final = 5.0
#: Rows of a statement.
BATCH: Final = 1000
#: Publishes at a time.
AT_ONCE: Final = 500


async def fill(settings: DatabaseSettings, redis: RedisServer) -> None:
    """Makes all of it."""
    uuids = [str(uuid4()) for _ in range(MANY)]
    await migrate(settings)
    async with Store(settings) as store:
        project = await make_project(store)
        common = {"project_id": project.id, "created_on": datetime.now(UTC)}

        async def insert() -> None:
            await Topic.bulk_create(
                [Topic(uuid=uuid, name=f"t{n}", epoch=1, **common) for n, uuid in enumerate(uuids)],
                batch_size=BATCH,
            )
            ids = await Topic.all().order_by("id").values_list("id", flat=True)
            await Subscription.bulk_create(
                [
                    Subscription(
                        uuid=str(uuid4()),
                        name=f"s{n}",
                        epoch=1,
                        topic_name=f"t{n}",
                        topic_id=id_,
                        start_offset=0,
                        ack_deadline_seconds=10,
                        **common,
                    )
                    for n, id_ in enumerate(ids)
                ],
                batch_size=BATCH,
            )

        await store.database.transaction(insert)
    async with open_log(redis.url) as opened:
        for at in range(0, MANY, AT_ONCE):
            logs = [TopicLog(uuid, 1, 0, 0) for uuid in uuids[at : at + AT_ONCE]]
            await asyncio.gather(*(publish(opened.log, log, "x") for log in logs))


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseSettings:
    if request.param == "sqlite":
        return DatabaseSettings(url=f"sqlite://{tmp_path}/many.db", timeout_seconds=30.0)
    mariadb: MariaDB = request.getfixturevalue("mariadb")
    return DatabaseSettings(url=mariadb.create_database(), timeout_seconds=30.0)


async def test_ten_thousand_topics_and_subscriptions_are_read_within_five_seconds(
    database: DatabaseSettings, empty_redis: RedisServer, tmp_path: Path
) -> None:
    await fill(database, empty_redis)
    settings = tmp_path / "ams.toml"
    settings.write_text(f'[redis]\nurl = "{empty_redis.url}"\n[database]\nurl = "{database.url}"\n')
    with exporter_on(tmp_path, settings) as exporter:
        # The faster of two: the machine may be busy with other things.
        answers = [
            await asyncio.to_thread(
                httpx.get, f"{exporter.url}/metrics", timeout=PAGE_SECONDS, trust_env=False
            )
            for _ in range(2)
        ]
    answer = min(answers, key=lambda each: each.elapsed)
    assert answer.elapsed.total_seconds() < LONGEST
    figures = Figures(answer.text)
    assert figures("ams_up", part="redis") == figures("ams_up", part="database") == 1
    assert figures("ams_topics") == figures("ams_subscriptions") == MANY
    assert figures("ams_project_backlog_messages", project="DEMO") == MANY
    last = {"project": "DEMO", "subscription": f"s{MANY - 1}"}
    assert figures("ams_subscription_backlog_messages", **last) == 1
    assert figures("ams_exporter_left_out", kind="topics") == 0
