"""`ams push`: runs a worker that pushes messages to their receivers."""

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.settings_file import ConfigOption, read_settings


def push(config: ConfigOption = None) -> None:
    """Push messages to their receivers, until SIGTERM or Ctrl-C; any number may run, anywhere."""
    settings = read_settings(config)
    # Late: Redis, the ORM and the HTTP server are behind this.
    from ams.push.app import serve
    from ams.service.settings import SettingsError

    try:
        status = serve(settings)
    except SettingsError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    raise typer.Exit(status)
