"""Topics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from tortoise.expressions import F

from ams.metadata import acls, names, paging, schemas
from ams.metadata.models import RetiredTopic, Subscription, Topic
from ams.metadata.records import (
    Change,
    CountedTopic,
    Page,
    ProjectRecord,
    SchemaReference,
    TopicRecord,
    TopicSummary,
)
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, NotFound


async def create(
    store: Store,
    project: ProjectRecord,
    name: str,
    *,
    retention_seconds: int | None = None,
    retention_bytes: int | None = None,
    schema: SchemaReference | None = None,
) -> TopicRecord:
    """Make a topic; subscriptions that an earlier one of that name left begin at its start.

    Args:
        store: The database.
        project: Where it belongs.
        name: Its name.
        retention_seconds: How long it keeps messages; None for the setting's, 0 for no limit.
        retention_bytes: How much it keeps; None for the setting's, 0 for no limit.
        schema: What its messages must look like; one of the same project.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: The project, or the schema, is gone.
        InvalidArgument: The name is too long, or a number too large.
    """

    async def insert(changes: Changes) -> TopicRecord:
        if schema is not None:
            await schemas.lock(project.id, schema.id)
        row = await Topic.create(
            uuid=str(uuid4()),
            project_id=project.id,
            name=name,
            epoch=1,
            retention_seconds=retention_seconds,
            retention_bytes=retention_bytes,
            schema_id=None if schema is None else schema.id,
            created_on=datetime.now(UTC),
        )
        changes.append(Change("topic", row.uuid, row.uuid, row.epoch))
        orphans = Subscription.filter(project_id=project.id, topic_name=name)
        for orphan in await orphans.select_for_update():
            changes.append(Change("subscription", orphan.uuid, row.uuid, orphan.epoch + 1))
        await orphans.update(topic_id=row.id, start_offset=0, epoch=F("epoch") + 1)
        return await _load(project.id, name)

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("Topic") from None
    except MissingParent:
        raise NotFound("project") from None


async def get(store: Store, project_id: int, name: str) -> TopicRecord:
    """Read a topic, its epoch first: the rest is never older than it.

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
) -> Page[TopicSummary]:
    """Part of a project's topics.

    Args:
        store: The database.
        project_id: The project.
        page_size: Most topics; 0 and less mean all.
        from_id: Where the page begins: `next_id` of the one before it.
        acl_user_id: Only topics whose access list holds this user.
        name: Only topics with this in their name, in upper or lower case.
        order: How they are sorted.
        from_name: Where the page begins if they are sorted by name: `next_name` of the one before.
    """
    async with store.database.reading():
        query = Topic.filter(project_id=project_id).select_related("project")
        if acl_user_id is not None:
            query = query.filter(acl__user_id=acl_user_id)
        query = paging.containing(query, name)
        page = await paging.cut(query, page_size, from_id, order, from_name)
        lists = await acls.of_topics(project_id, [row.id for row in page.rows])
        linked = await schemas.references(
            project_id, {row.schema_id for row in page.rows if row.schema_id is not None}
        )
    items = tuple(
        _summary(row, lists.get(row.id, frozenset()), linked.get(row.schema_id))
        for row in page.rows
    )
    return Page(items, page.next_id, page.total, page.next_name)


async def uuids(store: Store, project_id: int) -> list[str]:
    """The uuids of a project's topics."""
    async with store.database.reading():
        found = await Topic.filter(project_id=project_id).values_list("uuid", flat=True)
    return cast("list[str]", found)


async def retired(store: Store, project_id: int, name: str | None = None) -> list[CountedTopic]:
    """A project's deleted topics, whose daily counts of messages stay; oldest deletion first.

    Args:
        store: The database.
        project_id: The project.
        name: Only those that had this name.
    """
    named = {} if name is None else {"name": name}
    async with store.database.reading():
        rows = await RetiredTopic.filter(project_id=project_id, **named).order_by("id")
    return [CountedTopic(row.uuid, row.project_id, row.name) for row in rows]


