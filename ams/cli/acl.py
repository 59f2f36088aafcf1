"""The lists of users who may publish to a topic, or consume from a subscription."""

from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_json, print_table
from ams.cli.session import Session

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="USER", help="Make the list these users; may be repeated."),
]
Add = Annotated[
    list[str] | None,
    typer.Option("--add", metavar="USER", help="Add a user to the list; may be repeated."),
]
Remove = Annotated[
    list[str] | None,
    typer.Option("--remove", metavar="USER", help="Take a user off the list; may be repeated."),
]
Clear = Annotated[bool, typer.Option("--clear", help="Empty the list.")]


def changed_acl(
    current: Callable[[], Iterable[str]],
    *,
    to: list[str] | None,
    add: list[str] | None,
    remove: list[str] | None,
    clear: bool,
) -> list[str] | None:
    """The list that the options ask for; None if they ask for no change.

    Raises:
        CommandFailed: the options contradict each other.
    """
    if bool(to) + bool(add or remove) + clear > 1:
        raise CommandFailed("--set, --clear, and --add or --remove exclude each other", Exit.USAGE)
    if to or clear:
        return to or []
    if not (add or remove):
        return None
    gone = remove or []
    users = [user for user in current() if user not in gone]
    return users + [user for user in add or [] if user not in users]


def show_acl(session: Session, users: Iterable[str]) -> None:
    """Prints a list of users."""
    if session.json:
        print_json({"authorized_users": list(users)})
        return
    print_table(["USER"], [[user] for user in users], nothing="No users.")
