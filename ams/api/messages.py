"""Publishing, pulling and acknowledging."""

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, field

from ams.api import answers, fields, formats
from ams.api.bodies import Body, check_number_of_values, decode
from ams.api.calls import Call
from ams.api.compiled_schemas import CHECK_ERRORS
from ams.api.operations import SUBSCRIPTION, TOPIC, BodyKind, operation
from ams.api.push_workers import PUSH_DISABLED
from ams.auth import access
from ams.auth.roles import PUSH_WORKER
from ams.messages.entries import Message
from ams.messages.group_commit import TopicLog
from ams.messages.lane import UNREPLICATED
from ams.messages.log import Cursor, Run
from ams.metadata.inventory import KeptTopic, Reader
from ams.metadata.records import SubscriptionRecord, TopicRecord, TopicSummary
from ams.service.errors import (
    AckTimeout,
    Conflict,
    Forbidden,
    InternalError,
    InvalidArgument,
    NotFound,
    TooLarge,
    Unavailable,
)
from ams.service.redis import FULL
from ams.service.settings_sections import MessagesSettings

_MICROSECONDS: Final = 1_000_000
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_INT64: Final = range(-(2**63), 2**63)

#: Most messages in one publish: they are stored in one step, during which Redis serves nobody else.
PUBLISH_MAX_MESSAGES: Final = 10_000


class UsualPublishBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Body of `:publish` as nearly all publishers send it: each message has data."""

    messages: list[Message]


class AnyMessage(Body, rename="camel"):
    """A message as a publisher may send it."""

    data: fields.Data = ""
    attributes: fields.Attributes = field(default_factory=dict)
    message_id: fields.ServerText = ""
    publish_time: fields.ServerText = ""


class PublishBody(Body):
    """Messages to publish."""

    messages: list[AnyMessage] = field(default_factory=list)


class PullBody(Body, rename="camel"):
    """What to pull. Clients send text; numbers and booleans do as well (decision 3)."""

    max_messages: Annotated[
        str | int,
        Meta(description="Most messages to get; 1 if it is no positive number.", examples=["10"]),
    ] = "1"
    return_immediately: Annotated[
        str | bool, Meta(description="`false` waits for a first message for a while.")
    ] = "true"


class AcknowledgeBody(Body, rename="camel"):
    """Messages that need not come again."""

    ack_ids: Annotated[list[fields.AckId], fields.REQUIRED] = field(default_factory=list)


_DECODE_PUBLISH: Final = msgspec.json.Decoder(UsualPublishBody).decode

PUBLICATION: Final = BodyKind(PublishBody, InvalidArgument("Invalid Message Arguments"))
PULLING: Final = BodyKind(PullBody, InvalidArgument("Invalid Pull Parameters Arguments"))
ACKNOWLEDGEMENT: Final = BodyKind(AcknowledgeBody, InvalidArgument("Invalid ack parameter"))

_TOO_MANY: Final = f"Too many messages: one request takes {PUBLISH_MAX_MESSAGES} at most"
_NO_TOPIC: Final = "Subscription's topic doesn't exist"


@operation(
    "topics:publish",
    "POST",
    TOPIC,
    verb="publish",
    body=PUBLICATION,
    answer=answers.MessageIds,
    errors=[
        NotFound("Topic"),
        Forbidden(),
        TooLarge(),
        TooLarge(_TOO_MANY),
        *CHECK_ERRORS,
        Unavailable(FULL),
        Unavailable(UNREPLICATED),
    ],
    is_audited=False,
)
async def publish(call: Call) -> bytes:
    """Publish messages, all or none; their ids come in their order (contract: ams-core 3.11)."""
    return await call.with_topic(lambda topic: _publish(call, topic))


async def _publish(call: Call, topic: TopicRecord) -> bytes:
    call.require_publisher(topic)
    settings = call.broker.settings
    body = await call.body(settings.server.max_request_bytes)
    messages = _messages(body)
    if len(messages) > PUBLISH_MAX_MESSAGES:
        raise TooLarge(_TOO_MANY)
    if topic.schema is not None:
        await call.broker.schemas.of(topic.schema).check(messages)
    limit = settings.messages.max_message_bytes
    if len(body) > limit and any(message.size > limit for message in messages):
        raise TooLarge
    appended = call.broker.log.append(log_of(settings.messages, topic), messages, len(body))
    count = len(messages)
    del messages  # They are packed: see `append`.
    offset, _ = await appended
    ids = '","'.join(map(str, range(offset, offset + count)))
    return f'{{"messageIds":["{ids}"]}}'.encode() if count else b'{"messageIds":[]}'


def _messages(body: bytes) -> list[Message]:
    """The messages of a publish."""
    check_number_of_values(body)
    try:
        return _DECODE_PUBLISH(body).messages
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        unusual = decode(body, PUBLICATION)
        return [Message(each.data, each.attributes) for each in unusual.messages]


def log_of(defaults: MessagesSettings, topic: TopicSummary | KeptTopic) -> TopicLog:
    """The topic's log, kept as long as the topic says, else as long as the settings say."""
    age, size = topic.retention_seconds, topic.retention_bytes
    return TopicLog(
        topic.uuid,
        topic.epoch,
        (defaults.retention_seconds if age is None else age) * _MICROSECONDS,
        defaults.retention_bytes if size is None else size,
    )


