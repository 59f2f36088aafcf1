"""How busy topics and subscriptions are: what has changed from one look at them to the next."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ams.client import Client, SubscriptionStatistics, TopicStatistics

#: Topics or subscriptions that are asked for at a time; full lists have no more.
PAGE = 100


@dataclass(frozen=True, slots=True)
class BusyTopic:
    """A topic; `rate` is how many messages a second it got."""

    project: str
    topic: str
    rate: float
    messages: int
    stored_messages: int
    stored_bytes: int
    subscriptions: int
    last_publish: str


@dataclass(frozen=True, slots=True)
class BusySubscription:
    """A subscription; `rate` is how many messages a second were delivered.

    `oldest_unacknowledged_seconds` is None without a backlog.
    """

    project: str
    subscription: str
    topic: str
    backlog: int
    oldest_unacknowledged_seconds: float | None
    rate: float
    delivered_messages: int
    last_pull: str
    push_state: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Topics by rate and subscriptions by backlog, downwards; rates are of so many `seconds`."""

    seconds: float
    topics: Sequence[BusyTopic]
    subscriptions: Sequence[BusySubscription]


@dataclass(frozen=True, slots=True)
class Look:
    """All topics and subscriptions at a time, of `time.monotonic()`, by their full names."""

    time: float
    topics: Mapping[str, "TopicStatistics"]
    #: With the short names of their topics.
    subscriptions: Mapping[str, tuple[str, "SubscriptionStatistics"]]

    def since(self, before: "Look") -> Busy:
        """What went on since an earlier look. What is new since then has no rate yet."""
        seconds = self.time - before.time
        topics = [
            _topic(name, now, before.topics.get(name, now), seconds)
            for name, now in self.topics.items()
        ]
        subscriptions = [
            _subscription(
                name, topic, now, before.subscriptions.get(name, (topic, now))[1], seconds
            )
            for name, (topic, now) in self.subscriptions.items()
        ]
        topics.sort(key=lambda each: (-each.rate, -each.messages, each.project, each.topic))
        subscriptions.sort(
            key=lambda each: (-each.backlog, -each.rate, each.project, each.subscription)
        )
        return Busy(round(seconds, 3), topics, subscriptions)


def look_at(client: "Client", projects: Sequence[str]) -> Look:
    """Looks at all topics and subscriptions of some projects that the client's user may see.

    Raises:
        ClientError: the broker refuses, or can't be reached.
    """
    topics: dict[str, TopicStatistics] = {}
    subscriptions: dict[str, tuple[str, SubscriptionStatistics]] = {}
    for project in projects:
        for topic in client.topics.list(project, page_size=PAGE, full=True):
            if topic.statistics is not None:
                topics[topic.name] = topic.statistics
        for each in client.subscriptions.list(project, page_size=PAGE, full=True):
            if each.statistics is not None:
                subscriptions[each.name] = each.topic_short_name, each.statistics
    return Look(time.monotonic(), topics, subscriptions)


def _names(full_name: str) -> tuple[str, str]:
    """Project and short name, from `/projects/PROJECT/topics/TOPIC`."""
    _, _, project, _, name = full_name.split("/")
    return project, name


def _rate(now: int, before: int, seconds: float) -> float:
    # It is less where the topic was deleted and made again.
    return round(max(0, now - before) / seconds, 3)


def _topic(
    name: str, now: "TopicStatistics", before: "TopicStatistics", seconds: float
) -> BusyTopic:
    return BusyTopic(
        *_names(name),
        rate=_rate(now.messages, before.messages, seconds),
        messages=now.messages,
        stored_messages=now.stored_messages,
        stored_bytes=now.stored_bytes,
        subscriptions=now.subscriptions,
        last_publish=now.last_publish,
    )


def _subscription(
    name: str,
    topic: str,
    now: "SubscriptionStatistics",
    before: "SubscriptionStatistics",
    seconds: float,
) -> BusySubscription:
    return BusySubscription(
        *_names(name),
        topic=topic,
        backlog=now.backlog,
        oldest_unacknowledged_seconds=now.oldest_unacknowledged_seconds,
        rate=_rate(now.delivered_messages, before.delivered_messages, seconds),
        delivered_messages=now.delivered_messages,
        last_pull=now.last_pull,
        push_state=now.push_state,
    )
