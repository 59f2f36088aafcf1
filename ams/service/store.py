"""A service's database with its tables: opened, checked and closed in one way."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from ams.service.migrations import Tables, check_version

if TYPE_CHECKING:
    from ams.service.settings_sections import DatabaseSettings


class TableStore:
    """What the stores of all services do alike.

    Args:
        settings: Where the database is.
        tables: What is in it.

    Raises:
        DatabaseError: The settings are not usable.
    """

    def __init__(self, settings: DatabaseSettings, tables: Tables) -> None:
        self.database = tables.database(settings)
        self._tables = tables

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
        await check_version(self.database, self._tables)

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            Unavailable: There is none.
        """
        async with self.database.reading() as client:
            await client.execute_query("SELECT 1")
