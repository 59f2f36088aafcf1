"""`ams usage`: reports how much projects are used."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed
from ams.cli.metrics import print_hosts
from ams.cli.output import print_json, print_table
from ams.cli.session import Session, with_session
from ams.cli.units import day

if TYPE_CHECKING:
    from ams.client import Activity, ProjectActivity, UsageReport

#: How many days a report is over unless its first one is given.
DAYS = 30

_REFUSED = (401, 403)


@with_session
def usage(
    session: Session,
    first: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="DAY",
            show_default=f"{DAYS} days in all",
            help="First day, such as 2026-11-23.",
        ),
    ] = "",
    last: Annotated[
        str, typer.Option("--to", metavar="DAY", show_default="today", help="Last day (UTC).")
    ] = "",
    everywhere: Annotated[bool, typer.Option("--all", help="All projects.")] = False,
    mine: Annotated[
        bool,
        typer.Option(
            "--mine",
            help="Only projects that you administer, and the service's hosts; needs no role in the"
            " whole service.",
        ),
    ] = False,
) -> None:
    """Report what was published to the project, and made in it, a day and in all.

    Without a project the report is on all to which something was published in these days.
    """
    until = day("--to", last) if last else datetime.now(UTC).date()
    since = day("--from", first) if first else until - timedelta(days=DAYS - 1)
    project = "" if everywhere else session.target.project
    projects = [project] if project else []
    with session.client() as client:
        from ams.client import ServiceError

        if mine:
            _show_report(session, client.metrics.usage_report(since, until, projects=projects))
            return
        try:
            activity = client.metrics.activity(since, until, projects=projects)
        except ServiceError as error:
            if error.code not in _REFUSED or not session.target.token_for():
                raise
            hint = "for the projects that you administer: --mine"
            raise CommandFailed(f"{error.message} ({hint})") from error
    if session.json:
        print_json(activity)
        return
    _print_activity(activity)


def _show_report(session: Session, report: "UsageReport") -> None:
    if session.json:
        print_json(report)
        return
    hosts = report.operational_metrics.metrics
    if not hosts:
        # Only who administers a project hears of the hosts (contract: ams-users-metrics 8.7).
        typer.echo("You administer no such project.", err=True)
        return
    _print_activity(report.va_metrics)
    typer.echo()
    print_hosts(hosts)


def _print_activity(activity: "Activity") -> None:
    projects = activity.projects_metrics.projects
    rows = [_row(each) for each in projects]
    if len(projects) > 1:
        all_of_them = activity.projects_metrics
        rows.append(
            [
                # No project can have this name.
                "(all)",
                f"{all_of_them.total_message_count:,}",
                f"{all_of_them.average_daily_messages:,.2f}",
                f"{activity.total_topics_count:,}",
                f"{activity.total_subscriptions_count:,}",
                f"{activity.total_users_count:,}",
            ]
        )
    numbers = ["MESSAGES", "A DAY", "NEW TOPICS", "NEW SUBSCRIPTIONS", "NEW MEMBERS"]
    print_table(
        ["PROJECT", *numbers],
        rows,
        nothing="Nothing was published in these days.",
        numbers=numbers,
    )


def _row(project: "ProjectActivity") -> list[str]:
    return [
        project.project,
        f"{project.message_count:,}",
        f"{project.average_daily_messages:,.2f}",
        f"{project.topics_count:,}",
        f"{project.subscriptions_count:,}",
        f"{project.users_count:,}",
    ]
