"""`ams user`: makes, shows and removes users."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.confirm import Yes, confirm
from ams.cli.output import format_time, print_fields, print_json, print_table
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import User

app = typer.Typer(help="Make, show and remove users.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.", show_default=False)]


@app.command("create")
@with_session
def create(
    session: Session,
    name: Name,
    role: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help="Role in the project: project_admin, publisher, consumer; may be repeated.",
        ),
    ] = None,
    service_role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="Role in the whole service; may be repeated."),
    ] = None,
    email: Annotated[str, typer.Option(show_default=False)] = "",
    first_name: Annotated[str, typer.Option(show_default=False)] = "",
    last_name: Annotated[str, typer.Option(show_default=False)] = "",
    organization: Annotated[str, typer.Option(show_default=False)] = "",
    description: Annotated[str, typer.Option(show_default=False)] = "",
) -> None:
    """Create a user, and show the user's token."""
    with session.client() as client:
        from ams.client import UserDetails

        user = client.users.create(
            name,
            project_roles={session.project: role} if role else None,
            service_roles=service_role or (),
            details=UserDetails(
                email=email,
                first_name=first_name,
                last_name=last_name,
                organization=organization,
                description=description,
            ),
        )
    _show(session, user)


@app.command("list")
@with_session
def list_all(
    session: Session,
    everywhere: Annotated[
        bool, typer.Option("--all", help="Users of all projects, and of none.")
    ] = False,
) -> None:
    """List the users of a project, newest first; of all projects if none is given."""
    project = "" if everywhere else session.target.project
    with session.client() as client:
        users = list(client.users.list(project=project, details=True))
    if session.json:
        print_json({"users": users})
        return
    print_table(
        ["USER", "SERVICE ROLES", "PROJECTS", "EMAIL"],
        [
            [user.name, ", ".join(user.service_roles or ()), _projects(user), user.email]
            for user in users
        ],
    )


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a user, token included."""
    with session.client() as client:
        _show(session, client.users.show(name))


@app.command("profile")
@with_session
def profile(session: Session) -> None:
    """Show the user you are."""
    with session.client() as client:
        _show(session, client.users.profile())


@app.command("refresh-token")
@with_session
def refresh_token(session: Session, name: Name) -> None:
    """Give a user a new token, and show it; the old one ends at once."""
    with session.client() as client:
        _show(session, client.users.refresh_token(name))


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False) -> None:
    """Delete a user."""
    confirm(f"Delete user {name}?", yes=yes)
    with session.client() as client:
        client.users.delete(name)
    session.report(f"Deleted user {name}.")


def _projects(user: "User") -> str:
    return ", ".join(f"{entry.project} ({', '.join(entry.roles or ())})" for entry in user.projects)


def _show(session: Session, user: "User") -> None:
    if session.json:
        print_json(user)
        return
    print_fields(
        [
            ("user", user.name),
            ("token", user.token),
            ("service roles", ", ".join(user.service_roles or ())),
            ("projects", _projects(user)),
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
