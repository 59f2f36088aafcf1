"""`ams authn serve` and `ams authn migrate`: running AuthN, and preparing its database."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.migrate import run_migration
from ams.cli.settings_file import ConfigOption, read_settings

if TYPE_CHECKING:
    from ams.service.settings import Settings


MigrateOption = Annotated[
    bool, typer.Option("--migrate", help="Bring the database up to date first.")
]


def serve(config: ConfigOption = None, migrate_first: MigrateOption = False) -> None:
    """Run AuthN, until SIGTERM or Ctrl-C."""
    settings = read_settings(config)
    # Late: the whole service is behind this.
    from ams.service.database import DatabaseError
    from ams.service.settings import SettingsError
    from authn.api.app import serve as serve_authn

    if migrate_first:
        _migrate(settings)
    try:
        status = serve_authn(settings)
    except (SettingsError, DatabaseError) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    raise typer.Exit(status)


def migrate(config: ConfigOption = None) -> None:
    """Bring AuthN's database up to date; safe to run again, and while AuthN runs."""
    _migrate(read_settings(config))


def _migrate(settings: "Settings") -> None:
    # Late: the ORM takes long to import.
    from authn.store.store import migrate as migrate_database

    run_migration(migrate_database(settings.authn))
