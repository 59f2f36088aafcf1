"""Schemas: what the messages of topics must look like. What is in one is not looked at here."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from ams.metadata import names
from ams.metadata.models import Schema, Topic
from ams.metadata.records import Change, ProjectRecord, SchemaRecord, SchemaReference
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, Conflict, NotFound

#: Most schemas whose names are asked for one by one; of more, the whole project's are read.
BATCH = 1000


async def create(
    store: Store,
    project: ProjectRecord,
    name: str,
    *,
    type: str,  # noqa: A002 - the contract's word
    definition: str,
    attributes_definition: str | None = None,
) -> SchemaRecord:
    """Make a schema.

    Args:
        store: The database.
        project: Where it belongs.
        name: Its name.
        type: What kind of schema it is.
        definition: The JSON text of what `data` must match.
        attributes_definition: The same for the attributes; None if they may be any.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: The project is gone.
        InvalidArgument: A text is too long.
    """

    async def insert(changes: Changes) -> SchemaRecord:
        del changes  # Nobody has it cached: it has no topics yet.
        row = await Schema.create(
            uuid=str(uuid4()),
            project_id=project.id,
            name=name,
            type=type,
            definition=definition,
            attributes_definition=attributes_definition,
            created_on=datetime.now(UTC),
        )
        return await _load(Schema.filter(id=row.id))

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("Schema") from None
    except MissingParent:
        raise NotFound("project") from None


async def get(store: Store, project_id: int, name: str) -> SchemaRecord:
    """Read a schema.

    Raises:
        NotFound: There is none of that name.
    """
    if not names.can_exist(name):
        raise NotFound("Schema")
    async with store.database.reading():
        return await _load(Schema.filter(project_id=project_id, name=name))


async def list_all(store: Store, project_id: int) -> list[SchemaRecord]:
    """A project's schemas, oldest first."""
    async with store.database.reading():
        rows = await Schema.filter(project_id=project_id).order_by("id").select_related("project")
    return [record(row, row.project.name) for row in rows]


async def update(
    store: Store,
    schema: SchemaRecord,
    *,
    name: str | None = None,
    type: str | None = None,  # noqa: A002 - the contract's word
    definition: str | None = None,
    attributes_definition: str | None = None,
) -> SchemaRecord:
    """Change a schema, and so what its topics accept from now on; None leaves things as they are.

    Args:
        store: The database.
        schema: The schema as it was read.
        name: Its new name.
        type: What kind of schema it is.
        definition: The JSON text of what `data` must match.
        attributes_definition: The same for the attributes; empty if they may be any.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: The schema is gone.
        Conflict: Type or texts are not those of `schema` any more, so that what was checked
            together with them may not fit.
        InvalidArgument: A text is too long.
    """

    async def change(changes: Changes) -> SchemaRecord:
        row = await lock(schema.project_id, schema.id)
        before = record(row, schema.project)
        if (before.type, before.definition, before.attributes_definition) != (
            schema.type,
            schema.definition,
            schema.attributes_definition,
        ):
            raise Conflict("Schema was changed by somebody else, try again")
        row.name = row.name if name is None else name
        row.type = row.type if type is None else type
        row.definition = row.definition if definition is None else definition
        if attributes_definition is not None:
            row.attributes_definition = attributes_definition or None
        if record(row, schema.project) != before:
            await row.save()
            await _change_topics(row.id, changes)
        return await _load(Schema.filter(id=row.id))

    try:
        return await store.write(change)
    except Duplicate:
        raise AlreadyExists("Schema") from None


async def delete(store: Store, schema: SchemaRecord) -> None:
    """Delete a schema; its topics accept everything from now on.

    Raises:
        NotFound: It is gone already.
    """

    async def remove(changes: Changes) -> None:
        row = await lock(schema.project_id, schema.id)
        await _change_topics(row.id, changes)
        await row.delete()

    await store.write(remove)


async def references(project_id: int, ids: Set[int]) -> Mapping[int | None, SchemaReference]:
    """The names of some of a project's schemas, by id; a part of the caller's reading."""
    if not ids:
        return {}
    rows = Schema.filter(project_id=project_id)
    if len(ids) <= BATCH:
        rows = rows.filter(id__in=ids)
    found = cast("list[tuple[int, str]]", await rows.values_list("id", "name"))
    return {id_: SchemaReference(id_, name) for id_, name in found}


async def lock(project_id: int, schema_id: int) -> Schema:
    """A schema's row, which nobody else can change before the end of the transaction.

    Raises:
        NotFound: The project has no such schema.
    """
    row = await Schema.filter(id=schema_id, project_id=project_id).select_for_update().first()
    if row is None:
        raise NotFound("Schema")
    return row


async def _change_topics(schema_id: int, changes: Changes) -> None:
    """Give the topics of a locked schema their next epochs."""
    topics = Topic.filter(schema_id=schema_id)
    rows = await topics.select_for_update().values_list("uuid", "epoch")
    await topics.update(epoch=F("epoch") + 1)
    changes += [
        Change("topic", uuid, uuid, epoch + 1)
        for uuid, epoch in cast("list[tuple[str, int]]", rows)
    ]


async def _load(rows: QuerySet[Schema]) -> SchemaRecord:
    row = await rows.select_related("project").first()
    if row is None:
        raise NotFound("Schema")
    return record(row, row.project.name)


def record(row: Schema, project: str) -> SchemaRecord:
    """A row as others see it."""
    return SchemaRecord(
        id=row.id,
        name=row.name,
        uuid=row.uuid,
        project_id=row.project_id,
        project=project,
        type=row.type,
        definition=row.definition,
        attributes_definition=row.attributes_definition,
        created_on=row.created_on,
    )
