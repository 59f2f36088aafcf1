"""How much the service is used, and uses of its hosts (contract: ams-users-metrics 8.6, 8.7)."""

import math
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from ams.api import formats
from ams.api.answers import Answer
from ams.api.callers import known_caller
from ams.api.calls import Call
from ams.api.metrics import Kind, Metrics
from ams.api.operations import Parameter, operation
from ams.auth.roles import PROJECT_ADMIN
from ams.messages.log import MessageLog
from ams.metadata import counts, nodes, projects
from ams.metadata.records import Caller, ProjectCounts
from ams.metadata.store import Store
from ams.service import process_usage
from ams.service.errors import InvalidArgument, NotFound, Unauthorized

#: Where a report begins if the caller does not say.
FIRST_DAY: Final = date(1970, 1, 1)

START: Final = Parameter("start_date", f"First day of the report, by default `{FIRST_DAY}`.")
END: Final = Parameter("end_date", "Last day of the report (UTC), by default today.")
PROJECTS: Final = Parameter("projects", "Names of projects, separated by commas; by default all.")
_QUERY: Final = (START, END, PROJECTS)

_BAD_START: Final = "Start date is not in valid format"
_BAD_END: Final = "End date is not in valid format"
_BAD_ORDER: Final = "Start date cannot be after the end date"
_DATE_ERRORS: Final = tuple(map(InvalidArgument, (_BAD_START, _BAD_END, _BAD_ORDER)))

_CPU: Final = Kind(
    "ams_node",
    "cpu_usage",
    "Percentage value that displays the CPU usage of ams service in the specific node",
    "percentage",
    "float64",
)
_MEMORY: Final = Kind(
    "ams_node",
    "memory_usage",
    "Percentage value that displays the Memory usage of ams service in the specific node",
    "percentage",
    "float64",
)


class ProjectActivity(Answer):
    """What was published to a project, and made in it, in the days of a report."""

    project: str
    message_count: int
    average_daily_messages: int | float
    topics_count: int
    subscriptions_count: int
    users_count: int


class ProjectsActivity(Answer):
    """Projects with a publish in the days of a report, by name, and their sums."""

    projects: list[ProjectActivity]
    total_message_count: int
    average_daily_messages: int | float


class Activity(Answer):
    """A report on activity; the totals are of the projects in it."""

    projects_metrics: ProjectsActivity
    total_users_count: int
    total_topics_count: int
    total_subscriptions_count: int


