"""Getting rid of messages: all that a subscription has yet to deliver, or all of a topic."""

from typing import Annotated

from msgspec import Meta

from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.messages import cursor_of, log_of
from ams.api.operations import SUBSCRIPTION, TOPIC, operation
from ams.metadata import audit, subscriptions, topics
from ams.metadata.records import SubscriptionRecord
from ams.service.errors import Forbidden, NotFound


class TopicPurge(Answer):
    """What a purge removes from a topic."""

    messages: int
    bytes: Annotated[int, Meta(description="Of the messages kept before, as they were stored.")]


class SubscriptionPurge(Answer):
    """What a purge takes from a subscription."""

    skipped: Annotated[int, Meta(description="Messages that will not be delivered.")]


async def preview_topic(call: Call) -> TopicPurge:
    """What purging a topic would remove."""
    record = await topics.get(call.broker.store, call.project.id, call.names["topic"])
    (log,) = await call.broker.log.topic_statistics([record.uuid])
    return TopicPurge(log.stored_messages, log.stored_bytes)


@operation(
    "topics:purge", "POST", TOPIC, verb="purge", preview=preview_topic, errors=[NotFound("Topic")]
)
async def purge_topic(call: Call) -> TopicPurge:
    """Remove all messages that a topic has now; offsets go on from there."""
    found = await preview_topic(call)
    # The entry comes first: a purge can be long, and what was cut short is on record, too.
    audit.note(messages=found.messages, bytes=found.bytes)
    await audit.add(call.broker.store)
    defaults = call.broker.settings.messages
    found.messages = await call.with_topic(
        lambda topic: call.broker.log.purge_topic(log_of(defaults, topic))
    )
    return found


async def preview_subscription(call: Call) -> SubscriptionPurge:
    """What purging a subscription would skip."""
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    call.require_consumer(record)
    if record.topic_uuid is None:
        return SubscriptionPurge(0)
    cursor = cursor_of(record, record.topic_uuid)
    (found,) = await call.broker.log.subscription_statistics([cursor])
    return SubscriptionPurge(found.backlog)


@operation(
    "subscriptions:purge",
    "POST",
    SUBSCRIPTION,
    verb="purge",
    preview=preview_subscription,
    errors=[NotFound("Subscription"), Forbidden()],
)
async def purge_subscription(call: Call) -> SubscriptionPurge:
    """Skip all messages that a subscription has not acknowledged."""
    answer = SubscriptionPurge(0)

    async def use(subscription: SubscriptionRecord) -> None:
        call.require_consumer(subscription)
        if subscription.topic_uuid is None:
            return
        cursor = cursor_of(subscription, subscription.topic_uuid)

        async def skip() -> None:
            # Added up: if the database asks for another attempt, that one finds nothing more.
            answer.skipped += await call.broker.log.purge_subscription(cursor)
            audit.note(skipped=answer.skipped)

        await audit.record(call.broker.store, skip)

    await call.with_subscription(use)
    return answer
