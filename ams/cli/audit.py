"""`ams audit`: shows who changed what."""

import json
from itertools import islice
from typing import Annotated

import typer

from ams.cli.output import print_json, print_table
from ams.cli.session import Session, with_session


@with_session
def audit(
    session: Session,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Changes in all projects, and in none.")
    ] = False,
    most: Annotated[int, typer.Option("--max", min=1, help="Most entries.")] = 100,
    actor: Annotated[str, typer.Option(help="Only what this user did.", show_default=False)] = "",
    action: Annotated[
        str, typer.Option(help="Only this route, such as topics:create.", show_default=False)
    ] = "",
    resource: Annotated[
        str,
        typer.Option(
            help="Only what was done to this, such as '/projects/P/topics/*'.", show_default=False
        ),
    ] = "",
    since: Annotated[
        str, typer.Option(help="Only from then on: 2026-01-02T03:04:05Z.", show_default=False)
    ] = "",
    until: Annotated[str, typer.Option(help="Only before then.", show_default=False)] = "",
) -> None:
    """Show who changed what in the project, newest first."""
    with session.client() as client:
        found = client.audit.list(
            "" if everywhere else session.project,
            actor=actor,
            action=action,
            resource=resource,
            since=since,
            until=until,
        )
        entries = list(islice(found, most))
    if session.json:
        print_json({"entries": entries})
        return
    print_table(
        ["TIME", "ACTOR", "ACTION", "RESOURCE", "FROM", "DETAIL"],
        [
            [
                entry.time,
                entry.actor,
                entry.action,
                entry.resource,
                entry.source,
                json.dumps(entry.detail) if entry.detail else "",
            ]
            for entry in entries
        ],
        nothing="No changes.",
    )
