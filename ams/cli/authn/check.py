"""`ams authn check`: whether a certificate would get a token, step by step."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import clean, print_json
from ams.cli.settings_file import ConfigOption, read_settings

if TYPE_CHECKING:
    from authn.api.explanation import Explained

_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def check(
    certificate: Annotated[
        Path,
        typer.Argument(
            metavar="CERT",
            help="PEM file of the certificate, and of those that the client would send along.",
            show_default=False,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="Host that the token would be for.", show_default=False)
    ],
    service_type: Annotated[
        str, typer.Option("--service-type", help="Name of the service type.")
    ] = "ams",
    address: Annotated[
        str, typer.Option(help="IP address that the client would come from.", show_default=False)
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Check whether a certificate would get a token here: by AuthN's settings and database.

    Each step is shown with its outcome; the last one asks the host for the token, which is not
    shown. The exit status is 0 if there is one, else 1.
    """
    settings = read_settings(config)
    # Late: the whole service is behind these.
    import asyncio

    from ams.cli.authn.certificate import read_certificates
    from ams.service.database import DatabaseError
    from ams.service.errors import ServiceError
    from ams.service.logs import configure_logging
    from ams.service.settings import SettingsError
    from authn.api.explanation import explain

    configure_logging("critical")
    first, *sent = read_certificates(certificate)
    try:
        explained = asyncio.run(
            explain(settings, first, sent, service_type, host, address=address or None)
        )
    except (SettingsError, DatabaseError) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    except ServiceError as error:
        raise CommandFailed(error.message) from error
    _show(explained, json=json)
    raise typer.Exit(Exit.OK if explained.gets_token else Exit.FAILED)


def _show(explained: "Explained", *, json: bool) -> None:
    if json:
        steps = [
            {"step": step.name, "outcome": str(step.outcome), "reason": step.reason}
            for step in explained.steps
        ]
        print_json({"gets_token": explained.gets_token, "steps": steps})
        return
    width = max(len(step.name) for step in explained.steps)
    for step in explained.steps:
        typer.echo(f"{step.name:<{width}}  ", nl=False)
        typer.secho(step.outcome, fg=_COLOURS[step.outcome], nl=False)
        room = " " * (len("skipped") - len(step.outcome))
        typer.echo(f"{room}  {clean(step.reason)}" if step.reason else "")
    typer.echo("It gets a token." if explained.gets_token else "It gets no token.")
