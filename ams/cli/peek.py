"""`ams topic peek`: looks at messages without consuming them."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli import units
from ams.cli.failure import CommandFailed, Exit
from ams.cli.names import TopicName
from ams.cli.output import print_json, print_message
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import PeekedMessages


@with_session
def peek(
    session: Session,
    name: TopicName,
    most: Annotated[int, typer.Option("--max", "-n", min=1, help="Most messages to show.")] = 10,
    offset: Annotated[
        int | None,
        typer.Option(min=0, help="Begin with the message of this id.", show_default=False),
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            help="Begin with what was published at or after this time, such as"
            " 2026-11-23T10:30:00Z; UTC if it has no zone.",
            show_default=False,
        ),
    ] = "",
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            "-a",
            metavar="KEY[=VALUE]",
            help="Only messages with this attribute, and this value if one is given; may be"
            " repeated.",
        ),
    ] = None,
) -> None:
    """Look at messages of a topic, at the last ones unless told where to begin.

    No subscription notices, but it is on record in the audit trail.
    """
    if offset is not None and time:
        raise CommandFailed("give either --offset or --time", Exit.USAGE)
    since = units.instant("--time", time) if time else None
    conditions = [item.partition("=") for item in attribute or []]
    with session.client() as client:
        peeked = client.topics.peek(
            session.project,
            name,
            most,
            offset=offset,
            since=since,
            attributes={key: value if equals else None for key, equals, value in conditions},
        )
    if session.json:
        print_json(peeked)
        return
    for message in peeked.messages:
        print_message(message)
    if not peeked.messages:
        typer.echo("No messages.", err=True)
    if sys.stderr.isatty():
        typer.secho(_place(peeked), dim=True, err=True)


def _place(peeked: "PeekedMessages") -> str:
    """Where in the topic this was."""
    kept = f"The topic keeps {peeked.oldest} up to, not including, {peeked.end}"
    more = peeked.next_offset < peeked.end
    return f"{kept}; go on with --offset {peeked.next_offset}." if more else f"{kept}."
