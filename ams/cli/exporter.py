"""`ams exporter`: tells Prometheus of the platform as a whole."""

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.settings_file import ConfigOption, read_settings


def exporter(config: ConfigOption = None) -> None:
    """Run the exporter, which tells Prometheus how all topics and subscriptions fare."""
    settings = read_settings(config)
    # Late: the stores are behind this.
    from ams.service.database import DatabaseError
    from ams.service.settings import SettingsError
    from metrics.app import serve

    try:
        status = serve(settings)
    except (SettingsError, DatabaseError) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    raise typer.Exit(status)
