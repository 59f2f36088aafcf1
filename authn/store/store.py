"""The database of an AuthN process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from ams.service import migrations
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import Unavailable
from ams.service.migrations import Tables, check_version
from ams.service.settings_sections import DatabaseSettings
from authn.errors import DatabaseFailure
from authn.store.models import APP

if TYPE_CHECKING:
    from ams.service.authn_settings import AuthnSettings

ResultT = TypeVar("ResultT")

TABLES: Final = Tables(
    app=APP,
    models="authn.store.models",
    migrations="authn.store.migrations",
    command="ams authn migrate",
    setting="authn.database_url",
)


class Store:
    """Where service types, auth methods and bindings are kept.

    The functions of `service_types`, `auth_methods` and `bindings` work within one of:

        async with store.reading():
            ...
        await store.write(work)

    Args:
        settings: The `[authn]` section.

    Raises:
        DatabaseError: The settings are not usable.
    """

    def __init__(self, settings: AuthnSettings) -> None:
        self.database = TABLES.database(_database_settings(settings))

    async def open(self) -> None:
        """Get ready. A server may come up later; a SQLite file's folder is made.

        Raises:
            DatabaseError: The folder can't be made.
        """
        await self.database.open()

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def check_version(self) -> None:
        """Make sure that database and program fit.

        Raises:
            DatabaseVersionError: They don't; the message says what to do.
            Unavailable: The database can't be reached.
        """
        await check_version(self.database, TABLES)

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Unavailable: There is none.
        """
        async with self.database.reading() as client:
            await client.execute_query("SELECT 1")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Lend the database for a few reads.

        Raises:
            DatabaseFailure: It gave no answer in time.
        """
        try:
            async with self.database.reading():
                yield
        except Unavailable as error:
            raise DatabaseFailure(error.message) from error

    async def write(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Do `work` in a transaction.

        Work looks itself for what must be unique or must be there, because it knows what to say.
        Where somebody else was faster it is done again, and then finds out.

        Raises:
            DatabaseFailure: No success in time.
            InvalidArgument: A value does not fit its column.
        """
        try:
            try:
                return await self.database.transaction(work)
            except (Duplicate, MissingParent):
                return await self.database.transaction(work)
        except Unavailable as error:
            raise DatabaseFailure(error.message) from error


async def migrate(settings: AuthnSettings) -> list[str]:
    """Bring the database to this program's version; see `migrations.migrate`."""
    return await migrations.migrate(_database_settings(settings), TABLES)


def _database_settings(settings: AuthnSettings) -> DatabaseSettings:
    return DatabaseSettings(url=settings.database_url)
