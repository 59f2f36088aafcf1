"""Which AuthN a command talks to, and with which token."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.connection import DEFAULT_DATA_FOLDER, PANEL
from ams.cli.credentials import FILE_NAME, Credentials
from ams.cli.failure import CommandFailed, Exit

if TYPE_CHECKING:
    from ams.cli.authn.admin import Admin

#: What the help of these commands ends with.
EXPLANATION = (
    "Each connection option wins over its environment variable. What neither gives comes from the"
    " data folder of `ams up` (--data, else ./ams-data), if AuthN is where that says."
)

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="AMS_AUTHN_URL",
        help="URL of AuthN.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        envvar="AMS_AUTHN_TOKEN",
        help="Service token of AuthN.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
CaOption = Annotated[
    str,
    typer.Option(
        "--ca",
        envvar="AMS_CA",
        help="PEM file of the CAs to trust, instead of the system's.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
DataOption = Annotated[
    str,
    typer.Option(
        "--data",
        envvar="AMS_DATA",
        help="Data folder of `ams up` to take what is not given from.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs, as AuthN answers it.")
]


def open_admin(url: str, token: str, ca: str, data: str) -> "Admin":
    """AuthN as the options, and what is stored in a data folder, mean it.

    Raises:
        CommandFailed: no AuthN is named, or there is no token for it.
    """
    folder = Path(data) if data else DEFAULT_DATA_FOLDER
    credentials = Credentials.read(folder)
    if data and not credentials:
        raise CommandFailed(f"there is no {FILE_NAME} in {folder}: start `ams up`", Exit.USAGE)
    stored = credentials.authn if credentials else None
    url = (url or (stored.https if stored else "")).rstrip("/")
    if credentials and stored and url == stored.https:
        token = token or stored.service_token
        ca = ca or credentials.ca
    if not url:
        raise CommandFailed(
            "which AuthN? Give --url and --token (or AMS_AUTHN_URL and AMS_AUTHN_TOKEN), or start"
            " one here: ams up",
            Exit.USAGE,
        )
    if not token:
        raise CommandFailed("no token was given: use --token or AMS_AUTHN_TOKEN", Exit.USAGE)
    # Late: httpx takes longer to import than all the rest of a command.
    from ams.cli.authn.admin import Admin

    return Admin(url, token, ca)
