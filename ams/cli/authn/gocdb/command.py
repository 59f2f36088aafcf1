"""`ams authn import-gocdb`: brings in the endpoints of the configuration database."""

from pathlib import Path
from typing import Annotated

import typer

from ams.cli.connection import Target
from ams.cli.failure import CommandFailed
from ams.cli.session import Session


def import_gocdb(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Configuration file, in the format of the ARGO scripts.",
            show_default="that of the ARGO scripts in /etc/argo-api-authn/conf.d",
        ),
    ] = None,
    per_site: Annotated[
        bool,
        typer.Option("--per-site", help="Give each endpoint a topic and a subscription."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing, and show what would be changed.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Import hosts from the configuration database (GOCDB): users, bindings, who may publish.

    Each endpoint in production of the configured service types becomes a user, bound to its
    certificate, who may publish to the topic of the service type, or to one of its own. What is
    there already stays; run it as often as you like. What can't be imported is told at the end,
    and makes the exit status 1.
    """
    # Late: these take longer to import than all the rest of a command.
    from ams.cli.authn.admin import Admin
    from ams.cli.authn.gocdb.configuration import FILES, read_configuration
    from ams.cli.authn.gocdb.feed import Feed
    from ams.cli.authn.gocdb.importer import Importer
    from ams.cli.authn.gocdb.progress import bars
    from ams.cli.authn.gocdb.report import Report, show_report

    configuration = read_configuration(config or FILES[per_site], per_site=per_site)
    report = Report(dry_run)
    broker = Target(
        configuration.broker_url,
        configuration.broker_token,
        configuration.broker_ca,
        configuration.project,
    )
    with (
        Feed(configuration) as feed,
        Admin(configuration.authn_url, configuration.authn_token, configuration.authn_ca) as admin,
        Session(broker, json).client() as client,
    ):
        importer = Importer(configuration, feed, client, admin, report)
        importer.check()
        try:
            with bars() as shown:
                importer.run(shown)
        finally:
            show_report(report, json=json)
    if report.failures:
        raise CommandFailed(f"{len(report.failures)} could not be imported")
