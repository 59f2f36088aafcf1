"""Projects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from tortoise.expressions import F

from ams.metadata import audit, names
from ams.metadata.models import Membership, Project, RetiredTopic, Subscription, Topic
from ams.metadata.records import Change, ProjectRecord
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized


async def create(
    store: Store, name: str, *, description: str = "", created_by_id: int | None = None
) -> ProjectRecord:
    """Make a project.

    Raises:
        AlreadyExists: The name is taken.
        Unauthorized: The creator is gone, and so is their token.
        InvalidArgument: A text is too long.
    """

    async def insert(changes: Changes) -> ProjectRecord:
        now = datetime.now(UTC)
        row = await Project.create(
            uuid=str(uuid4()),
            name=name,
            description=description,
            created_by_id=created_by_id,
            created_on=now,
            modified_on=now,
        )
        changes.append(Change("project", row.uuid, None, 0))
        audit.in_project(row.uuid)
        if description:
            audit.note(fields=["description"])
        return await _load(name)

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("Project") from None
    except MissingParent:
        raise Unauthorized from None


async def get(store: Store, name: str) -> ProjectRecord:
    """Read a project.

    Raises:
        NotFound: There is none of that name.
    """
    async with store.database.reading():
        return await _load(name)


async def list_all(store: Store) -> list[ProjectRecord]:
    """All projects, oldest first."""
    async with store.database.reading():
        rows = await Project.all().order_by("id").select_related("created_by")
    return [_record(row) for row in rows]


async def ids_by_name(
    store: Store, *, names_in: Iterable[str] | None = None, ids_in: Iterable[int] | None = None
) -> dict[str, int]:
    """The ids of projects by their names: of all, or of those with some names or ids."""
    chosen: dict[str, list[str] | list[int]] = {}
    if names_in is not None:
        chosen["name__in"] = sorted(filter(names.can_exist, set(names_in)))
    if ids_in is not None:
        chosen["id__in"] = sorted(set(ids_in))
    async with store.database.reading():
        rows = await Project.filter(**chosen).values_list("name", "id")
    return dict(cast("list[tuple[str, int]]", rows))


async def update(
    store: Store, project_id: int, *, name: str | None = None, description: str | None = None
) -> ProjectRecord:
    """Change a project; None and empty texts leave things as they are.

    Topics and subscriptions of a renamed project get new epochs: references to them, and the
    ids by which messages are acknowledged, show its name.

    Raises:
        InvalidArgument: The name is taken, or a text is too long.
        NotFound: There is no such project.
    """

    async def change(changes: Changes) -> ProjectRecord:
        project = await _lock(project_id)
        if name and name != project.name:
            project.name = name
            audit.note(name=name)
            changes += await _change_contents(project_id)
        if description and description != project.description:
            project.description = description
            audit.note(fields=["description"])
        project.modified_on = datetime.now(UTC)
        await project.save()
        changes.append(Change("project", project.uuid, None, 0))
        return await _load(project.name)

    try:
        return await store.write(change)
    except Duplicate:
        raise InvalidArgument("invalid project name change, name already exists") from None


async def delete(store: Store, project_id: int) -> None:
    """Delete a project with all that is in it, the daily counts of deleted topics included.

    Raises:
        NotFound: There is no such project.
    """

    async def remove(changes: Changes) -> None:
        # Locked: nothing can be added to the project from here on.
        project = await _lock(project_id)
        topics = await Topic.filter(project_id=project_id).values_list("uuid", flat=True)
        retired = await RetiredTopic.filter(project_id=project_id).values_list("uuid", flat=True)
        subscriptions = await Subscription.filter(project_id=project_id).values_list(
            "uuid", "topic__uuid"
        )
        members = await Membership.filter(project_id=project_id).values_list(
            "user__uuid", flat=True
        )
        await project.delete()
        audit.note(topics=len(topics), subscriptions=len(subscriptions), members=len(members))
        changes += [Change("topic", uuid, uuid, None) for uuid in cast("list[str]", topics)]
        counted = cast("list[str]", [*topics, *retired])
        changes += [Change("retired_topic", uuid, uuid, None) for uuid in counted]
        changes += [
            Change("subscription", uuid, topic_uuid, None)
            for uuid, topic_uuid in cast("list[tuple[str, str | None]]", subscriptions)
        ]
        changes += [Change("user", uuid, None, 0) for uuid in cast("list[str]", members)]
        changes.append(Change("project", project.uuid, None, None))

    await store.write(remove)


async def _lock(project_id: int) -> Project:
    """A project's row, which nobody else can change before the end of the transaction."""
    row = await Project.filter(id=project_id).select_for_update().first()
    if row is None:
        raise NotFound("project")
    return row


async def _change_contents(project_id: int) -> list[Change]:
    """Give the topics and subscriptions of a locked project their next epochs."""
    topics = Topic.filter(project_id=project_id)
    topic_rows = await topics.select_for_update().values_list("uuid", "epoch")
    await topics.update(epoch=F("epoch") + 1)
    subscriptions = Subscription.filter(project_id=project_id)
    subscription_rows = await subscriptions.select_for_update().values_list(
        "uuid", "topic__uuid", "epoch"
    )
    await subscriptions.update(epoch=F("epoch") + 1)
    return [
        Change("topic", uuid, uuid, epoch + 1)
        for uuid, epoch in cast("list[tuple[str, int]]", topic_rows)
    ] + [
        Change("subscription", uuid, topic_uuid, epoch + 1)
        for uuid, topic_uuid, epoch in cast("list[tuple[str, str | None, int]]", subscription_rows)
    ]


async def _load(name: str) -> ProjectRecord:
    if names.can_exist(name):
        row = await Project.get_or_none(name=name).select_related("created_by")
        if row is not None:
            return _record(row)
    raise NotFound("project")


def _record(row: Project) -> ProjectRecord:
    return ProjectRecord(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        description=row.description,
        created_by=None if row.created_by is None else row.created_by.name,
        created_on=row.created_on,
        modified_on=row.modified_on,
    )
