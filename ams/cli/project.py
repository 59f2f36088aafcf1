"""`ams project`: makes, shows, changes and removes projects."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.metrics import show_project_metrics
from ams.cli.output import format_time, print_fields, print_json, print_table
from ams.cli.previews import DryRun, show_preview
from ams.cli.session import Session, with_session
from ams.cli.units import format_number, format_size

if TYPE_CHECKING:
    from ams.client import Project, ProjectLoss

app = typer.Typer(help="Make, show, change and remove projects.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Name of the project.", show_default=False)
]


@app.command("create")
@with_session
def create(
    session: Session,
    name: Name,
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
) -> None:
    """Create a project."""
    with session.client() as client:
        _show(session, client.projects.create(name, description))


@app.command("list")
@with_session
def list_all(session: Session) -> None:
    """List all projects."""
    with session.client() as client:
        projects = client.projects.list()
    if session.json:
        print_json({"projects": projects})
        return
    print_table(
        ["PROJECT", "CREATED", "BY", "DESCRIPTION"],
        [
            [project.name, format_time(project.created_on), project.created_by, project.description]
            for project in projects
        ],
        nothing="No projects.",
    )


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a project."""
    with session.client() as client:
        _show(session, client.projects.show(name))


@app.command("update")
@with_session
def update(
    session: Session,
    name: Name,
    to: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="A new name.", show_default=False),
    ] = "",
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
) -> None:
    """Give a project a new name, a new description, or both.

    With its name those of all its topics and subscriptions change.
    """
    if not (to or description):
        raise CommandFailed("give --name or --description", Exit.USAGE)
    with session.client() as client:
        _show(session, client.projects.update(name, name=to, description=description))


@app.command("metrics")
@with_session
def metrics(session: Session, name: Name) -> None:
    """Show what a project holds, for whom, and how much is published to it a day."""
    with session.client() as client:
        show_project_metrics(session, client.projects.metrics(name))


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete a project with all its topics, subscriptions and messages."""
    if dry_run:
        with session.client() as client:
            _show_loss(session, client.projects.preview_delete(name))
        return
    confirm(f"Delete project {name} with all its topics, subscriptions and messages?", yes=yes)
    with session.client() as client:
        client.projects.delete(name)
    session.report(f"Deleted project {name}.")


def _show_loss(session: Session, loss: "ProjectLoss") -> None:
    show_preview(
        session,
        loss,
        [
            ("topics deleted", format_number(loss.topics)),
            ("subscriptions deleted", format_number(loss.subscriptions)),
            ("schemas deleted", format_number(loss.schemas)),
            ("messages deleted", f"{format_number(loss.messages)}, {format_size(loss.bytes)}"),
            ("members without it", format_number(loss.members)),
            ("places on access lists", format_number(loss.acl_entries)),
        ],
    )


def _show(session: Session, project: "Project") -> None:
    if session.json:
        print_json(project)
        return
    print_fields(
        [
            ("project", project.name),
            ("description", project.description),
            ("created", format_time(project.created_on)),
            ("created by", project.created_by),
            ("modified", format_time(project.modified_on)),
        ]
    )
