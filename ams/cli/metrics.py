"""`ams metrics`, and how the metrics of projects, topics and subscriptions are shown."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ams.cli.output import print_fields, print_json, print_table
from ams.cli.session import Session, with_session
from ams.cli.units import format_number, format_size

if TYPE_CHECKING:
    from ams.client import Metric, Point

#: What the API tells of what never happened.
_NEVER = "0001-01-01T00:00:00Z"


@with_session
def metrics(session: Session) -> None:
    """Show how much processor and memory the service uses on each of its hosts."""
    with session.client() as client:
        found = client.metrics.hosts()
    if session.json:
        print_json({"metrics": found})
        return
    print_hosts(found)


def print_hosts(metrics: Sequence["Metric"]) -> None:
    """Prints how much the service's hosts are used, a host a line."""
    hosts: defaultdict[str, dict[str, Point]] = defaultdict(dict)
    for metric in metrics:
        hosts[metric.resource_name][metric.metric] = metric.timeseries[0]
    print_table(
        ["HOST", "CPU", "MEMORY", "MEASURED"],
        [
            [
                host,
                _percent(points.get("ams_node.cpu_usage")),
                _percent(points.get("ams_node.memory_usage")),
                max(point.timestamp for point in points.values()),
            ]
            for host, points in hosts.items()
        ],
        nothing="No hosts.",
        numbers=["CPU", "MEMORY"],
    )


def show_project_metrics(session: Session, metrics: Sequence["Metric"]) -> None:
    """Prints what a project holds."""
    if session.json:
        print_json({"metrics": metrics})
        return
    print_fields(
        [
            ("topics", _number(metrics, "project.number_of_topics")),
            ("subscriptions", _number(metrics, "project.number_of_subscriptions")),
        ]
    )
    _print_members(metrics)
    _print_days(metrics, "project.number_of_daily_messages")


def show_topic_metrics(session: Session, metrics: Sequence["Metric"]) -> None:
    """Prints how much is published to a topic."""
    if session.json:
        print_json({"metrics": metrics})
        return
    print_fields(
        [
            ("subscriptions", _number(metrics, "topic.number_of_subscriptions")),
            ("messages", _number(metrics, "topic.number_of_messages")),
            ("data", _size(metrics, "topic.number_of_bytes")),
            ("last published", _last(metrics, "topic.publishing_rate")),
            ("rate then", _rate(metrics, "topic.publishing_rate")),
        ]
    )
    _print_days(metrics, "topic.number_of_daily_messages")


def show_subscription_metrics(session: Session, metrics: Sequence["Metric"]) -> None:
    """Prints how much is consumed from a subscription."""
    if session.json:
        print_json({"metrics": metrics})
        return
    print_fields(
        [
            ("messages", _number(metrics, "subscription.number_of_messages")),
            ("data", _size(metrics, "subscription.number_of_bytes")),
            ("last pulled", _last(metrics, "subscription.consumption_rate")),
            ("rate then", _rate(metrics, "subscription.consumption_rate")),
        ]
    )


def _print_members(metrics: Sequence["Metric"]) -> None:
    kinds = ("project.user.number_of_topics", "project.user.number_of_subscriptions")
    members: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for metric in metrics:
        if metric.metric in kinds:
            # PROJECT.USER, and no name has a dot.
            user = metric.resource_name.rpartition(".")[2]
            members[user][metric.metric] = format_number(metric.timeseries[0].value)
    if members:
        typer.echo()
        print_table(
            ["MEMBER", "TOPICS", "SUBSCRIPTIONS"],
            [[user, *(held.get(kind, "0") for kind in kinds)] for user, held in members.items()],
            nothing="",
            numbers=["TOPICS", "SUBSCRIPTIONS"],
        )


def _print_days(metrics: Sequence["Metric"], name: str) -> None:
    days = [point for metric in metrics if metric.metric == name for point in metric.timeseries]
    if days:
        typer.echo()
        print_table(
            ["DAY", "MESSAGES"],
            [[day.timestamp, format_number(day.value)] for day in days],
            nothing="",
            numbers=["MESSAGES"],
        )


def _newest(metrics: Sequence["Metric"], name: str) -> "Point | None":
    return next((metric.timeseries[0] for metric in metrics if metric.metric == name), None)


def _number(metrics: Sequence["Metric"], name: str) -> str:
    point = _newest(metrics, name)
    return format_number(point.value) if point else ""


def _size(metrics: Sequence["Metric"], name: str) -> str:
    point = _newest(metrics, name)
    # contract: ams-users-metrics 8.1 - of data as it is sent.
    return f"{format_size(int(point.value))} of base64" if point else ""


def _last(metrics: Sequence["Metric"], rate: str) -> str:
    point = _newest(metrics, rate)
    if not point:
        return ""
    return "never" if point.timestamp == _NEVER else point.timestamp


def _rate(metrics: Sequence["Metric"], rate: str) -> str:
    point = _newest(metrics, rate)
    if not point or point.timestamp == _NEVER:
        return ""
    return f"{format_number(point.value)} messages/s"


def _percent(point: "Point | None") -> str:
    return f"{point.value:.1f}%" if point else ""
