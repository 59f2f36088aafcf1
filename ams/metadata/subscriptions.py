"""Subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from ams.metadata import acls, memberships, names, paging
from ams.metadata.models import CIPHERTEXT_LENGTH, Subscription
from ams.metadata.records import (
    Change,
    Page,
    ProjectRecord,
    PushConfig,
    SubscriptionRecord,
    TopicSummary,
)
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound

#: Most subscriptions that one statement looks up.
BATCH = 1000


async def create(
    store: Store,
    project: ProjectRecord,
    name: str,
    topic: TopicSummary,
    *,
    start_offset: int,
    ack_deadline_seconds: int,
    push: PushConfig | None = None,
    worker_id: int | None = None,
) -> SubscriptionRecord:
    """Make a subscription to a topic of the same project.

    Args:
        store: The database.
        project: Where it belongs.
        name: Its name.
        topic: What it subscribes to.
        start_offset: The offset of its first message.
        ack_deadline_seconds: How long an acknowledgement may take.
        push: Where its messages are pushed; None if they are only pulled.
        worker_id: The user who pushes, see `set_push`.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: The topic, or the worker, is gone.
        InvalidArgument: A text is too long, or a number too large.
    """

    async def insert(changes: Changes) -> SubscriptionRecord:
        if worker_id is not None and _pushes(push):
            await memberships.introduce(worker_id, project.id, changes)
        row = await Subscription.create(
            uuid=str(uuid4()),
            project_id=project.id,
            name=name,
            epoch=1,
            topic_name=topic.name,
            topic_id=topic.id,
            start_offset=start_offset,
            ack_deadline_seconds=ack_deadline_seconds,
            push=_stored(push),
            created_on=datetime.now(UTC),
        )
        if worker_id is not None:
            await acls.put_on_subscription(row.id, worker_id, present=_pushes(push))
        changes.append(Change("subscription", row.uuid, topic.uuid, row.epoch))
        return await _load(project.id, name)

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("Subscription") from None
    except MissingParent:
        raise NotFound("Topic") from None


async def get(store: Store, project_id: int, name: str) -> SubscriptionRecord:
    """Read a subscription, its epoch first: the rest is never older than it.

    Raises:
        NotFound: There is none of that name.
    """
    async with store.database.reading():
        return await _load(project_id, name)


async def list_page(
    store: Store,
    project_id: int,
    *,
    page_size: int = 0,
    from_id: int | None = None,
    acl_user_id: int | None = None,
    name: str | None = None,
    order: paging.Order = paging.NEWEST_FIRST,
    from_name: str | None = None,
) -> Page[SubscriptionRecord]:
    """Part of a project's subscriptions.

    Args:
        store: The database.
        project_id: The project.
        page_size: Most subscriptions; 0 and less mean all.
        from_id: Where the page begins: `next_id` of the one before it.
        acl_user_id: Only subscriptions whose access list holds this user.
        name: Only subscriptions with this in their name, in upper or lower case.
        order: How they are sorted.
        from_name: Where the page begins if they are sorted by name: `next_name` of the one before.
    """
    async with store.database.reading():
        query = Subscription.filter(project_id=project_id).select_related("project", "topic")
        if acl_user_id is not None:
            query = query.filter(acl__user_id=acl_user_id)
        query = paging.containing(query, name)
        page = await paging.cut(query, page_size, from_id, order, from_name)
        lists = await acls.of_subscriptions(project_id, [row.id for row in page.rows])
    items = tuple(_record(row, lists.get(row.id, frozenset())) for row in page.rows)
    return Page(items, page.next_id, page.total, page.next_name)


async def names_of_topic(store: Store, topic: TopicSummary) -> list[str]:
    """The names of a topic's subscriptions, oldest first."""
    async with store.database.reading():
        rows = await (
            Subscription.filter(topic_id=topic.id).order_by("id").values_list("name", flat=True)
        )
    return cast("list[str]", rows)


async def pushed(
    store: Store, uuids: Sequence[str] | None = None
) -> Mapping[str, SubscriptionRecord]:
    """The subscriptions whose messages are to be pushed, by uuid; without their access lists.

    Args:
        store: The database.
        uuids: Of those to look at; None for all there are.
    """
    found = {}
    async with store.database.reading():
        query = Subscription.filter(push__isnull=False).select_related("project", "topic")
        parts = [query]
        if uuids is not None:
            starts = range(0, len(uuids), BATCH)
            parts = [query.filter(uuid__in=uuids[start : start + BATCH]) for start in starts]
        for part in parts:
            for row in await part:
                if _pushes(_push(row)) and row.topic is not None:
                    found[row.uuid] = _record(row, frozenset())
    return found


