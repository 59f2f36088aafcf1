"""Brings a database to the version this program needs, and tells which version it has.

The steps are Tortoise migrations; the ones a database has gone through are in its table
`tortoise_migrations`. Services that share a database have steps of their own there.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tortoise import Model
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.indexes import Index
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor import (
    BaseSchemaEditor,
    MySQLSchemaEditor,
    SqliteSchemaEditor,
)

from ams.service.database import Database, DatabaseVersionError
from ams.service.errors import Unavailable

if TYPE_CHECKING:
    from ams.service.settings_sections import DatabaseSettings

#: Longest run of all steps, the wait for another process that is at it included, in seconds.
MIGRATE_SECONDS = 600.0
#: How often the lock of a SQLite database is tried, in seconds.
LOCK_POLL_SECONDS = 0.05
#: Longest name of a lock on MySQL, in characters.
MYSQL_LOCK_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a service.

    Args:
        app: What the references of the models to each other start with.
        models: Name of the module with the Tortoise models.
        migrations: Name of the package with the steps.
        command: That does the steps.
        setting: That holds the URL of the database.
    """

    app: str
    models: str
    migrations: str
    command: str
    setting: str

    def database(self, settings: DatabaseSettings) -> Database:
        """A database that holds them."""
        return Database(settings, models=self.models, app=self.app, setting=self.setting)


class _Repeatable(BaseSchemaEditor):
    """Makes tables, columns and indexes in a way that can be done again.

    MySQL can't undo half a step, and that a step is done is noted after it: one that was cut
    short must be able to run a second time.
    """

    #: Count the columns, or indexes, of a table with a name.
    COLUMNS: ClassVar[str]
    INDEXES: ClassVar[str]

    async def create_model(self, model: type[Model]) -> None:
        sql = self._get_model_sql_data(model).table_sql
        for thing in ("TABLE", "INDEX"):
            sql = sql.replace(f"CREATE {thing} ", f"CREATE {thing} IF NOT EXISTS ")
        await self._run_sql(sql)

    async def add_field(self, model: type[Model], field_name: str) -> None:
        column = model._meta.fields_map[field_name].source_field or field_name
        if not await self._count(self.COLUMNS, model._meta.db_table, column):
            await super().add_field(model, field_name)

    async def add_index(self, model: type[Model], index: Index) -> None:
        name = self._index_name_for_model(model, index)
        if not await self._count(self.INDEXES, model._meta.db_table, name):
            await super().add_index(model, index)

    async def _count(self, query: str, table: str, name: str) -> int:
        (row,) = await self.client.execute_query_dict(query, [table, name])
        return int(row["n"])


class _MySQLEditor(_Repeatable, MySQLSchemaEditor):
    """Tables that tell upper from lower case, whatever the database's own default is."""

    COLUMNS = (
        "SELECT COUNT(*) AS n FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s"
    )
    INDEXES = (
        "SELECT COUNT(*) AS n FROM information_schema.statistics"
        " WHERE table_schema = DATABASE() AND table_name = %s AND index_name = %s"
    )

    def _table_generate_extra(self, table: str) -> str:
        return " ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

    async def _run_sql(self, sql: str) -> None:
        # References of a new column, which Tortoise forgets; those of a new table are in `sql`.
        # In the same statement, so that there is never the one without the other.
        references = [f", ADD {reference}" for reference in self._foreign_keys]
        self._foreign_keys.clear()
        await super()._run_sql(sql + "".join(references))


class _SqliteEditor(_Repeatable, SqliteSchemaEditor):
    """Tables as SQLite knows them."""

    COLUMNS = "SELECT COUNT(*) AS n FROM pragma_table_info(?) WHERE name = ?"
    INDEXES = "SELECT COUNT(*) AS n FROM pragma_index_list(?) WHERE name = ?"


class Executor(MigrationExecutor):
    """Runs steps with our editors."""

    def __init__(self, connection: BaseDBAsyncClient, tables: Tables) -> None:
        app = {
            "migrations": tables.migrations,
            "default_connection": connection.connection_name,
        }
        super().__init__(connection, {tables.app: app})

    def _schema_editor(self, atomic: bool = True, collect_sql: bool = False) -> BaseSchemaEditor:
        mysql = self.connection.capabilities.dialect == "mysql"
        editor = _MySQLEditor if mysql else _SqliteEditor
        return editor(self.connection, atomic=atomic, collect_sql=collect_sql)


