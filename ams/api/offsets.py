"""Where subscriptions stand, and moving them (contract: ams-core 6.3 to 6.5)."""

from typing import Annotated, Final

from msgspec import Meta

from ams.api import answers, formats
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.api.messages import cursor_of
from ams.api.operations import SUBSCRIPTION, BodyKind, Parameter, operation
from ams.metadata import audit, subscriptions
from ams.metadata.records import SubscriptionRecord
from ams.service.errors import Conflict, Forbidden, InvalidArgument, NotFound


class OffsetBody(Body, rename="camel"):
    """Where a subscription is to go on."""

    offset: Annotated[
        int, Meta(description="Where the next pull begins, between `min` and `max`.", examples=[0])
    ] = 0


SEEKING: Final = BodyKind(OffsetBody, InvalidArgument("Invalid Offset Arguments"))
TIME: Final = Parameter("time", "A time in UTC, such as `2026-01-02T03:04:05.678Z`.")

_OUT_OF_BOUNDS: Final = "Offset out of bounds"
_OUT_OF_TIME: Final = "Timestamp is out of bounds for the subscription's topic/partition"


@operation(
    "subscriptions:offsets",
    "GET",
    SUBSCRIPTION,
    verb="offsets",
    errors=[NotFound("Subscription"), Forbidden()],
)
async def offsets(call: Call) -> answers.Offsets:
    """Show where a subscription stands, and how far it can be moved (contract: ams-core 6.3)."""

    async def use(subscription: SubscriptionRecord) -> answers.Offsets:
        call.require_consumer(subscription)
        if subscription.topic_uuid is None:
            return answers.Offsets(0, 0, 0)
        cursor = cursor_of(subscription, subscription.topic_uuid)
        current, oldest, end = await call.broker.log.offsets(cursor)
        return answers.Offsets(max=end, min=oldest, current=current)

    return await call.with_subscription(use)


class Movement(answers.Answer):
    """What moving a subscription does."""

    skipped: Annotated[int, Meta(description="Messages that will not be delivered.")]
    replayed: Annotated[int, Meta(description="Messages that will be delivered again.")]


async def preview_movement(call: Call) -> Movement:
    """What moving a subscription would do."""
    offset = (await call.read(SEEKING)).offset
    store = call.broker.store
    # Not from memory: only the real move finds out that it is out of date.
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    call.require_consumer(record)
    current = oldest = end = 0
    if record.topic_uuid is not None:
        cursor = cursor_of(record, record.topic_uuid)
        (found,) = await call.broker.log.subscription_statistics([cursor])
        current, oldest, end = found.offset, found.oldest, found.end
    if not oldest <= offset <= end:
        raise InvalidArgument(_OUT_OF_BOUNDS)
    return Movement(skipped=max(0, offset - current), replayed=max(0, current - offset))


@operation(
    "subscriptions:modifyOffset",
    "POST",
    SUBSCRIPTION,
    verb="modifyOffset",
    preview=preview_movement,
    body=SEEKING,
    errors=[NotFound("Subscription"), Forbidden(), InvalidArgument(_OUT_OF_BOUNDS)],
)
async def modify_offset(call: Call) -> None:
    """Move a subscription: the next pull begins with the message of this offset (6.4)."""
    body = await call.read(SEEKING)

    async def use(subscription: SubscriptionRecord) -> None:
        call.require_consumer(subscription)
        topic, log = subscription.topic_uuid, call.broker.log
        if topic is not None:
            await audit.record(
                call.broker.store, lambda: log.seek(cursor_of(subscription, topic), body.offset)
            )
        elif body.offset != 0:
            raise InvalidArgument(_OUT_OF_BOUNDS)

    audit.note(offset=body.offset)
    await call.with_subscription(use)


@operation(
    "subscriptions:timeToOffset",
    "GET",
    SUBSCRIPTION,
    verb="timeToOffset",
    query=[TIME],
    errors=[
        NotFound("Subscription"),
        Forbidden(),
        InvalidArgument(formats.BAD_TIME),
        Conflict(_OUT_OF_TIME),
    ],
)
async def time_to_offset(call: Call) -> answers.Offset:
    """Find the first message published at a time or later (contract: ams-core 6.5)."""

    async def use(subscription: SubscriptionRecord) -> answers.Offset:
        call.require_consumer(subscription)
        time = formats.microseconds_at(call.argument(TIME))
        if subscription.topic_uuid is None:
            raise Conflict(_OUT_OF_TIME)
        return answers.Offset(await call.broker.log.offset_at_time(subscription.topic_uuid, time))

    return await call.with_subscription(use)
