"""The database of an AuthN process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from ams.service import migrations
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import Unavailable
from ams.service.migrations import Tables
from ams.service.settings_sections import DatabaseSettings
from ams.service.store import TableStore
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


class Store(TableStore):
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
        super().__init__(_database_settings(settings), TABLES)

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
