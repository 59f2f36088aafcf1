"""`ams migrate`: brings the database to the version that this program needs."""

from collections.abc import Coroutine
from typing import Any

import typer

from ams.cli.failure import CommandFailed
from ams.cli.settings_file import ConfigOption, read_settings


def migrate(config: ConfigOption = None) -> None:
    """Bring the database up to date; safe to run again, and while brokers run."""
    settings = read_settings(config)
    # Late: the ORM takes long to import.
    from ams.metadata.migrate import migrate as migrate_database

    run_migration(migrate_database(settings.database))


def run_migration(work: Coroutine[Any, Any, list[str]]) -> None:
    """Does the steps that bring a database up to date, and says which they were.

    Raises:
        CommandFailed: the database can't be used.
    """
    import asyncio

    from ams.service.database import DatabaseError
    from ams.service.errors import ServiceError

    try:
        steps = asyncio.run(work)
    except DatabaseError as error:
        raise CommandFailed(str(error)) from error
    except ServiceError as error:
        raise CommandFailed(error.message) from error
    for step in steps:
        typer.echo(f"Applied {step}.")
    if not steps:
        typer.echo("The database is up to date.")
