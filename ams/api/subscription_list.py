"""The list of a project's subscriptions (contract: ams-core 4.5), and how they fare."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple, Self

from msgspec import Meta

from ams.api import answers, fields, formats, listing, push_settings
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.messages import cursor_of
from ams.api.operations import PROJECT, operation
from ams.api.push_workers import PushStatistics, is_pushed, states_of
from ams.auth import access
from ams.messages.pushing import PushState as LogPushState
from ams.messages.statistics import SubscriptionStatistics as LogStatistics
from ams.metadata import subscriptions
from ams.metadata.records import PushConfig, SubscriptionRecord

PushState = Literal["none", "unverified", "verified"]

#: Later than all times in a log, microseconds since 1970.
_NEVER: Final = 2**62
#: Of a subscription without a topic.
_NOTHING: Final = LogStatistics(0, 0, 0, None, 0, 0, 0, 0, 0.0, None, None)


class SubscriptionNumbers(NamedTuple):
    """What the full view shows of a subscription; the age of its backlog is in seconds."""

    log: LogStatistics
    age: float | None
    push: PushState


class SubscriptionStatistics(Answer, rename="camel"):
    """How a subscription fares."""

    backlog: Annotated[int, Meta(description="Messages that are not acknowledged.")]
    delivered_messages: Annotated[
        int, Meta(description="Ever delivered; messages that came again count again.")
    ]
    delivered_bytes: Annotated[int, Meta(description="Of their `data`, as they were sent.")]
    consumption_rate: Annotated[
        float, Meta(description="Messages per second between the last two pulls.")
    ]
    push_state: Annotated[
        PushState, Meta(description="`none` if messages are only pulled; pushed when `verified`.")
    ]
    oldest_unacknowledged_seconds: Annotated[
        float | None, Meta(description="Age of the oldest message that is not acknowledged.")
    ] = None
    last_pull: fields.Time = ""
    last_acknowledgement: fields.Time = ""
    push: PushStatistics | None = None

    @classmethod
    def of(cls, numbers: SubscriptionNumbers, push: LogPushState | None) -> Self:
        log = numbers.log
        return cls(
            backlog=log.backlog,
            delivered_messages=log.messages,
            delivered_bytes=log.bytes,
            consumption_rate=log.rate,
            push_state=numbers.push,
            oldest_unacknowledged_seconds=numbers.age,
            last_pull=formats.event_time_text(log.last_consume),
            last_acknowledgement=formats.event_time_text(log.last_acknowledgement),
            push=None if push is None else PushStatistics.of(push),
        )


class ListedSubscription(answers.Subscription):
    """A subscription; in the full view with its statistics."""

    statistics: SubscriptionStatistics | None = None


class Subscriptions(Answer, rename="camel"):
    """A page of subscriptions (contract: ams-core 4.5)."""

    subscriptions: list[ListedSubscription]
    next_page_token: fields.NextPageToken
    total_size: fields.TotalSize


_COUNTERS: Final[Mapping[str, Callable[[SubscriptionNumbers], float]]] = {
    "backlog": lambda numbers: numbers.log.backlog,
    # Not by the age itself, which is another one on the next page.
    "oldestUnacknowledgedSeconds": lambda numbers: (
        -(numbers.log.oldest_unacknowledged_time or _NEVER)
    ),
    "lastPull": lambda numbers: numbers.log.last_consume or 0,
    "lastAcknowledgement": lambda numbers: numbers.log.last_acknowledgement or 0,
    "deliveredMessages": lambda numbers: numbers.log.messages,
    "deliveredBytes": lambda numbers: numbers.log.bytes,
    "consumptionRate": lambda numbers: numbers.log.rate,
}


async def _measure(call: Call, records: Sequence[SubscriptionRecord]) -> list[SubscriptionNumbers]:
    cursors = {
        each.id: cursor_of(each, each.topic_uuid) for each in records if each.topic_uuid is not None
    }
    found = await call.broker.log.subscription_statistics(list(cursors.values()))
    by_id = dict(zip(cursors, found, strict=True))
    now = time.time()
    return [_numbers(by_id.get(each.id, _NOTHING), each.push, now) for each in records]


def _numbers(log: LogStatistics, push: PushConfig | None, now: float) -> SubscriptionNumbers:
    oldest = log.oldest_unacknowledged_time
    # The times of messages are Redis' own, whose clock may be a little ahead.
    age = None if oldest is None else max(0.0, round(now - oldest / 1e6, 3))
    state: PushState = "none" if push is None else "verified" if push.verified else "unverified"
    return SubscriptionNumbers(log, age, state)


LISTING: Final = listing.Listing(subscriptions.list_page, _measure, _COUNTERS)


@operation(
    "subscriptions:list",
    "GET",
    f"{PROJECT}/subscriptions",
    query=LISTING.query,
    errors=listing.ERRORS,
)
async def list_subscriptions(call: Call) -> Subscriptions:
    """List a project's subscriptions, newest first; consumers see theirs (ams-core 4.5)."""
    found = await LISTING.page(call, access.subscriptions_of(call.caller, call.roles))
    pushed = [record for record, numbers in found.items if numbers and is_pushed(record)]
    states = await states_of(call.broker, pushed)
    items = []
    for record, numbers in found.items:
        push = push_settings.shown(record.push, call.broker.token_box)
        item = ListedSubscription.of(record, push)
        if numbers is not None:
            item.statistics = SubscriptionStatistics.of(numbers, states.get(record.uuid))
        items.append(item)
    return Subscriptions(items, found.next_page_token, found.total)
