"""Topics (contract: ams-core 3)."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ams.api import answers, fields, previews
from ams.api.bodies import TextMap
from ams.api.calls import Call
from ams.api.operations import TOPIC, BodyKind, operation
from ams.api.schemas import BAD_REFERENCE, referenced
from ams.metadata import audit, subscriptions, topics
from ams.service.errors import AlreadyExists, BadRequest, InvalidArgument, NotFound

_DURATION: Final = re.compile(r"([0-9]{1,9})s")
_BYTES: Final = re.compile(r"[0-9]{1,15}")

_BAD_DURATION: Final = "Invalid messageRetentionDuration (needs seconds, as in 604800s)"
_BAD_BYTES: Final = "Invalid messageRetentionBytes (needs a number of bytes)"


class RetentionBody(TextMap):
    """How long, and how much, a topic keeps; what is absent is as the settings say."""

    duration: fields.RetentionDuration = msgspec.field(default="", name="messageRetentionDuration")
    size: fields.RetentionBytes = msgspec.field(default="", name="messageRetentionBytes")


SchemaName = Annotated[
    str, Meta(description="Full name of a schema, `projects/demo/schemas/reading`.")
]


class TopicBody(RetentionBody):
    """A topic as its creator wants it."""

    schema: SchemaName = ""


class AttachmentBody(TextMap):
    """What a topic's messages must look like."""

    schema: Annotated[SchemaName, fields.REQUIRED] = ""


CREATION: Final = BodyKind(TopicBody, BadRequest(), optional=True, is_map=True)
ATTACHMENT: Final = BodyKind(AttachmentBody, BadRequest(), optional=True, is_map=True)
RETENTION: Final = BodyKind(RetentionBody, BadRequest(), is_map=True)


@operation(
    "topics:create",
    "PUT",
    TOPIC,
    body=CREATION,
    errors=[
        InvalidArgument(BAD_REFERENCE),
        InvalidArgument(_BAD_DURATION),
        InvalidArgument(_BAD_BYTES),
        NotFound("Schema"),
        AlreadyExists("Topic"),
    ],
)
async def create(call: Call) -> answers.Topic:
    """Create a topic (contract: ams-core 3.2)."""
    body = await call.read(CREATION)
    schema = await referenced(call, body.schema)
    seconds, size = _retention(body)
    audit.note(**{key: text for key, text in msgspec.to_builtins(body).items() if text})
    record = await topics.create(
        call.broker.store,
        call.project,
        call.names["topic"],
        retention_seconds=seconds,
        retention_bytes=size,
        schema=schema,
    )
    return answers.Topic.of(record)


@operation(
    "topics:modifyRetention",
    "POST",
    TOPIC,
    verb="modifyRetention",
    body=RETENTION,
    errors=[InvalidArgument(_BAD_DURATION), InvalidArgument(_BAD_BYTES), NotFound("Topic")],
)
async def modify_retention(call: Call) -> None:
    """Change how long, and how much, a topic keeps; what is absent is as the settings say."""
    body = await call.read(RETENTION)
    seconds, size = _retention(body)
    audit.note(**{key: text or None for key, text in msgspec.to_builtins(body).items()})
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    await topics.set_retention(store, record, retention_seconds=seconds, retention_bytes=size)


@operation(
    "topics:attachSchema",
    "POST",
    TOPIC,
    verb="attachSchema",
    body=ATTACHMENT,
    errors=[InvalidArgument(BAD_REFERENCE), NotFound("Topic"), NotFound("Schema")],
)
async def attach_schema(call: Call) -> None:
    """Have a topic take only messages that fit a schema (contract: ams-core 3.8, O-17)."""
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    reference = (await call.read(ATTACHMENT)).schema
    schema = await referenced(call, reference)
    if schema is None:
        raise InvalidArgument(BAD_REFERENCE)
    audit.note(schema=reference)
    await topics.set_schema(store, record, schema)


@operation("topics:detachSchema", "POST", TOPIC, verb="detachSchema", errors=[NotFound("Topic")])
async def detach_schema(call: Call) -> None:
    """Have a topic take any message (contract: ams-core 3.9)."""
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    audit.note(schema=None)
    await topics.set_schema(store, record, None)


def _retention(body: RetentionBody) -> tuple[int | None, int | None]:
    seconds = size = None
    if body.duration:
        match = _DURATION.fullmatch(body.duration)
        if match is None:
            raise InvalidArgument(_BAD_DURATION)
        seconds = int(match[1])
    if body.size:
        if _BYTES.fullmatch(body.size) is None:
            raise InvalidArgument(_BAD_BYTES)
        size = int(body.size)
    return seconds, size


@operation("topics:show", "GET", TOPIC, errors=[NotFound("Topic")])
async def show(call: Call) -> answers.Topic:
    """Show a topic (contract: ams-core 3.3)."""
    record = await topics.get(call.broker.store, call.project.id, call.names["topic"])
    return answers.Topic.of(record)


@operation("topics:delete", "DELETE", TOPIC, errors=[NotFound("Topic")], preview=previews.topic)
async def delete(call: Call) -> None:
    """Delete a topic and its messages; its subscriptions stay (contract: ams-core 3.5)."""
    store = call.broker.store
    await topics.delete(store, await topics.get(store, call.project.id, call.names["topic"]))


@operation("subscriptions:listByTopic", "GET", f"{TOPIC}/subscriptions", errors=[NotFound("Topic")])
async def list_subscriptions(call: Call) -> answers.SubscriptionNames:
    """List the names of a topic's subscriptions, oldest first (contract: ams-core 3.10)."""
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    names = await subscriptions.names_of_topic(store, record)
    references = [answers.subscription_reference(call.project.name, name) for name in names]
    return answers.SubscriptionNames(references)
