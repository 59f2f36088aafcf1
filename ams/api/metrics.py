"""Metrics of projects, topics and subscriptions (contract: ams-users-metrics 8.1 to 8.5)."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ams.api import formats
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.messages import cursor_of
from ams.api.operations import PROJECT, SUBSCRIPTION, TOPIC, operation
from ams.messages.log import MessageLog
from ams.metadata import counts, subscriptions, topics
from ams.metadata.records import ProjectRecord, SubscriptionRecord, TopicRecord
from ams.metadata.store import Store
from ams.service.errors import Forbidden, NotFound

#: How many days a daily series has at most: the newest ones with a publish.
SERIES_DAYS: Final = 30

#: The access list of what does not exist.
_NOBODY: Final[frozenset[int]] = frozenset()


class Point(Answer):
    """A value at a time, or of a day."""

    timestamp: str
    value: int | float


class Metric(Answer):
    """What was measured of one thing."""

    metric: str
    metric_type: str
    value_type: str
    resource_type: str
    resource_name: str
    timeseries: list[Point]
    description: str


class Metrics(Answer):
    """A list of metrics (contract: ams-users-metrics 4.5)."""

    metrics: list[Metric]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the catalogue; the metric is called `<resource_type>.<name>`."""

    resource_type: str
    name: str
    description: str
    metric_type: str = "counter"
    value_type: str = "int64"

    def of(self, resource: str, timeseries: list[Point]) -> Metric:
        """The metric of a resource, known by its short name."""
        return Metric(
            metric=f"{self.resource_type}.{self.name}",
            metric_type=self.metric_type,
            value_type=self.value_type,
            resource_type=self.resource_type,
            resource_name=resource,
            timeseries=timeseries,
            description=self.description,
        )

    def at(self, time: str, resource: str, value: float) -> Metric:
        """The metric of a resource, with one value."""
        return self.of(resource, [Point(time, formats.number(value))])


_PROJECT_TOPICS: Final = Kind(
    "project",
    "number_of_topics",
    "Counter that displays the number of topics belonging to the specific project",
)
_PROJECT_SUBSCRIPTIONS: Final = Kind(
    "project",
    "number_of_subscriptions",
    "Counter that displays the number of subscriptions belonging to the specific project",
)
_MEMBER_TOPICS: Final = Kind(
    "project.user",
    "number_of_topics",
    "Counter that displays the number of topics that a user has access to the specific project",
)
_MEMBER_SUBSCRIPTIONS: Final = Kind(
    "project.user",
    "number_of_subscriptions",
    "Counter that displays the number of subscriptions that a user has access to the specific"
    " project",
)
_PROJECT_DAYS: Final = Kind(
    "project",
    "number_of_daily_messages",
    "A collection of counters that represents the total number of messages published each day to"
    " all of the project's topics",
)
_TOPIC_SUBSCRIPTIONS: Final = Kind(
    "topic",
    "number_of_subscriptions",
    "Counter that displays the number of subscriptions belonging to a specific topic",
)
_TOPIC_MESSAGES: Final = Kind(
    "topic",
    "number_of_messages",
    "Counter that displays the number of messages published to the specific topic",
)
_TOPIC_BYTES: Final = Kind(
    "topic",
    "number_of_bytes",
    "Counter that displays the total size of data (in bytes) published to the specific topic",
)
_TOPIC_DAYS: Final = Kind(
    "topic",
    "number_of_daily_messages",
    "A collection of counters that represents the total number of messages published each day to"
    " a specific topic",
)
_PUBLISHING_RATE: Final = Kind(
    "topic",
    "publishing_rate",
    "A rate that displays how many messages were published per second between the last two publish"
    " events",
    "rate",
    "float64",
)
_SUBSCRIPTION_MESSAGES: Final = Kind(
    "subscription",
    "number_of_messages",
    "Counter that displays the number of messages consumed from the specific subscription",
)
_SUBSCRIPTION_BYTES: Final = Kind(
    "subscription",
    "number_of_bytes",
    "Counter that displays the total size of data (in bytes) consumed from the specific"
    " subscription",
)
_CONSUMPTION_RATE: Final = Kind(
    "subscription",
    "consumption_rate",
    "A rate that displays how many messages were consumed per second between the last two consume"
    " events",
    "rate",
    "float64",
)


@operation("projects:metrics", "GET", PROJECT, verb="metrics")
async def of_project(call: Call) -> Metrics:
    """Show what a project holds, for whom, and how much is published to it a day (8.3)."""
    return await project_metrics(call.broker.store, call.broker.log, call.project)


