"""`ams user`: makes, shows, changes and removes users."""

import sys
from typing import Annotated

import typer

from ams.cli import people
from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_json, print_table
from ams.cli.people import memberships, show_user
from ams.cli.previews import DryRun, show_preview
from ams.cli.session import Session, with_session

app = typer.Typer(help="Make, show, change and remove users.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.", show_default=False)]


@app.command("create")
@with_session
def create(
    session: Session,
    name: Name,
    role: people.Roles = None,
    service_role: people.ServiceRoles = None,
    email: people.Email = "",
    first_name: people.FirstName = "",
    last_name: people.LastName = "",
    organization: people.Organization = "",
    description: people.Description = "",
) -> None:
    """Create a user, and show the user's token."""
    with session.client() as client:
        from ams.client import UserDetails

        user = client.users.create(
            name,
            project_roles={session.project: role} if role else None,
            service_roles=service_role or (),
            details=UserDetails(email, first_name, last_name, organization, description),
        )
    show_user(session, user)


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
            [user.name, ", ".join(user.service_roles or ()), memberships(user), user.email]
            for user in users
        ],
        nothing="No users.",
    )


@app.command("show")
@with_session
def show(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="USER", help="Name of the user.", show_default=False)
    ] = "",
    by_token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            help="Find who has this token; - reads it from standard input.",
            show_default=False,
        ),
    ] = "",
    by_uuid: Annotated[
        str, typer.Option(metavar="UUID", help="Find who has this uuid.", show_default=False)
    ] = "",
) -> None:
    """Show a user, token included."""
    if sum(map(bool, (name, by_token, by_uuid))) != 1:
        raise CommandFailed("give one of USER, --by-token and --by-uuid", Exit.USAGE)
    if by_token == "-":
        by_token = sys.stdin.readline().strip()
    with session.client() as client:
        if by_token:
            user = client.users.by_token(by_token)
        elif by_uuid:
            user = client.users.by_uuid(by_uuid)
        else:
            user = client.users.show(name)
    show_user(session, user)


@app.command("update")
@with_session
def update(
    session: Session,
    name: Name,
    to: Annotated[
        str, typer.Option("--name", metavar="NAME", help="A new name.", show_default=False)
    ] = "",
    project_roles: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROJECT=ROLE,...",
            help="A project and the roles there, in place of all projects; may be repeated.",
        ),
    ] = None,
    no_projects: Annotated[
        bool, typer.Option("--no-projects", help="The user leaves all projects.")
    ] = False,
    service_role: people.ServiceRoles = None,
    no_service_roles: Annotated[
        bool, typer.Option("--no-service-roles", help="No role in the whole service.")
    ] = False,
    email: people.Email = "",
    first_name: people.FirstName = "",
    last_name: people.LastName = "",
    organization: people.Organization = "",
    description: people.Description = "",
) -> None:
    """Change what is given of a user; roles that are given replace those there are."""
    if (project_roles and no_projects) or (service_role and no_service_roles):
        raise CommandFailed("roles are either given or taken away", Exit.USAGE)
    known = (email, first_name, last_name, organization, description)
    roles = (project_roles, no_projects, service_role, no_service_roles)
    if not any((to, *known, *roles)):
        raise CommandFailed("nothing to change: see --help", Exit.USAGE)
    projects = people.roles_by_project("--project-roles", project_roles or [])
    with session.client() as client:
        from ams.client import UserDetails

        user = client.users.update(
            name,
            name=to,
            project_roles=projects if projects or no_projects else None,
            service_roles=service_role or ([] if no_service_roles else None),
            details=UserDetails(*known),
        )
    show_user(session, user)


@app.command("profile")
@with_session
def profile(session: Session) -> None:
    """Show the user you are."""
    with session.client() as client:
        show_user(session, client.users.profile())


@app.command("refresh-token")
@with_session
def refresh_token(session: Session, name: Name) -> None:
    """Give a user a new token, and show it; the old one ends at once."""
    with session.client() as client:
        show_user(session, client.users.refresh_token(name))


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete a user."""
    if dry_run:
        with session.client() as client:
            loss = client.users.preview_delete(name)
        numbers = [
            ("memberships ended", str(loss.memberships)),
            ("places on access lists", str(loss.acl_entries)),
        ]
        show_preview(session, loss, numbers)
        return
    confirm(f"Delete user {name}?", yes=yes)
    with session.client() as client:
        client.users.delete(name)
    session.report(f"Deleted user {name}.")
