"""How topics and subscriptions fared during the last hour, day or week."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from ams.api import formats
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.messages import cursor_of
from ams.api.operations import SUBSCRIPTION, TOPIC, Parameter, operation
from ams.messages.history import SubscriptionPoint, TopicPoint, Window
from ams.service.errors import Forbidden, InvalidArgument, NotFound

WINDOW: Final = Parameter(
    "window", "How far back to look; by default `1h`.", choices=tuple(each.value for each in Window)
)
_BAD_WINDOW: Final = InvalidArgument("Invalid window (needs 1h, 24h or 7d)")

WindowName = Annotated[
    Literal["1h", "24h", "7d"], Meta(description="By minutes, by ten minutes, by hours.")
]
StepSeconds = Annotated[int, Meta(description="From one point to the next.")]
End = Annotated[str, Meta(description="When the step ended.", examples=["2026-01-02T03:04:00Z"])]
Rate = Annotated[float | None, Meta(description="The same per second.")]


class PastTopic(Answer):
    """A step of a topic's history. What is not known is null."""

    time: End
    published: Annotated[int | None, Meta(description="Messages published during the step.")]
    rate: Rate
    stored: Annotated[int | None, Meta(description="Messages kept when it ended.")]

    @classmethod
    def of(cls, point: TopicPoint) -> "PastTopic":
        time, published, rate, stored = point
        return cls(formats.publish_time_text(time), published, rate, stored)


class PastSubscription(Answer):
    """A step of a subscription's history. What is not known is null."""

    time: End
    delivered: Annotated[
        int | None, Meta(description="Messages pulled during the step; redeliveries count again.")
    ]
    rate: Rate
    backlog: Annotated[int | None, Meta(description="Messages not acknowledged when it ended.")]

    @classmethod
    def of(cls, point: SubscriptionPoint) -> "PastSubscription":
        time, delivered, rate, backlog = point
        return cls(formats.publish_time_text(time), delivered, rate, backlog)


class TopicHistory(Answer, rename="camel"):
    """How a topic fared, oldest step first."""

    window: WindowName
    step_seconds: StepSeconds
    points: list[PastTopic]


class SubscriptionHistory(Answer, rename="camel"):
    """How a subscription fared, oldest step first; nothing while it has no topic."""

    window: WindowName
    step_seconds: StepSeconds
    points: list[PastSubscription]


@operation(
    "topics:history",
    "GET",
    TOPIC,
    verb="history",
    query=[WINDOW],
    errors=[NotFound("Topic"), Forbidden(), _BAD_WINDOW],
)
async def topic_history(call: Call) -> TopicHistory:
    """Show what was published to a topic, and how much it kept, step by step."""
    catalog, name = call.broker.catalog, call.names["topic"]
    topic = await catalog.topic(call.project.id, name)
    call.require_publisher(topic)
    window = _window(call)
    points = await call.broker.log.topic_history(topic.uuid, window)
    return TopicHistory(window.value, window.step_seconds, list(map(PastTopic.of, points)))


@operation(
    "subscriptions:history",
    "GET",
    SUBSCRIPTION,
    verb="history",
    query=[WINDOW],
    errors=[NotFound("Subscription"), Forbidden(), _BAD_WINDOW],
)
async def subscription_history(call: Call) -> SubscriptionHistory:
    """Show what was delivered to a subscription, and how much it had to, step by step."""
    catalog, name = call.broker.catalog, call.names["subscription"]
    subscription = await catalog.subscription(call.project.id, name)
    call.require_consumer(subscription)
    window = _window(call)
    points: list[SubscriptionPoint] = []
    if subscription.topic_uuid is not None:
        cursor = cursor_of(subscription, subscription.topic_uuid)
        points = await call.broker.log.subscription_history(cursor, window)
    return SubscriptionHistory(
        window.value, window.step_seconds, list(map(PastSubscription.of, points))
    )


def _window(call: Call) -> Window:
    try:
        return Window(call.argument(WINDOW) or Window.HOUR)
    except ValueError:
        raise InvalidArgument(_BAD_WINDOW.message) from None
