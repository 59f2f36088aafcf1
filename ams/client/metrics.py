"""The API's requests about the whole service: its hosts, and how much it is used."""

from collections.abc import Iterable
from datetime import date

from ams.client.call import Call, Repeat, answer, answer_part, checked_name
from ams.client.metric_objects import Activity, Metric, MetricList, UsageReport

#: Reads a list of metrics.
metrics_answer = answer_part(MetricList, lambda answered: answered.metrics)
_activity = answer(Activity)
_usage_report = answer(UsageReport)


def hosts() -> Call[tuple[Metric, ...]]:
    """How much processor and memory the service uses on each of its hosts, in percent."""
    return Call("GET", "/v1/metrics", metrics_answer, Repeat.SAFE)


def activity(
    first: date | None = None, last: date | None = None, *, projects: Iterable[str] = ()
) -> Call[Activity]:
    """What was published to projects, and made in them, in some days.

    Projects to which nothing was published in these days are not in it.

    Args:
        first: first day (UTC); None for the beginning of time, which averages are over, too.
        last: last day; None for today.
        projects: names of the projects to report on; none for all.
    """
    query = _query(first, last, projects)
    return Call("GET", "/v1/metrics/va_metrics", _activity, Repeat.SAFE, query=query)


def usage_report(
    first: date | None = None, last: date | None = None, *, projects: Iterable[str] = ()
) -> Call[UsageReport]:
    """As `activity`, of the projects that the caller administers; and as `hosts`.

    Other projects are left out, and so are the hosts for who administers none.
    """
    query = _query(first, last, projects)
    return Call("GET", "/v1/users/usageReport", _usage_report, Repeat.SAFE, query=query)


def _query(first: date | None, last: date | None, projects: Iterable[str]) -> dict[str, str]:
    values = {
        "start_date": first.isoformat() if first else "",
        "end_date": last.isoformat() if last else "",
        "projects": ",".join(checked_name("project", project) for project in projects),
    }
    return {name: value for name, value in values.items() if value}
