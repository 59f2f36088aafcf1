"""`ams access`: says who may do what."""

from typing import Annotated

import typer

from ams.cli.output import print_fields, print_json
from ams.cli.session import Session, with_session

app = typer.Typer(help="Say who may do what.", no_args_is_help=True)


@app.command("explain")
@with_session
def explain(
    session: Session,
    user: Annotated[
        str, typer.Argument(metavar="USER", help="Who would do it.", show_default=False)
    ],
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="A route, such as topics:publish.", show_default=False
        ),
    ],
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE",
            help="topics/TOPIC or subscriptions/SUBSCRIPTION, where an access list may count.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Tell whether a user may do something in the project, and why."""
    with session.client() as client:
        found = client.access.explain(session.project, user, action, resource)
    if session.json:
        print_json(found)
        return
    print_fields(
        [
            ("allowed", "yes" if found.allowed else f"no (HTTP status {found.code})"),
            ("why", found.reason),
            ("roles", ", ".join(found.roles)),
        ]
    )