class UsageReport(Answer):
    """The activity of a caller's projects, and the use of the service's hosts."""

    va_metrics: Activity
    operational_metrics: Metrics


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a report, from the first to the last, in UTC."""

    first: date
    last: date

    @property
    def number(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def until(self) -> datetime:
        """The end of the last day; of the last there can be, its beginning."""
        after = self.last if self.last == date.max else self.last + timedelta(days=1)
        return datetime.combine(after, time(), UTC)

    def average(self, messages: int) -> float:
        """Messages a day in cents, up; double noise included (contract: 14 number 34)."""
        return math.ceil(messages / self.number * 100) / 100


@operation("ams:metrics", "GET", "/v1/metrics")
async def operational(call: Call) -> Metrics:
    """Show how much CPU and memory the service uses on each of its hosts (8.6)."""
    return await node_metrics(call.broker.store)


async def node_metrics(store: Store) -> Metrics:
    """Measures this host and tells of all, each as it was when it was last measured.

    A host that was not for `nodes.FORGET_DAYS` is dropped (contract: 14 number 6).
    """
    measured = process_usage.measure()
    await nodes.report(store, socket.gethostname(), measured.cpu, measured.memory)
    found = await nodes.list_all(store, datetime.now(UTC) - timedelta(days=nodes.FORGET_DAYS))
    return Metrics(
        [
            kind.at(formats.time_text(node.seen), node.hostname, value)
            for node in found
            for kind, value in ((_CPU, node.cpu), (_MEMORY, node.memory))
        ]
    )


@operation(
    "ams:vaMetrics",
    "GET",
    "/v1/metrics/va_metrics",
    query=_QUERY,
    errors=[*_DATE_ERRORS, NotFound("Project {name}")],
)
async def activity(call: Call) -> Activity:
    """Report what was published to projects, and made in them, in some days (8.6)."""
    days = _days(call)
    store, log = call.broker.store, call.broker.log
    wanted = call.argument(PROJECTS)
    if not wanted:
        return await activity_report(store, log, days)
    names = wanted.split(",")
    found = await projects.ids_by_name(store, names_in=names)
    for name in names:
        if name not in found:
            raise NotFound(f"Project {name}")
    return await activity_report(store, log, days, found)


@operation(
    "users:usageReport",
    "GET",
    "/v1/users/usageReport",
    query=_QUERY,
    errors=[Unauthorized(), *_DATE_ERRORS],
    is_open=True,
)
async def usage_report(call: Call) -> UsageReport:
    """Report the same of the projects that the caller administers, and on the hosts (8.7).

    Other projects are silently ignored; nothing is measured for who administers none.
    """
    caller = await known_caller(call.broker, call.request)
    if caller is None:
        raise Unauthorized
    days = _days(call)
    store, log = call.broker.store, call.broker.log
    administered = await _administered(store, caller)
    if wanted := call.argument(PROJECTS):
        names = set(wanted.split(","))
        administered = {name: id_ for name, id_ in administered.items() if name in names}
    report = await activity_report(store, log, days, administered)
    hosts = await node_metrics(store) if administered else Metrics([])
    return UsageReport(report, hosts)


async def activity_report(
    store: Store, log: MessageLog, days: Days, chosen: Mapping[str, int] | None = None
) -> Activity:
    """The activity of some projects, or of all: those without a publish are left out.

    Args:
        store: The database.
        log: The messages.
        days: The days to look at.
        chosen: Ids of projects by name; None for all.
    """
    ids = None if chosen is None else chosen.values()
    topics = await counts.counted_topics(store, ids)
    published = await log.published_between([topic.uuid for topic in topics], days.first, days.last)
    messages: Counter[int] = Counter()
    for topic, number in zip(topics, published, strict=True):
        if number is not None:
            messages[topic.project_id] += number
    created = await counts.created(store, days.since, days.until, ids)
    names = await projects.ids_by_name(store) if chosen is None else chosen
    return _activity(
        [
            _of_project(name, messages[id_], created.get(id_, ProjectCounts()), days)
            for name, id_ in sorted(names.items())
            if id_ in messages
        ]
    )


def _of_project(name: str, messages: int, made: ProjectCounts, days: Days) -> ProjectActivity:
    return ProjectActivity(
        project=name,
        message_count=messages,
        average_daily_messages=formats.number(days.average(messages)),
        topics_count=made.topics,
        subscriptions_count=made.subscriptions,
        users_count=made.members,
    )


def _activity(items: list[ProjectActivity]) -> Activity:
    average = 0.0
    for each in items:  # Not by `sum`, which rounds less from Python 3.12 on.
        average += each.average_daily_messages
    return Activity(
        projects_metrics=ProjectsActivity(
            projects=items,
            total_message_count=sum(each.message_count for each in items),
            average_daily_messages=formats.number(average),
        ),
        total_users_count=sum(each.users_count for each in items),
        total_topics_count=sum(each.topics_count for each in items),
        total_subscriptions_count=sum(each.subscriptions_count for each in items),
    )


async def _administered(store: Store, caller: Caller) -> dict[str, int]:
    """Ids, by name, of the projects that a user administers; those that are gone are no more."""
    ids = [id_ for id_, roles in caller.project_roles.items() if PROJECT_ADMIN in roles]
    return await projects.ids_by_name(store, ids_in=ids) if ids else {}


def _days(call: Call) -> Days:
    first = _date(call, START, FIRST_DAY, _BAD_START)
    last = _date(call, END, datetime.now(UTC).date(), _BAD_END)
    if first > last:
        raise InvalidArgument(_BAD_ORDER)
    return Days(first, last)


def _date(call: Call, parameter: Parameter, default: date, fault: str) -> date:
    text = call.argument(parameter)
    if not text:
        return default
    try:
        return formats.date_at(text)
    except ValueError:
        raise InvalidArgument(fault) from None
