"""Metrics and reports, as the API sends them (see `objects.py`)."""

from msgspec import Struct


class Point(Struct, frozen=True):
    """A value at a time (`2026-01-02T03:04:05Z`), or of a day (`2026-01-02`)."""

    timestamp: str
    value: int | float


class Metric(Struct, frozen=True, kw_only=True):
    """What was measured of one thing.

    Attributes:
        metric: what, such as `topic.number_of_messages`.
        metric_type: `counter`, `rate` or `percentage`.
        value_type: `int64` or `float64`.
        resource_type: kind of the thing: `project`, `project.user`, `topic`, `subscription` or
            `ams_node`.
        resource_name: its short name; of a project's user, `PROJECT.USER`.
        timeseries: the values, newest first.
        description: what it is, in words.
    """

    metric: str
    metric_type: str
    value_type: str
    resource_type: str
    resource_name: str
    timeseries: tuple[Point, ...]
    description: str


class MetricList(Struct, frozen=True):
    """Metrics of some things."""

    metrics: tuple[Metric, ...]


class ProjectActivity(Struct, frozen=True, kw_only=True):
    """What was published to a project in the days of a report, and what was made in it."""

    project: str
    message_count: int
    average_daily_messages: int | float
    topics_count: int
    subscriptions_count: int
    users_count: int


class ProjectsActivity(Struct, frozen=True, kw_only=True):
    """The projects with a publish in the days of a report, by name, and their sums."""

    projects: tuple[ProjectActivity, ...]
    total_message_count: int
    average_daily_messages: int | float


class Activity(Struct, frozen=True, kw_only=True):
    """A report on projects; the totals are of those in it."""

    projects_metrics: ProjectsActivity
    total_users_count: int
    total_topics_count: int
    total_subscriptions_count: int


class UsageReport(Struct, frozen=True):
    """The activity of the projects that the caller administers, and the use of the hosts."""

    va_metrics: Activity
    operational_metrics: MetricList
