"""`ams authn service-types`, `bindings`, `bind` and `unbind`: who is who."""

from pathlib import Path
from typing import Annotated

import typer

from ams.cli.authn.connection import (
    CaOption,
    DataOption,
    JsonOption,
    TokenOption,
    UrlOption,
    open_admin,
)
from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_fields, print_json, print_table

Name = Annotated[
    str, typer.Argument(metavar="BINDING", help="Name of the binding.", show_default=False)
]
ServiceType = Annotated[str, typer.Option("--service-type", help="Name of the service type.")]


def list_service_types(
    url: UrlOption = "",
    token: TokenOption = "",
    ca: CaOption = "",
    data: DataOption = "",
    json: JsonOption = False,
) -> None:
    """List the service types, and the hosts of each."""
    with open_admin(url, token, ca, data) as admin:
        found = admin.service_types()
    if json:
        print_json({"service_types": found})
        return
    print_table(
        ["SERVICE TYPE", "TYPE", "AUTH TYPES", "AUTH METHOD", "HOSTS"],
        [
            [
                each["name"],
                each["type"],
                ", ".join(each["auth_types"]),
                each["auth_method"],
                ", ".join(each["hosts"]),
            ]
            for each in found
        ],
        nothing="No service types.",
    )


def list_bindings(
    service_type: ServiceType = "ams",
    host: Annotated[
        str, typer.Option(help="Those of this host only; empty for all of all service types.")
    ] = "",
    url: UrlOption = "",
    token: TokenOption = "",
    ca: CaOption = "",
    data: DataOption = "",
    json: JsonOption = False,
) -> None:
    """List the bindings: which certificate is which user of a host."""
    with open_admin(url, token, ca, data) as admin:
        found = admin.bindings(service_type, host)
    if json:
        print_json({"bindings": found})
        return
    print_table(
        ["BINDING", "HOST", "IDENTIFIER", "USER", "LAST USED"],
        [
            [
                each["name"],
                each["host"],
                each["auth_identifier"],
                each["unique_key"],
                each.get("last_auth", ""),
            ]
            for each in found
        ],
        nothing="No bindings.",
    )


def bind(
    name: Name,
    user: Annotated[
        str,
        typer.Option(metavar="UUID", help="The user's uuid at the host.", show_default=False),
    ],
    identifier: Annotated[
        str, typer.Option(metavar="SUBJECT", help="Subject of the certificate, as AuthN has it.")
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option(help="PEM file of the certificate, to take the subject from."),
    ] = None,
    service_type: ServiceType = "ams",
    host: Annotated[
        str, typer.Option(help="Host of the service type; not needed where it has only one.")
    ] = "",
    auth_type: Annotated[str, typer.Option(help="What the identifier is of.")] = "x509",
    url: UrlOption = "",
    token: TokenOption = "",
    ca: CaOption = "",
    data: DataOption = "",
    json: JsonOption = False,
) -> None:
    """Bind a certificate to a user of a host."""
    if bool(identifier) == bool(certificate):
        raise CommandFailed("give either --identifier or --certificate", Exit.USAGE)
    if certificate:
        # Late: cryptography takes long to import.
        from ams.cli.authn.certificate import read_identifier

        identifier = read_identifier(certificate)
    with open_admin(url, token, ca, data) as admin:
        service = admin.service_type(service_type)
        if not host:
            if len(service["hosts"]) > 1:
                known = ", ".join(service["hosts"])
                raise CommandFailed(f"which host? Give --host: one of {known}", Exit.USAGE)
            (host,) = service["hosts"]
        binding = admin.bind(
            name,
            {
                "service_uuid": service["uuid"],
                "host": host,
                "auth_identifier": identifier,
                "unique_key": user,
                "auth_type": auth_type,
            },
        )
    if json:
        print_json(binding)
        return
    print_fields(
        [
            ("binding", binding["name"]),
            ("host", binding["host"]),
            ("identifier", binding["auth_identifier"]),
            ("user", binding["unique_key"]),
        ]
    )


def unbind(
    name: Name,
    url: UrlOption = "",
    token: TokenOption = "",
    ca: CaOption = "",
    data: DataOption = "",
    json: JsonOption = False,
) -> None:
    """Remove a binding: its certificate gets no token any more."""
    with open_admin(url, token, ca, data) as admin:
        admin.unbind(name)
    typer.echo("{}" if json else f"Removed binding {name}.")
