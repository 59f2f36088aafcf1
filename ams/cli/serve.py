"""`ams serve`: runs a broker."""

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.settings_file import ConfigOption, read_settings


def serve(config: ConfigOption = None) -> None:
    """Run a broker, until SIGTERM or Ctrl-C."""
    settings = read_settings(config)
    # Late: the whole broker is behind this.
    from ams.api.app import serve as serve_broker
    from ams.service.settings import SettingsError

    try:
        status = serve_broker(settings)
    except SettingsError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    raise typer.Exit(status)
