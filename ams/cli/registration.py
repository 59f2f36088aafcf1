"""`ams registration`: requests to become a user, and what is decided about them."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli import people
from ams.cli.confirm import Yes, confirm
from ams.cli.output import format_time, print_fields, print_json, print_table
from ams.cli.people import show_user
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Registration

app = typer.Typer(
    help="Ask for accounts, and accept or decline such requests.", no_args_is_help=True
)

Uuid = Annotated[
    str,
    typer.Argument(
        metavar="UUID", help="Which one: see `ams registration list`.", show_default=False
    ),
]


@app.command("create")
@with_session
def create(
    session: Session,
    name: Annotated[
        str,
        typer.Argument(metavar="USER", help="Name that the user will have.", show_default=False),
    ],
    email: people.Email = "",
    first_name: people.FirstName = "",
    last_name: people.LastName = "",
    organization: people.Organization = "",
    description: people.Description = "",
) -> None:
    """Ask for an account in somebody's name."""
    with session.client() as client:
        from ams.client import UserDetails

        details = UserDetails(email, first_name, last_name, organization, description)
        made = client.registrations.create(name, details=details)
    _show(session, made)


@app.command("list")
@with_session
def list_all(
    session: Session,
    status: Annotated[
        str, typer.Option(help="Only pending, accepted or declined ones.", show_default=False)
    ] = "",
    name: Annotated[str, typer.Option(help="Only those for this name.", show_default=False)] = "",
    email: Annotated[
        str, typer.Option(help="Only those with this address.", show_default=False)
    ] = "",
    organization: Annotated[
        str, typer.Option(help="Only those of this organization.", show_default=False)
    ] = "",
) -> None:
    """List registrations, oldest first."""
    with session.client() as client:
        found = client.registrations.list(
            status=status, name=name, email=email, organization=organization
        )
    if session.json:
        print_json({"user_registrations": found})
        return
    print_table(
        ["UUID", "USER", "STATUS", "REGISTERED", "EMAIL", "ORGANIZATION"],
        [
            [
                each.uuid,
                each.name,
                each.status,
                format_time(each.registered_at),
                each.email,
                each.organization,
            ]
            for each in found
        ],
        nothing="No registrations.",
    )


@app.command("show")
@with_session
def show(session: Session, uuid: Uuid) -> None:
    """Show a registration."""
    with session.client() as client:
        _show(session, client.registrations.show(uuid))


@app.command("accept")
@with_session
def accept(session: Session, uuid: Uuid) -> None:
    """Make a user of a pending registration, and show the user's token."""
    with session.client() as client:
        show_user(session, client.registrations.accept(uuid))


@app.command("decline")
@with_session
def decline(
    session: Session,
    uuid: Uuid,
    comment: Annotated[str, typer.Option(help="Why.", show_default=False)] = "",
) -> None:
    """Decline a pending registration."""
    with session.client() as client:
        client.registrations.decline(uuid, comment)
    session.report(f"Declined registration {uuid}.")


@app.command("delete")
@with_session
def delete(session: Session, uuid: Uuid, yes: Yes = False) -> None:
    """Delete a registration; a user that was made of it stays."""
    confirm(f"Delete registration {uuid}?", yes=yes)
    with session.client() as client:
        client.registrations.delete(uuid)
    session.report(f"Deleted registration {uuid}.")


def _show(session: Session, registration: "Registration") -> None:
    if session.json:
        print_json(registration)
        return
    modified = registration.modified_at
    print_fields(
        [
            ("registration", registration.uuid),
            ("status", registration.status),
            ("comment", registration.decline_comment),
            ("user", registration.name),
            ("email", registration.email),
            ("name", f"{registration.first_name} {registration.last_name}".strip()),
            ("organization", registration.organization),
            ("description", registration.description),
            ("activation token", registration.activation_token),
            ("registered", format_time(registration.registered_at)),
            ("decided", format_time(modified) if modified else ""),
            ("decided by", registration.modified_by),
        ]
    )
