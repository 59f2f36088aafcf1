"""The `ams up` command and its options."""

from pathlib import Path
from typing import Annotated

import typer

from ams.cli.connection import DEFAULT_DATA_FOLDER


def up(
    data: Annotated[
        Path,
        typer.Option(help="Folder that holds everything; made if it is not there."),
    ] = DEFAULT_DATA_FOLDER,
    http_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port for plain HTTP; 0 for any free one.",
            show_default="as in the folder's ams.toml, at first 8080",
        ),
    ] = None,
    https_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port for HTTPS; 0 for any free one.",
            show_default="as in the folder's ams.toml, at first 8444",
        ),
    ] = None,
    authn_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port for AuthN; 0 for any free one.",
            show_default="as in the folder's ams.toml, at first 8443",
        ),
    ] = None,
    exporter_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port for the exporter; 0 for any free one.",
            show_default="as in the folder's ams.toml, at first 9180",
        ),
    ] = None,
) -> None:
    """Run all of AMS on this machine, until Ctrl-C.

    The first start makes a folder with all that is needed, a demo project included, and says how
    to publish a first message. A later start goes on with the folder, messages included.
    """
    # Late: this and what it imports would slow down every other command.
    from ams.cli.up.data_folder import Ports
    from ams.cli.up.run import run

    run(data, Ports(http_port, https_port, authn_port, exporter_port))
