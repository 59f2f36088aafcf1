"""Asking before something is lost."""

import sys
from typing import Annotated

import typer

from ams.cli.failure import CommandFailed

#: The option that answers the question beforehand.
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(question: str, *, yes: bool) -> None:
    """Asks the person at the terminal; does not ask a program.

    Raises:
        CommandFailed: the answer is no.
    """
    if yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    if not typer.confirm(question):
        raise CommandFailed("nothing was done")