async def migrate(settings: DatabaseSettings, tables: Tables) -> list[str]:
    """Bring the database to this program's version. Safe to run from several places at once.

    Returns:
        The names of the steps that were done now; none if the database was up to date.

    Raises:
        Unavailable: The database can't be reached.
        DatabaseVersionError: It is newer than this program.
        DatabaseError: It can't be used as it is set up.
    """
    # A step on a large table may take long.
    patient = settings.model_copy(update={"timeout_seconds": MIGRATE_SECONDS, "pool_size": 2})
    database = tables.database(patient)
    await database.open()
    done: list[str] = []

    def note(event: str, _app: str, name: str) -> None:
        if event == "apply_done":
            done.append(name)

    try:
        async with asyncio.timeout(settings.timeout_seconds), database.reading() as client:
            await client.execute_query("SELECT 1")
        async with _only_one(database), database.reading() as client:
            _refuse_newer(await _applied(client, tables), _known(client, tables))
            await Executor(client, tables).migrate(direction="forward", progress=note)
    except TimeoutError:
        raise Unavailable("Database is unavailable, try again later") from None
    finally:
        await database.close()
    return done


async def check_version(database: Database, tables: Tables) -> None:
    """Make sure that the database has exactly the version that this program needs.

    Raises:
        DatabaseVersionError: It has not; the message says what to do.
        Unavailable: The database can't be reached.
    """
    async with database.reading() as client:
        applied = await _applied(client, tables)
        known = _known(client, tables)
    _refuse_newer(applied, known)
    if known - applied:
        raise DatabaseVersionError(f"the database is older than this AMS: run `{tables.command}`")


def _refuse_newer(applied: set[str], known: set[str]) -> None:
    newer = sorted(applied - known)
    if newer:
        raise DatabaseVersionError(
            "this AMS is older than its database: install the version that made it"
            f" (unknown: {', '.join(newer)})"
        )


def _known(client: BaseDBAsyncClient, tables: Tables) -> set[str]:
    """The names of this program's own steps."""
    loader = Executor(client, tables).loader
    loader.load_disk()
    return {key.name for key in loader.disk_migrations}


async def _applied(client: BaseDBAsyncClient, tables: Tables) -> set[str]:
    """The names of the steps that the database has gone through."""
    # The recorder itself takes every error for an empty database.
    table = MigrationRecorder(client).table_name
    query = (
        "SELECT COUNT(*) AS n FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = %s"
        if client.capabilities.dialect == "mysql"
        else "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = ?"
    )
    (row,) = await client.execute_query_dict(query, [table])
    if not row["n"]:
        return set()
    rows = await client.execute_query_dict(f"SELECT app, name FROM {table}")
    return {row["name"] for row in rows if row["app"] == tables.app}


def _only_one(database: Database) -> AbstractAsyncContextManager[None]:
    """Keep other processes from migrating the same database at the same time."""
    return _mysql_lock(database) if database.file is None else _file_lock(database.file)


@asynccontextmanager
async def _mysql_lock(database: Database) -> AsyncIterator[None]:
    # The name counts for the whole server.
    digest = hashlib.sha256(database.name.encode()).hexdigest()
    name = f"ams-migrate-{digest}"[:MYSQL_LOCK_NAME_LENGTH]
    # The lock belongs to the connection, so this one is kept; the steps use another.
    async with (
        database.reading() as client,
        client.acquire_connection() as connection,
        connection.cursor() as cursor,
    ):
        await cursor.execute("SELECT GET_LOCK(%s, %s)", [name, MIGRATE_SECONDS])
        if await cursor.fetchone() != (1,):
            raise Unavailable("Another process is migrating the database")
        try:
            yield
        finally:
            await cursor.execute("SELECT RELEASE_LOCK(%s)", [name])
            await cursor.fetchone()


@asynccontextmanager
async def _file_lock(file: Path) -> AsyncIterator[None]:
    # Not the database file: closing it would also drop the locks that SQLite has on it.
    descriptor = os.open(f"{file}.migrate-lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        async with asyncio.timeout(MIGRATE_SECONDS):
            while not _try_lock(descriptor):  # noqa: ASYNC110 - another process has it
                await asyncio.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
