"""Projects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from ams.metadata import names
from ams.metadata.models import Membership, Project, Subscription, Topic
from ams.metadata.records import Change, ProjectRecord
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, NotFound


async def create(
    store: Store, name: str, *, description: str = "", created_by_id: int | None = None
) -> ProjectRecord:
    """Make a project.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: There is no such creator.
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
        return await _load(name)

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("Project") from None
    except MissingParent:
        raise NotFound("User") from None


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


async def delete(store: Store, project_id: int) -> None:
    """Delete a project with its topics, subscriptions and memberships.

    Raises:
        NotFound: There is no such project.
    """

    async def remove(changes: Changes) -> None:
        # Locked: nothing can be added to the project from here on.
        project = await Project.filter(id=project_id).select_for_update().first()
        if project is None:
            raise NotFound("project")
        topics = await Topic.filter(project_id=project_id).values_list("uuid", flat=True)
        subscriptions = await Subscription.filter(project_id=project_id).values_list(
            "uuid", "topic__uuid"
        )
        members = await Membership.filter(project_id=project_id).values_list(
            "user__uuid", flat=True
        )
        await project.delete()
        changes += [Change("topic", uuid, uuid, None) for uuid in cast("list[str]", topics)]
        changes += [
            Change("subscription", uuid, topic_uuid, None)
            for uuid, topic_uuid in cast("list[tuple[str, str | None]]", subscriptions)
        ]
        changes += [Change("user", uuid, None, 0) for uuid in cast("list[str]", members)]
        changes.append(Change("project", project.uuid, None, None))

    await store.write(remove)


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
