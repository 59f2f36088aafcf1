"""What is known of people: the options that say it, and how users are shown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import format_time, print_fields, print_json
from ams.cli.session import Session

if TYPE_CHECKING:
    from ams.client import User

Email = Annotated[str, typer.Option(help="Address for mail.", show_default=False)]
FirstName = Annotated[str, typer.Option(show_default=False)]
LastName = Annotated[str, typer.Option(show_default=False)]
Organization = Annotated[str, typer.Option(show_default=False)]
Description = Annotated[str, typer.Option(show_default=False)]
Roles = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="Role in the project: project_admin, publisher, consumer; may be repeated.",
    ),
]
ServiceRoles = Annotated[
    list[str] | None,
    typer.Option(
        "--service-role", metavar="ROLE", help="Role in the whole service; may be repeated."
    ),
]


def roles_by_project(option: str, items: Iterable[str]) -> dict[str, list[str]]:
    """Roles in projects, each given as `PROJECT=ROLE,ROLE`.

    Raises:
        CommandFailed: one is given in another way, or a project twice.
    """
    found: dict[str, list[str]] = {}
    for item in items:
        project, separator, roles = item.partition("=")
        if not separator or project in found:
            raise CommandFailed(
                f"{option} {item}: write PROJECT=ROLE,ROLE, once for each project", Exit.USAGE
            )
        found[project] = [role for role in roles.split(",") if role]
    return found


def memberships(user: "User") -> str:
    """A user's projects, and the roles in each."""
    return ", ".join(
        f"{entry.project} ({', '.join(entry.roles or ()) or 'no role'})" for entry in user.projects
    )


def show_user(session: Session, user: "User") -> None:
    """Prints a user."""
    if session.json:
        print_json(user)
        return
    print_fields(
        [
            ("user", user.name),
            ("token", user.token),
            ("token used", format_time(user.token_last_used) if user.token_last_used else ""),
            ("service roles", ", ".join(user.service_roles or ())),
            ("projects", memberships(user)),
            ("email", user.email),
            ("name", f"{user.first_name} {user.last_name}".strip()),
            ("organization", user.organization),
            ("description", user.description),
            ("uuid", user.uuid),
            ("created", format_time(user.created_on)),
            ("created by", user.created_by),
            ("modified", format_time(user.modified_on)),
        ]
    )
