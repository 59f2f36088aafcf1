"""The --config option, and reading the settings that it means."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit

if TYPE_CHECKING:
    from ams.service.settings import Settings

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file.",
        show_default="$AMS_CONFIG, else /etc/ams/ams.toml if it exists",
    ),
]


def read_settings(file: Path | None) -> "Settings":
    """The settings of a file and of the environment.

    Raises:
        CommandFailed: they are wrong; the text has a line for each fault.
    """
    # Late: pydantic takes long to import.
    from ams.service.settings import SettingsError, load_settings

    try:
        return load_settings(file)
    except SettingsError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