async def delete(store: Store, topic: TopicSummary) -> None:
    """Delete a topic. Its subscriptions stay, without a topic; so do its daily counts.

    Raises:
        NotFound: It is gone already.
    """

    async def remove(changes: Changes) -> None:
        row = await _lock(topic)
        changes.append(Change("topic", row.uuid, row.uuid, None))
        attached = Subscription.filter(topic_id=row.id)
        for subscription in await attached.select_for_update():
            epoch = subscription.epoch + 1
            changes.append(Change("subscription", subscription.uuid, None, epoch))
        await attached.update(topic_id=None, epoch=F("epoch") + 1)
        await row.delete()
        await RetiredTopic.create(uuid=row.uuid, project_id=row.project_id, name=row.name)

    await store.write(remove)


async def set_acl(store: Store, topic: TopicSummary, user_names: Sequence[str]) -> None:
    """Replace a topic's access list; a name that occurs twice counts at its first place.

    Raises:
        UsersNotFound: Some are no members of the project.
        NotFound: The topic is gone.
    """

    async def replace(changes: Changes) -> None:
        user_ids = await acls.members(topic.project_id, user_names)
        row = await _lock(topic)
        await acls.replace_topic(row.id, user_ids)
        await _change(row, changes)

    await store.write(replace)


async def acl_names(store: Store, topic: TopicSummary) -> list[str]:
    """The names of the users on a topic's access list, in its order."""
    async with store.database.reading():
        return await acls.names_of_topic(topic.id)


async def set_retention(
    store: Store, topic: TopicSummary, *, retention_seconds: int | None, retention_bytes: int | None
) -> None:
    """Change what a topic keeps; None for the setting's, 0 for no limit.

    Raises:
        NotFound: The topic is gone.
        InvalidArgument: A number is too large.
    """

    async def update(changes: Changes) -> None:
        row = await _lock(topic)
        row.retention_seconds = retention_seconds
        row.retention_bytes = retention_bytes
        await _change(row, changes)

    await store.write(update)


async def set_schema(store: Store, topic: TopicSummary, schema: SchemaReference | None) -> None:
    """Change what a topic's messages must look like; None if they may be anything.

    Raises:
        NotFound: The topic is gone, or its project has no such schema.
    """

    async def update(changes: Changes) -> None:
        if schema is not None:
            await schemas.lock(topic.project_id, schema.id)
        row = await _lock(topic)
        row.schema_id = None if schema is None else schema.id
        await _change(row, changes)

    await store.write(update)


async def _lock(topic: TopicSummary) -> Topic:
    """A topic's row, which nobody else can change before the end of the transaction."""
    row = await Topic.filter(id=topic.id).select_for_update().first()
    if row is None:
        raise NotFound("Topic")
    return row


async def _change(row: Topic, changes: Changes) -> None:
    """Save a locked row under its next epoch."""
    row.epoch += 1
    await row.save()
    changes.append(Change("topic", row.uuid, row.uuid, row.epoch))


async def _load(project_id: int, name: str) -> TopicRecord:
    if names.can_exist(name):
        row = await Topic.get_or_none(project_id=project_id, name=name).select_related(
            "project", "schema"
        )
        if row is not None:
            acl = await acls.of_topic(row.id)
            schema = None if row.schema is None else schemas.record(row.schema, row.project.name)
            return TopicRecord(**_common(row, acl), schema=schema)
    raise NotFound("Topic")


def _summary(row: Topic, acl: frozenset[int], schema: SchemaReference | None) -> TopicSummary:
    return TopicSummary(**_common(row, acl), schema=schema)


def _common(row: Topic, acl: frozenset[int]) -> dict[str, Any]:
    """What both records have in common. Any: the arguments are of many types."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "project_id": row.project_id,
        "project": row.project.name,
        "name": row.name,
        "epoch": row.epoch,
        "retention_seconds": row.retention_seconds,
        "retention_bytes": row.retention_bytes,
        "acl": acl,
        "created_on": row.created_on,
    }