def cursor_of(subscription: SubscriptionRecord | Reader, topic_uuid: str) -> Cursor:
    """The subscription's place in the log of its topic."""
    return Cursor(topic_uuid, subscription.uuid, subscription.epoch, subscription.start_offset)


@operation(
    "subscriptions:pull",
    "POST",
    SUBSCRIPTION,
    verb="pull",
    body=PULLING,
    answer=answers.ReceivedMessages,
    errors=[
        NotFound("Subscription"),
        Conflict(PUSH_DISABLED),
        Forbidden(),
        Conflict(_NO_TOPIC),
    ],
    is_audited=False,
)
async def pull(call: Call) -> bytes:
    """Pull the next messages, which come again until acknowledged (contract: ams-core 5).

    With `returnImmediately` false, the answer waits for a first message for a while.
    """
    arrived = asyncio.get_running_loop().time()
    return await call.with_subscription(lambda subscription: _pull(call, subscription, arrived))


async def _pull(call: Call, subscription: SubscriptionRecord, arrived: float) -> bytes:
    await _require_puller(call, subscription)
    if subscription.topic_uuid is None:
        raise Conflict(_NO_TOPIC)
    body = await call.read(PULLING)
    wait = call.broker.settings.messages.pull_wait_seconds
    until = arrived + wait if wait and _waits(body.return_immediately) else None
    cursor = cursor_of(subscription, subscription.topic_uuid)
    runs = await call.broker.log.pull(cursor, _most(body.max_messages), until)
    return _received(subscription, runs)


async def _require_puller(call: Call, subscription: SubscriptionRecord) -> None:
    """Raises if the caller may not pull (contract: ams-core 5.2 rows 2 to 4)."""
    if subscription.push is not None:
        if PUSH_WORKER in call.roles and not call.broker.settings.push.enabled:
            raise Conflict(PUSH_DISABLED)
        access.require_push_worker(call.roles)
    elif PUSH_WORKER in call.roles:
        # Who may pull for this role alone, pulls what is pushed (contract: O-27).
        others = call.roles - {PUSH_WORKER}
        if not (await call.broker.roles()).allows(call.operation.name, others):
            raise Forbidden
    call.require_consumer(subscription)


def _waits(return_immediately: str | bool) -> bool:
    return return_immediately in (False, "false")


def _most(max_messages: str | int) -> int:
    """How many messages a client wants; whatever is no positive number is 1."""
    if isinstance(max_messages, str):
        match = _INTEGER.fullmatch(max_messages)
        max_messages = int(max_messages) if match else 1
    return max(1, max_messages)


def _received(subscription: SubscriptionRecord, runs: Sequence[Run]) -> bytes:
    """The answer of a pull."""
    ack = f'{{"ackId":"projects/{subscription.project}/subscriptions/{subscription.name}:'.encode()
    pieces = [piece for run in runs for piece in run.made_by(_after_ack)]
    if not pieces:
        return b'{"receivedMessages":[]}'
    pieces[0] = b'{"receivedMessages":[' + ack + pieces[0]
    pieces[-1] += b"]}"
    return (b"," + ack).join(pieces)


def _after_ack(run: Run) -> list[bytes]:
    """What follows the subscription in the answer of a pull, of each message."""
    # The stored JSON is an object with at least one field: two more go to its end.
    end = f'","publishTime":"{formats.publish_time_text(run.time)}"}}}}'.encode()
    return [
        b'%d","message":%b,"messageId":"%d%b' % (offset, line[: -len(b"}\n")], offset, end)
        for offset, line in enumerate(run.messages, run.offset)
    ]


@operation(
    "subscriptions:acknowledge",
    "POST",
    SUBSCRIPTION,
    verb="acknowledge",
    body=ACKNOWLEDGEMENT,
    answer=answers.Nothing,
    errors=[
        NotFound("Subscription"),
        Forbidden(),
        InvalidArgument("Invalid ack id"),
        InternalError("no ack pending"),
        InternalError("wrong ack"),
        AckTimeout(),
    ],
    is_audited=False,
)
async def acknowledge(call: Call) -> bytes:
    """Acknowledge messages, with all before the last of them (contract: ams-core 6.1, 6.2)."""
    body = await call.read(ACKNOWLEDGEMENT)

    async def use(subscription: SubscriptionRecord) -> bytes:
        call.require_consumer(subscription)
        highest = _highest(subscription, body)
        if subscription.topic_uuid is None:
            raise InternalError("no ack pending")
        await call.broker.log.acknowledge(
            cursor_of(subscription, subscription.topic_uuid),
            highest,
            subscription.ack_deadline_seconds,
        )
        return b"{}"

    return await call.with_subscription(use)


def _highest(subscription: SubscriptionRecord, body: AcknowledgeBody) -> int:
    """The highest offset among the ids; all must be this subscription's."""
    reference = f"projects/{subscription.project}/subscriptions/{subscription.name}:"
    highest = -1
    for ack_id in body.ack_ids:
        number = ack_id.removeprefix(reference)
        if number == ack_id or _INTEGER.fullmatch(number) is None or int(number) not in _INT64:
            raise InvalidArgument("Invalid ack id")
        highest = max(highest, int(number))
    if highest < 0:
        raise InvalidArgument("Invalid ack id")
    return highest
