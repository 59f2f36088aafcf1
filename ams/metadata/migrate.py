"""The version of the metadata that this program needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ams.metadata.models import APP
from ams.service import migrations
from ams.service.migrations import Tables

if TYPE_CHECKING:
    from ams.service.settings_sections import DatabaseSettings

TABLES: Final = Tables(
    app=APP,
    models="ams.metadata.models",
    migrations="ams.metadata.migrations",
    command="ams migrate",
    setting="database.url",
)


async def migrate(settings: DatabaseSettings) -> list[str]:
    """Bring the metadata to this program's version; see `migrations.migrate`."""
    return await migrations.migrate(settings, TABLES)
