"""A database and a program that don't fit are not used together."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationTarget
from tortoise.migrations.operations import AlterModelOptions

from ams.metadata import nodes, projects, schemas, subscriptions, topics, users
from ams.metadata.migrate import TABLES, migrate
from ams.metadata.models import APP
from ams.metadata.store import Store
from ams.service.database import DatabaseError, DatabaseVersionError
from ams.service.errors import Unavailable
from ams.service.migrations import Executor
from ams.service.settings_sections import DatabaseSettings
from tests.mariadb import MariaDB
from tests.metadata.make import make_project, make_topic

FIRST = "0001_initial"
STEPS = [FIRST, "0002_schemas_push_audit"]


async def run_sql(settings: DatabaseSettings, *statements: str) -> None:
    async with Store(settings) as store, store.database.reading() as client:
        for statement in statements:
            await client.execute_query(statement)


async def check(settings: DatabaseSettings) -> None:
    async with Store(settings) as store:
        await store.check_version()


async def test_an_empty_database_gets_all_tables(empty_settings: DatabaseSettings) -> None:
    assert await migrate(empty_settings) == STEPS
    async with Store(empty_settings) as store:
        await store.check_version()
        await make_topic(store, await make_project(store))


async def test_a_database_that_is_up_to_date_is_left_alone(
    empty_settings: DatabaseSettings,
) -> None:
    await migrate(empty_settings)
    async with Store(empty_settings) as store:
        project = await make_project(store)
    assert await migrate(empty_settings) == []
    async with Store(empty_settings) as store:
        assert await projects.get(store, "DEMO") == project


async def test_of_many_who_migrate_at_once_one_does_it(empty_settings: DatabaseSettings) -> None:
    done = await asyncio.gather(*(migrate(empty_settings) for _ in range(4)))
    assert sorted(done) == [[], [], [], STEPS]
    await check(empty_settings)


async def test_a_step_that_was_cut_short_can_be_done_again(
    empty_settings: DatabaseSettings,
) -> None:
    await migrate(empty_settings)
    await run_sql(empty_settings, "DROP TABLE topic_acls", "DELETE FROM tortoise_migrations")
    assert await migrate(empty_settings) == STEPS
    async with Store(empty_settings) as store:
        topic = await make_topic(store, await make_project(store))
        await topics.set_acl(store, topic, [])


@pytest.fixture
async def first_version(empty_settings: DatabaseSettings) -> DatabaseSettings:
    """A database of the first version with things in it."""
    async with Store(empty_settings) as store, store.database.reading() as client:
        await Executor(client, TABLES).migrate([MigrationTarget(APP, FIRST)])
    now = "'2024-01-01 00:00:00'"
    await run_sql(
        empty_settings,
        "INSERT INTO users (id, uuid, name, email, first_name, last_name, organization,"
        " description, service_roles, token_digest, token_ciphertext, created_on, modified_on)"
        f" VALUES (7, 'u', 'user', '', '', '', '', '', '[]', 'digest', 'c', {now}, {now})",
        "INSERT INTO projects (id, uuid, name, description, created_on, modified_on)"
        f" VALUES (7, 'p', 'DEMO', '', {now}, {now})",
        "INSERT INTO topics (id, uuid, project_id, name, epoch, created_on)"
        f" VALUES (7, 't', 7, 'news', 3, {now})",
        "INSERT INTO subscriptions (id, uuid, project_id, name, epoch, topic_name, topic_id,"
        " start_offset, ack_deadline_seconds, created_on)"
        f" VALUES (7, 's', 7, 'reader', 4, 'news', 7, 0, 10, {now})",
    )
    return empty_settings


async def use_the_second_version(settings: DatabaseSettings) -> None:
    async with Store(settings) as store:
        await store.check_version()
        topic = await topics.get(store, 7, "news")
        assert (topic.id, topic.epoch, topic.schema) == (7, 3, None)
        assert (await subscriptions.get(store, 7, "reader")).push is None
        assert (await users.by_name(store, "user")).token_last_used is None
        project = await projects.get(store, "DEMO")
        schema = await schemas.create(store, project, "s", type="json", definition="{}")
        await topics.set_schema(store, topic, schema)
        # The database itself keeps topics and schemas together.
        await run_sql(settings, "DELETE FROM `schemas`")
        assert (await topics.get(store, 7, "news")).schema is None


async def test_a_database_of_the_first_version_becomes_one_of_the_second(
    first_version: DatabaseSettings,
) -> None:
    assert await migrate(first_version) == STEPS[1:]
    await use_the_second_version(first_version)


async def test_a_second_version_that_was_cut_short_can_be_done_again(
    first_version: DatabaseSettings,
) -> None:
    await migrate(first_version)
    await run_sql(
        first_version,
        "DROP TABLE nodes",
        "ALTER TABLE users DROP COLUMN token_last_used",
        f"DELETE FROM tortoise_migrations WHERE name = '{STEPS[1]}'",
    )
    assert await migrate(first_version) == STEPS[1:]
    await use_the_second_version(first_version)
    async with Store(first_version) as store:
        await nodes.report(store, "host", 1.5, 2.5)


async def test_a_program_refuses_an_empty_database(empty_settings: DatabaseSettings) -> None:
    with pytest.raises(DatabaseVersionError, match="run `ams migrate`"):
        await check(empty_settings)


async def test_a_program_refuses_a_database_that_lacks_a_step(
    empty_settings: DatabaseSettings,
) -> None:
    await migrate(empty_settings)
    await run_sql(empty_settings, "DELETE FROM tortoise_migrations")
    with pytest.raises(DatabaseVersionError, match="run `ams migrate`"):
        await check(empty_settings)


async def test_a_program_refuses_a_database_of_a_newer_one(
    empty_settings: DatabaseSettings,
) -> None:
    await migrate(empty_settings)
    await run_sql(
        empty_settings,
        "INSERT INTO tortoise_migrations (app, name, applied_at)"
        f" VALUES ('{APP}', '9999_future', '2040-01-01 00:00:00')",
    )
    for refused in (check, migrate):
        with pytest.raises(DatabaseVersionError, match=r"older than its database.*9999_future"):
            await refused(empty_settings)


async def test_the_steps_lead_to_the_models(settings: DatabaseSettings) -> None:
    """Whoever changes a model writes a migration."""
    async with Store(settings) as store, store.database.reading() as client:
        apps = store.database._tortoise.apps
        assert apps is not None
        config = {
            "models": [TABLES.models],
            "migrations": TABLES.migrations,
            "default_connection": client.connection_name,
        }
        writers = await MigrationAutodetector(apps, {APP: config}).changes()
    # A table's comment, the model's docstring, may change without one.
    missing = [
        operation
        for writer in writers
        for operation in writer.operations
        if not isinstance(operation, AlterModelOptions)
    ]
    assert missing == []


class TestMySQL:
    @pytest.mark.parametrize("default", ["latin1", "utf8mb4 COLLATE utf8mb4_general_ci"])
    async def test_the_databases_own_character_set_does_not_matter(
        self, mariadb: MariaDB, default: str
    ) -> None:
        url = mariadb.create_database()
        mariadb.execute(f"ALTER DATABASE `{url.rpartition('/')[2]}` CHARACTER SET {default}")
        settings = DatabaseSettings(url=url)
        await migrate(settings)
        async with Store(settings) as store:
            for name in ("demo", "DEMO", "dèmo", "dẽmo", "😀", "😁"):
                await projects.create(store, name, description="😀")
            assert (await projects.get(store, "DEMO")).description == "😀"
            assert (await projects.get(store, "😁")).name == "😁"

    async def test_a_server_that_is_away_is_said_to_be(self, mariadb: MariaDB) -> None:
        settings = DatabaseSettings(url="mysql://ams:secret@127.0.0.1:9/ams", timeout_seconds=1)
        for refused in (check, migrate):
            with pytest.raises(Unavailable):
                await refused(settings)

    async def test_a_database_that_does_not_exist_is_not_taken_for_an_old_one(
        self, mariadb: MariaDB
    ) -> None:
        settings = DatabaseSettings(url=f"{mariadb.create_database()}_no_such")
        for refused in (check, migrate):
            with pytest.raises(Unavailable):
                await refused(settings)

    async def test_one_connection_in_the_pool_is_enough(self, mariadb: MariaDB) -> None:
        settings = DatabaseSettings(url=mariadb.create_database(), pool_size=1)
        assert await migrate(settings) == STEPS


class TestSqlite:
    async def test_the_folder_and_the_files_are_for_their_owner_only(self, tmp_path: Path) -> None:
        folder = tmp_path / "new" / "deep"
        before = os.umask(0)
        try:
            await migrate(DatabaseSettings(url=f"sqlite://{folder}/ams.db"))
        finally:
            os.umask(before)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes["ams.db"] == 0o600
        assert set(modes.values()) == {0o600}

    async def test_the_files_beside_an_open_database_are_too(self, tmp_path: Path) -> None:
        settings = DatabaseSettings(url=f"sqlite://{tmp_path}/new/ams.db")
        await migrate(settings)
        async with Store(settings) as store:
            await make_project(store)
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode)
                for path in (tmp_path / "new").iterdir()
            }
        assert "ams.db-wal" in modes
        assert set(modes.values()) == {0o600}

    async def test_a_folder_that_can_not_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseError, match=r"cannot make the folder.*file/ams\.db"):
            await migrate(DatabaseSettings(url=f"sqlite://{tmp_path}/file/ams.db"))

    async def test_a_file_that_is_no_database_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "ams.db").write_bytes(b"no database " * 1000)
        for refused in (check, migrate):
            with pytest.raises(Unavailable):
                await refused(DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db"))

    async def test_a_path_may_hold_any_character(self, tmp_path: Path) -> None:
        settings = DatabaseSettings(url=f"sqlite://{tmp_path}/a%20b%3Fc%23d/%C3%BC.db")
        assert await migrate(settings) == STEPS
        assert (tmp_path / "a b?c#d" / "ü.db").exists()