async def project_metrics(store: Store, log: MessageLog, project: ProjectRecord) -> Metrics:
    """The metrics of a project; members whom no access list holds are left out."""
    now, name = _now(), project.name
    held = (await counts.of_projects(store, [project.id]))[project.id]
    members = await counts.of_members(store, project.id)
    counted = await counts.counted_topics(store, [project.id])
    days = await _daily_series(log, [topic.uuid for topic in counted])
    return Metrics(
        [
            _PROJECT_TOPICS.at(now, name, held.topics),
            _PROJECT_SUBSCRIPTIONS.at(now, name, held.subscriptions),
            *(
                _MEMBER_TOPICS.at(now, f"{name}.{member.user}", member.topics)
                for member in members
                if member.topics
            ),
            *(
                _MEMBER_SUBSCRIPTIONS.at(now, f"{name}.{member.user}", member.subscriptions)
                for member in members
                if member.subscriptions
            ),
            _PROJECT_DAYS.of(name, days),
        ]
    )


@operation("topics:metrics", "GET", TOPIC, verb="metrics", errors=[NotFound("Topic"), Forbidden()])
async def of_topic(call: Call) -> Metrics:
    """Show how much is published to a topic, and how fast (contract: ams-users-metrics 8.4)."""
    store = call.broker.store
    try:
        topic = await topics.get(store, call.project.id, call.names["topic"])
    except NotFound:
        # Before it is told that there is none (contract: ams-users-metrics 2.6).
        call.require_listed(_NOBODY)
        raise
    call.require_listed(topic.acl)
    return await topic_metrics(store, call.broker.log, topic)


async def topic_metrics(store: Store, log: MessageLog, topic: TopicRecord) -> Metrics:
    """The metrics of a topic. Its days include those of deleted topics of its name (8.1)."""
    now, name = _now(), topic.name
    attached = await counts.of_topic(store, topic)
    namesakes = await topics.retired(store, topic.project_id, name)
    # At the same time: they leave in one pipeline.
    (found,), days = await asyncio.gather(
        log.topic_statistics([topic.uuid]),
        _daily_series(log, [topic.uuid, *(each.uuid for each in namesakes)]),
    )
    return Metrics(
        [
            _TOPIC_SUBSCRIPTIONS.at(now, name, attached),
            _TOPIC_MESSAGES.at(now, name, found.messages),
            _TOPIC_BYTES.at(now, name, found.bytes),
            _TOPIC_DAYS.of(name, days),
            _PUBLISHING_RATE.at(formats.second_text(found.last_publish), name, found.rate),
        ]
    )


@operation(
    "subscriptions:metrics",
    "GET",
    SUBSCRIPTION,
    verb="metrics",
    errors=[NotFound("Subscription"), Forbidden()],
)
async def of_subscription(call: Call) -> Metrics:
    """Show how much is consumed from a subscription, and how fast (ams-users-metrics 8.5)."""
    store = call.broker.store
    try:
        subscription = await subscriptions.get(store, call.project.id, call.names["subscription"])
    except NotFound:
        # Before it is told that there is none (contract: ams-users-metrics 2.6).
        call.require_listed(_NOBODY)
        raise
    call.require_listed(subscription.acl)
    return await subscription_metrics(call.broker.log, subscription)


async def subscription_metrics(log: MessageLog, subscription: SubscriptionRecord) -> Metrics:
    """The metrics of a subscription: all 0 without a topic, with which its counters went."""
    now, name = _now(), subscription.name
    # What the log does not know has statistics, too.
    cursor = cursor_of(subscription, subscription.topic_uuid or subscription.uuid)
    (found,) = await log.subscription_statistics([cursor])
    return Metrics(
        [
            _SUBSCRIPTION_MESSAGES.at(now, name, found.messages),
            _SUBSCRIPTION_BYTES.at(now, name, found.bytes),
            _CONSUMPTION_RATE.at(formats.second_text(found.last_consume), name, found.rate),
        ]
    )


async def _daily_series(log: MessageLog, topic_uuids: Sequence[str]) -> list[Point]:
    """Messages a day of some topics together, newest day first (contract: 8.2)."""
    # A day that is among the newest of all topics is among the newest of each that has it.
    series = await log.daily_counts(topic_uuids, newest=SERIES_DAYS)
    days: Counter[str] = Counter()
    for each in series.values():
        for day, messages in each.items():
            days[day.isoformat()] += messages
    newest = sorted(days.items(), reverse=True)[:SERIES_DAYS]
    return [Point(day, messages) for day, messages in newest]


def _now() -> str:
    return formats.time_text(datetime.now(UTC))
