"""How topics and subscriptions fare, as the API tells it (see `objects.py`).

Times are UTC, RFC 3339 with up to microseconds.
"""

from msgspec import Struct


class TopicStatistics(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a topic fares.

    Attributes:
        messages: messages ever published.
        bytes: size of their data, as it was sent.
        stored_messages: messages kept now.
        stored_bytes: size of what is kept, as it is stored.
        publish_rate: messages a second between the last two publishes.
        subscriptions: how many it has.
        last_publish: when the last publish was; empty if there was none.
    """

    messages: int
    bytes: int
    stored_messages: int
    stored_bytes: int
    publish_rate: float
    subscriptions: int
    last_publish: str = ""


class PushStatistics(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How push delivery of a subscription fares.

    Attributes:
        deliveries: requests that the receiver has accepted, and
        messages: how many were in them; some may have come twice.
        failures: requests that it has not accepted.
        retries: requests that followed one of these.
        latency_seconds: how long an accepted request takes of late; None if there was none.
        last_success: when one was last accepted; empty if there was none.
        seconds_since_success: since then.
    """

    deliveries: int
    messages: int
    failures: int
    retries: int
    latency_seconds: float | None = None
    last_success: str = ""
    seconds_since_success: float | None = None


class SubscriptionStatistics(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """How a subscription fares.

    Attributes:
        backlog: messages that are not acknowledged.
        delivered_messages: messages ever pulled; those that came again count again.
        delivered_bytes: size of their data, as it was sent.
        consumption_rate: messages a second between the last two pulls.
        push_state: `none`, `unverified` or `verified`.
        oldest_unacknowledged_seconds: age of the oldest message of the backlog; None without one.
        last_pull: when the last pull was; empty if there was none.
        last_acknowledgement: the same of acknowledgements.
        push: how push delivery fares; None if there is none.
    """

    backlog: int
    delivered_messages: int
    delivered_bytes: int
    consumption_rate: float
    push_state: str
    oldest_unacknowledged_seconds: float | None = None
    last_pull: str = ""
    last_acknowledgement: str = ""
    push: PushStatistics | None = None


class PastTopic(Struct, frozen=True):
    """A step of a topic's history. What is not known is None.

    Attributes:
        time: when the step ended.
        published: messages published during it.
        rate: the same a second.
        stored: messages kept when it ended.
    """

    time: str
    published: int | None
    rate: float | None
    stored: int | None


class PastSubscription(Struct, frozen=True):
    """A step of a subscription's history. What is not known is None.

    Attributes:
        time: when the step ended.
        delivered: messages pulled during it; those that came again count again.
        rate: the same a second.
        backlog: messages not acknowledged when it ended.
    """

    time: str
    delivered: int | None
    rate: float | None
    backlog: int | None


class TopicHistory(Struct, frozen=True, rename="camel"):
    """How a topic fared, oldest step first."""

    window: str
    step_seconds: int
    points: tuple[PastTopic, ...]


class SubscriptionHistory(Struct, frozen=True, rename="camel"):
    """How a subscription fared, oldest step first; nothing while it has no topic."""

    window: str
    step_seconds: int
    points: tuple[PastSubscription, ...]
