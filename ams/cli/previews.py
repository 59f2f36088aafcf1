"""What something would do: the answers to `--dry-run`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ams.cli.output import print_fields, print_json
from ams.cli.session import Session

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")]


def show_preview(session: Session, answer: object, numbers: Sequence[tuple[str, str]]) -> None:
    """Prints what would be done.

    Args:
        session: the run of the command.
        answer: what the API says.
        numbers: the same in words and numbers.
    """
    if session.json:
        print_json(answer)
        return
    typer.echo("Nothing was done. It would be:", err=True)
    print_fields(numbers)
