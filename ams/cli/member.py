"""`ams member`: the members of a project, and their roles in it."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli import people
from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_json, print_table
from ams.cli.people import show_user
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import ProjectRoles, User

app = typer.Typer(
    help="Make, show, change and remove the members of a project.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.", show_default=False)]


@app.command("list")
@with_session
def list_all(session: Session) -> None:
    """List the members of the project, newest user first."""
    with session.client() as client:
        members = list(client.members.list(session.project, details=True))
    if session.json:
        print_json({"users": members})
        return
    print_table(
        ["MEMBER", "ROLES", "PUBLISHES TO", "CONSUMES FROM", "EMAIL"],
        [_row(member, session.project) for member in members],
        nothing="No members.",
    )


def _row(member: "User", project: str) -> list[str]:
    # A service admin gets a member's other projects, too.
    here: ProjectRoles | None = next(
        (entry for entry in member.projects if entry.project == project), None
    )
    lists = (here.roles or (), here.topics, here.subscriptions) if here else ((), (), ())
    return [member.name, *(", ".join(names) for names in lists), member.email]


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a member of the project."""
    with session.client() as client:
        show_user(session, client.members.show(session.project, name))


@app.command("create")
@with_session
def create(
    session: Session, name: Name, role: people.Roles = None, email: people.Email = ""
) -> None:
    """Create a user as a member of the project, and show the user's token."""
    with session.client() as client:
        made = client.members.create(session.project, name, roles=role or (), email=email)
    show_user(session, made)


@app.command("add")
@with_session
def add(session: Session, name: Name, role: people.Roles = None) -> None:
    """Make a user, who is there already, a member of the project."""
    with session.client() as client:
        show_user(session, client.members.add(session.project, name, role or ()))


@app.command("update")
@with_session
def update(
    session: Session,
    name: Name,
    role: people.Roles = None,
    no_roles: Annotated[
        bool, typer.Option("--no-roles", help="None: the member can do nothing any more.")
    ] = False,
) -> None:
    """Give a member of the project these roles, instead of those there are."""
    if bool(role) == no_roles:
        raise CommandFailed("give either --role or --no-roles", Exit.USAGE)
    with session.client() as client:
        show_user(session, client.members.update(session.project, name, role or ()))


@app.command("remove")
@with_session
def remove(session: Session, name: Name, yes: Yes = False) -> None:
    """Remove a member from the project; the user stays."""
    project = session.project
    confirm(f"Remove {name} from project {project}?", yes=yes)
    with session.client() as client:
        client.members.remove(project, name)
    session.report(f"Removed {name} from project {project}.")
