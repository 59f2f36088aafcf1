"""What would be lost by a deletion: answers of `dryRun=true`."""

from typing import Annotated

from msgspec import Meta

from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.messages import cursor_of
from ams.metadata import counts, subscriptions, topics, users

Messages = Annotated[int, Meta(description="Messages that are kept.")]
Bytes = Annotated[int, Meta(description="Of the messages, as they are stored.")]
AclEntries = Annotated[int, Meta(description="Places of users on access lists.")]


class TopicLoss(Answer, rename="camel"):
    """What goes with a topic."""

    messages: Messages
    bytes: Bytes
    subscriptions: Annotated[int, Meta(description="Those that would stay, without a topic.")]
    acl_entries: AclEntries


class SubscriptionLoss(Answer, rename="camel"):
    """What goes with a subscription."""

    backlog: Annotated[int, Meta(description="Messages that are not acknowledged.")]
    acl_entries: AclEntries


class ProjectLoss(Answer, rename="camel"):
    """What goes with a project."""

    topics: int
    subscriptions: int
    schemas: int
    members: Annotated[int, Meta(description="Users who would stay, and be members no more.")]
    acl_entries: AclEntries
    messages: Messages
    bytes: Bytes


class UserLoss(Answer, rename="camel"):
    """What goes with a user."""

    memberships: Annotated[int, Meta(description="Projects that they are a member of.")]
    acl_entries: AclEntries


async def topic(call: Call) -> TopicLoss:
    """What deleting a topic would do."""
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    (log,) = await call.broker.log.topic_statistics([record.uuid])
    return TopicLoss(
        messages=log.stored_messages,
        bytes=log.stored_bytes,
        subscriptions=await counts.of_topic(store, record),
        acl_entries=len(record.acl),
    )


async def subscription(call: Call) -> SubscriptionLoss:
    """What deleting a subscription would do."""
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    backlog = 0
    if record.topic_uuid is not None:
        cursor = cursor_of(record, record.topic_uuid)
        (log,) = await call.broker.log.subscription_statistics([cursor])
        backlog = log.backlog
    return SubscriptionLoss(backlog=backlog, acl_entries=len(record.acl))


async def project(call: Call) -> ProjectLoss:
    """What deleting a project would do."""
    store, id_ = call.broker.store, call.project.id
    found = await counts.contents(store, id_)
    logs = await call.broker.log.topic_statistics(await topics.uuids(store, id_))
    return ProjectLoss(
        topics=found.topics,
        subscriptions=found.subscriptions,
        schemas=found.schemas,
        members=found.members,
        acl_entries=found.acl_entries,
        messages=sum(log.stored_messages for log in logs),
        bytes=sum(log.stored_bytes for log in logs),
    )


async def user(call: Call) -> UserLoss:
    """What deleting a user would do."""
    store = call.broker.store
    record = await users.by_name(store, call.names["user"])
    found = await counts.traces(store, record.id)
    return UserLoss(memberships=found.memberships, acl_entries=found.acl_entries)
