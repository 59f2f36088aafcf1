"""`ams schema`: makes, shows, changes, tries and removes schemas."""

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_fields, print_json, print_table
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Schema

app = typer.Typer(help="Make, try and remove schemas of messages.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="SCHEMA", help="Name of the schema.", show_default=False)
]
Kind = Annotated[
    str, typer.Option("--type", metavar="TYPE", help="json or avro.", show_default=False)
]
File = Annotated[
    str,
    typer.Option(
        "--file", metavar="FILE", help="What data must match, as JSON.", show_default=False
    ),
]
AttributesFile = Annotated[
    str,
    typer.Option(
        "--attributes",
        metavar="FILE",
        help="A JSON Schema that attributes must match.",
        show_default=False,
    ),
]


@app.command("create")
@with_session
def create(
    session: Session, name: Name, kind: Kind = "", file: File = "", attributes: AttributesFile = ""
) -> None:
    """Create a schema, for data, for attributes, or for both."""
    with session.client() as client:
        made = client.schemas.create(
            session.project, name, kind, _definition(file), attributes=_definition(attributes)
        )
    _show(session, made)


@app.command("list")
@with_session
def list_all(session: Session) -> None:
    """List the schemas of the project, oldest first."""
    with session.client() as client:
        schemas = client.schemas.list(session.project)
    if session.json:
        print_json({"schemas": schemas})
        return
    print_table(
        ["SCHEMA", "TYPE", "ATTRIBUTES"],
        [
            [each.short_name, each.type, "checked" if each.attributes_schema is not None else ""]
            for each in schemas
        ],
        nothing="No schemas.",
    )


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a schema."""
    with session.client() as client:
        _show(session, client.schemas.show(session.project, name))


@app.command("update")
@with_session
def update(
    session: Session, name: Name, kind: Kind = "", file: File = "", attributes: AttributesFile = ""
) -> None:
    """Change what is given; the schema's topics follow at once."""
    with session.client() as client:
        changed = client.schemas.update(
            session.project, name, kind, _definition(file), attributes=_definition(attributes)
        )
    _show(session, changed)


@app.command("validate")
@with_session
def validate(session: Session, name: Name) -> None:
    """Try a message, read from standard input: a JSON document, or Avro's binary form."""
    with session.client() as client:
        data = sys.stdin.buffer.read()
        if client.schemas.show(session.project, name).type == "avro":
            data = json.dumps({"data": base64.b64encode(data).decode()}).encode()
        client.schemas.validate(session.project, name, data)
    session.report("The message fits.")


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False) -> None:
    """Delete a schema; its topics take any message from then on."""
    confirm(f"Delete schema {name}?", yes=yes)
    with session.client() as client:
        client.schemas.delete(session.project, name)
    session.report(f"Deleted schema {name}.")


# Any: a definition is whatever JSON its author writes.
def _definition(file: str) -> dict[str, Any] | None:
    if not file:
        return None
    try:
        definition = json.loads(Path(file).read_bytes())
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{file} is not JSON: {error}", Exit.USAGE) from error
    if not isinstance(definition, dict):
        raise CommandFailed(f"{file} holds no JSON object", Exit.USAGE)
    return definition


def _show(session: Session, schema: "Schema") -> None:
    if session.json:
        print_json(schema)
        return
    print_fields(
        [
            ("schema", schema.short_name),
            ("full name", schema.name),
            ("type", schema.type),
            ("data", json.dumps(schema.schema) if schema.schema is not None else ""),
            (
                "attributes",
                json.dumps(schema.attributes_schema)
                if schema.attributes_schema is not None
                else "",
            ),
            ("uuid", schema.uuid),
        ]
    )