async def delete(store: Store, subscription: SubscriptionRecord) -> None:
    """Delete a subscription.

    Raises:
        NotFound: It is gone already.
    """

    async def remove(changes: Changes) -> None:
        row = await _lock(subscription)
        changes.append(Change("subscription", row.uuid, _topic_uuid(row), None))
        await row.delete()

    await store.write(remove)


async def set_acl(
    store: Store, subscription: SubscriptionRecord, user_names: Sequence[str]
) -> None:
    """Replace a subscription's access list; a name that occurs twice counts at its first place.

    Raises:
        UsersNotFound: Some are no members of the project.
        NotFound: The subscription is gone.
    """

    async def replace(changes: Changes) -> None:
        user_ids = await acls.members(subscription.project_id, user_names)
        row = await _lock(subscription)
        await acls.replace_subscription(row.id, user_ids)
        await _change(row, changes)

    await store.write(replace)


async def acl_names(store: Store, subscription: SubscriptionRecord) -> list[str]:
    """The names of the users on a subscription's access list, in its order."""
    async with store.database.reading():
        return await acls.names_of_subscription(subscription.id)


async def consumers_of(store: Store, topic: TopicSummary) -> frozenset[int]:
    """The ids of the users who are on the access list of any subscription to a topic."""
    async with store.database.reading():
        return await acls.of_subscriptions_to(topic.id)


async def set_ack_deadline(store: Store, subscription: SubscriptionRecord, seconds: int) -> None:
    """Change how long an acknowledgement may take.

    Raises:
        NotFound: The subscription is gone.
        InvalidArgument: The number is too large.
    """

    async def update(changes: Changes) -> None:
        row = await _lock(subscription)
        row.ack_deadline_seconds = seconds
        await _change(row, changes)

    await store.write(update)


async def set_push(
    store: Store,
    subscription: SubscriptionRecord,
    change: Callable[[PushConfig | None], PushConfig | None],
    *,
    worker_id: int | None = None,
) -> None:
    """Change where a subscription's messages are pushed.

    Args:
        store: The database.
        subscription: The subscription.
        change: Given the settings there are, returns those that replace them; None where messages
            are only pulled. It may be called twice, and what it raises changes nothing.
        worker_id: The user who pushes: on the access list, and known to the project, from when
            the settings are verified; off the list while they are not (contract: ams-core 7.3,
            7.4). None leaves the list as it is.

    Raises:
        NotFound: The subscription, or the worker, is gone.
        InvalidArgument: A text is too long.
    """

    async def update(changes: Changes) -> None:
        if worker_id is not None and _pushes(change(subscription.push)):
            # Before the subscription is locked: changes of access lists take the same order.
            await memberships.introduce(worker_id, subscription.project_id, changes)
        row = await _lock(subscription)
        push = change(_push(row))
        row.push = _stored(push)
        if worker_id is not None:
            await acls.put_on_subscription(row.id, worker_id, present=_pushes(push))
        await _change(row, changes)

    await store.write(update)


async def _lock(subscription: SubscriptionRecord) -> Subscription:
    """A row, with its topic, which nobody else can change before the end of the transaction."""
    row = await Subscription.filter(id=subscription.id).select_for_update().first()
    if row is None:
        raise NotFound("Subscription")
    await row.fetch_related("topic")
    return row


async def _change(row: Subscription, changes: Changes) -> None:
    """Save a locked row under its next epoch."""
    row.epoch += 1
    await row.save()
    changes.append(Change("subscription", row.uuid, _topic_uuid(row), row.epoch))


async def _load(project_id: int, name: str) -> SubscriptionRecord:
    if names.can_exist(name):
        row = await Subscription.get_or_none(project_id=project_id, name=name).select_related(
            "project", "topic"
        )
        if row is not None:
            return _record(row, await acls.of_subscription(row.id))
    raise NotFound("Subscription")


def _pushes(push: PushConfig | None) -> bool:
    return push is not None and push.verified


# Any: the settings are of many types.
def _stored(push: PushConfig | None) -> dict[str, Any] | None:
    settings = None if push is None else asdict(push)
    for value in (settings or {}).values():
        if isinstance(value, str) and len(value) > CIPHERTEXT_LENGTH:
            raise InvalidArgument("A text of the push configuration is too long")
    return settings


def _push(row: Subscription) -> PushConfig | None:
    return None if row.push is None else PushConfig(**row.push)


def _topic_uuid(row: Subscription) -> str | None:
    return None if row.topic is None else row.topic.uuid


def _record(row: Subscription, acl: frozenset[int]) -> SubscriptionRecord:
    return SubscriptionRecord(
        id=row.id,
        uuid=row.uuid,
        project_id=row.project_id,
        project=row.project.name,
        name=row.name,
        epoch=row.epoch,
        topic=row.topic_name,
        topic_uuid=_topic_uuid(row),
        start_offset=row.start_offset,
        ack_deadline_seconds=row.ack_deadline_seconds,
        push=_push(row),
        acl=acl,
        created_on=row.created_on,
    )
