"""Subscriptions (contract: ams-core 4)."""

import re
from typing import Annotated, Final

from msgspec import Meta, field

from ams.api import answers, fields, previews, push_settings, push_workers
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.api.operations import SUBSCRIPTION, BodyKind, operation
from ams.api.push_settings import PushConfigBody
from ams.api.push_workers import PushStatistics
from ams.metadata import audit, subscriptions, topics
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound

#: What a subscription gets whose creator says nothing else, seconds.
DEFAULT_ACK_DEADLINE: Final = 10
MAX_ACK_DEADLINE: Final = 600

_TOPIC: Final = re.compile(r"/?projects/([^/]+)/topics/([^/]+)")


class SubscriptionBody(Body, rename="camel"):
    """A subscription as its creator wants it; its name is in the path."""

    topic: Annotated[
        str,
        Meta(
            description="Full name of a topic of the same project.",
            examples=["projects/demo/topics/demo-topic"],
        ),
        fields.REQUIRED,
    ] = ""
    ack_deadline_seconds: Annotated[
        int,
        Meta(
            description="Seconds, to 600, from a pull to its acknowledgement; 0 for the usual 10.",
            examples=[DEFAULT_ACK_DEADLINE],
        ),
    ] = 0
    push_config: PushConfigBody = field(default_factory=PushConfigBody)
    name: fields.ServerText = ""
    push_status: fields.ServerText = ""
    created_on: fields.ServerText = ""


class AckDeadlineBody(Body, rename="camel"):
    """How long an acknowledgement may take."""

    ack_deadline_seconds: Annotated[fields.AckDeadline, fields.REQUIRED] = -1


_BAD_DEADLINE: Final = "Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments"
_BAD_TOPIC: Final = "Invalid Topic name"

CREATION: Final = BodyKind(SubscriptionBody, InvalidArgument(push_settings.MALFORMED))
ACK_DEADLINE: Final = BodyKind(AckDeadlineBody, InvalidArgument(_BAD_DEADLINE))


@operation(
    "subscriptions:create",
    "PUT",
    SUBSCRIPTION,
    body=CREATION,
    errors=[
        InvalidArgument(_BAD_DEADLINE),
        InvalidArgument(_BAD_TOPIC),
        NotFound("Topic"),
        *push_workers.ERRORS,
        *push_settings.ERRORS,
        AlreadyExists("Subscription"),
    ],
)
async def create(call: Call) -> answers.Subscription:
    """Create a subscription (contract: ams-core 4.3).

    It starts at the topic's end: only what is published from now on is delivered.
    """
    body = await call.read(CREATION)
    push_settings.check_numbers(body.push_config)
    deadline = _deadline(body.ack_deadline_seconds or DEFAULT_ACK_DEADLINE)
    reference = _TOPIC.fullmatch(body.topic)
    if reference is None:
        raise InvalidArgument(_BAD_TOPIC)
    if reference[1] != call.project.name:
        raise NotFound("Topic")
    store, log = call.broker.store, call.broker.log
    topic = await topics.get(store, call.project.id, reference[2])
    push, worker = None, None
    audit.note(topic=body.topic, ackDeadlineSeconds=deadline)
    if body.push_config != push_settings.NOTHING:
        worker = await push_workers.require_worker(call.broker)
        push_settings.check_new(body.push_config)
        push_settings.note(body.push_config)
        push = push_settings.new(body.push_config, call.broker.token_box)
    with push_workers.worker_stays():
        record = await subscriptions.create(
            store,
            call.project,
            call.names["subscription"],
            topic,
            start_offset=await log.end(topic.uuid),
            ack_deadline_seconds=deadline,
            push=push,
            worker_id=worker,
        )
    return answers.Subscription.of(record, push_settings.shown(record.push, call.broker.token_box))


def _deadline(seconds: int) -> int:
    """An acknowledgement deadline, seconds (contract: ams-core 4.8, O-22)."""
    if not 0 <= seconds <= MAX_ACK_DEADLINE:
        raise InvalidArgument(_BAD_DEADLINE)
    return seconds


class ShownSubscription(answers.Subscription):
    """A subscription; with statistics of push delivery, where its receiver is verified."""

    push_statistics: PushStatistics | None = None


@operation("subscriptions:show", "GET", SUBSCRIPTION, errors=[NotFound("Subscription")])
async def show(call: Call) -> ShownSubscription:
    """Show a subscription (contract: ams-core 4.4)."""
    record = await subscriptions.get(call.broker.store, call.project.id, call.names["subscription"])
    shown = ShownSubscription.of(record, push_settings.shown(record.push, call.broker.token_box))
    if push_workers.is_pushed(record):
        fate = await push_workers.fate_of(call.broker, record)
        shown.push_status = fate.text
        shown.push_statistics = fate.statistics
    return shown


@operation(
    "subscriptions:delete",
    "DELETE",
    SUBSCRIPTION,
    errors=[NotFound("Subscription")],
    preview=previews.subscription,
)
async def delete(call: Call) -> answers.PushStopped | None:
    """Delete a subscription (contract: ams-core 4.6, O-46).

    The answer is empty unless its messages were pushed.
    """
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    if not push_workers.is_pushed(record):
        await subscriptions.delete(store, record)
        return None
    fate = await push_workers.fate_of(call.broker, record)
    await subscriptions.delete(store, record)
    name = answers.subscription_reference(record.project, record.name)
    return answers.PushStopped(f"Subscription {name} deactivated" if fate.driven else fate.text)


@operation(
    "subscriptions:modifyAckDeadline",
    "POST",
    SUBSCRIPTION,
    verb="modifyAckDeadline",
    body=ACK_DEADLINE,
    errors=[NotFound("Subscription")],
)
async def modify_ack_deadline(call: Call) -> None:
    """Change how long an acknowledgement may take (contract: ams-core 4.8, O-26)."""
    deadline = _deadline((await call.read(ACK_DEADLINE)).ack_deadline_seconds)
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    call.require_consumer(record)
    audit.note(ackDeadlineSeconds=deadline)
    await subscriptions.set_ack_deadline(store, record, deadline)
