"""Schemas, and the topics that use them (contract: ams-core 8)."""

import asyncio
from uuid import UUID

import pytest

from ams.metadata import projects, schemas, topics
from ams.metadata.cache import Catalog
from ams.metadata.models import DEFINITION_LENGTH
from ams.metadata.records import (
    Change,
    ProjectRecord,
    SchemaRecord,
    SchemaReference,
    TopicRecord,
)
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, Conflict, InvalidArgument, NotFound
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_project, make_topic


async def make_schema(
    store: Store, project: ProjectRecord, name: str = "shape", definition: str = "{}"
) -> SchemaRecord:
    return await schemas.create(store, project, name, type="json", definition=definition)


@pytest.fixture
async def schema(store: Store, project: ProjectRecord) -> SchemaRecord:
    return await make_schema(store, project)


@pytest.fixture
async def linked(store: Store, project: ProjectRecord, schema: SchemaRecord) -> TopicRecord:
    return await topics.create(store, project, "linked", schema=schema)


async def test_a_schema_is_read_as_it_was_made(store: Store, project: ProjectRecord) -> None:
    made = await schemas.create(
        store, project, "shape", type="avro", definition='{"ü": 1}', attributes_definition="{}"
    )
    assert made == await schemas.get(store, project.id, "shape")
    assert UUID(made.uuid).version == 4
    assert (made.project, made.project_id, made.name) == ("DEMO", project.id, "shape")
    assert (made.type, made.definition, made.attributes_definition) == ("avro", '{"ü": 1}', "{}")


async def test_all_schemas_of_a_project_are_listed_oldest_first(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    made = [await make_schema(store, project, name) for name in ("b", "c", "a")]
    await make_schema(store, await make_project(store, "OTHER"))
    with statements:
        assert await schemas.list_all(store, project.id) == made
    assert statements.count == 1


async def test_a_name_is_given_once_in_a_project(
    store: Store, project: ProjectRecord, schema: SchemaRecord
) -> None:
    with pytest.raises(AlreadyExists, match=r"^Schema already exists$"):
        await make_schema(store, project)
    await make_schema(store, project, "Shape")
    await make_schema(store, await make_project(store, "OTHER"))
    with pytest.raises(AlreadyExists, match=r"^Schema already exists$"):
        await schemas.update(store, schema, name="Shape")


async def test_what_does_not_exist_is_not_found(
    store: Store, project: ProjectRecord, schema: SchemaRecord
) -> None:
    await schemas.delete(store, schema)
    for unknown in (
        schemas.get(store, project.id, "shape"),
        schemas.get(store, project.id, "x" * 1000),
        schemas.delete(store, schema),
        schemas.update(store, schema, name="new"),
        topics.create(store, project, "news", schema=schema),
    ):
        with pytest.raises(NotFound, match=r"^Schema doesn't exist$"):
            await unknown
    await projects.delete(store, project.id)
    with pytest.raises(NotFound, match="project"):
        await make_schema(store, project)


async def test_the_longest_definition_fits_and_a_longer_one_does_not(
    store: Store, project: ProjectRecord
) -> None:
    text = "😀" * DEFINITION_LENGTH
    assert (await make_schema(store, project, definition=text)).definition == text
    with pytest.raises(InvalidArgument):
        await make_schema(store, project, "other", definition=text + "x")


class TestTopics:
    async def test_a_topic_has_all_of_its_schema(
        self, store: Store, catalog: Catalog, linked: TopicRecord, schema: SchemaRecord
    ) -> None:
        assert linked.schema == schema
        assert (await catalog.topic(linked.project_id, "linked")).schema == schema

    async def test_the_schema_can_be_changed_and_taken_away(
        self, store: Store, project: ProjectRecord, schema: SchemaRecord, listener: Listener
    ) -> None:
        topic = await make_topic(store, project)
        assert topic.schema is None
        for epoch, wanted in enumerate((schema, await make_schema(store, project, "b"), None), 2):
            await topics.set_schema(store, topic, wanted)
            assert listener.last == [Change("topic", topic.uuid, topic.uuid, epoch)]
            changed = await topics.get(store, project.id, "news")
            assert (changed.schema, changed.epoch) == (wanted, epoch)

    async def test_one_of_another_project_is_not_found(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: O-12."""
        foreign = await make_schema(store, await make_project(store, "OTHER"))
        topic = await make_topic(store, project)
        for refused in (
            topics.create(store, project, "linked", schema=foreign),
            topics.set_schema(store, topic, foreign),
        ):
            with pytest.raises(NotFound, match="Schema"):
                await refused

    async def test_that_of_a_deleted_topic_can_not_be_changed(
        self, store: Store, linked: TopicRecord, schema: SchemaRecord
    ) -> None:
        await topics.delete(store, linked)
        for wanted in (schema, None):
            with pytest.raises(NotFound, match="Topic"):
                await topics.set_schema(store, linked, wanted)

    async def test_lists_show_its_name_with_one_statement_and_no_text(
        self, store: Store, project: ProjectRecord, statements: Statements
    ) -> None:
        expected = {}
        for number in range(10):
            schema = await make_schema(store, project, f"s{number}", '{"title": "secret"}')
            await topics.create(store, project, f"t{number}", schema=schema)
            expected[f"t{number}"] = SchemaReference(schema.id, schema.name)
        await make_topic(store, project, "plain")
        with statements:
            page = await topics.list_page(store, project.id)
        assert statements.count == 4
        assert {topic.name: topic.schema for topic in page.items} == {**expected, "plain": None}


class TestUpdate:
    """Contract: ams-core 8.4."""

    async def test_what_is_given_changes_and_its_topics_learn_of_it(
        self,
        store: Store,
        project: ProjectRecord,
        catalog: Catalog,
        schema: SchemaRecord,
        linked: TopicRecord,
        listener: Listener,
    ) -> None:
        plain = await make_topic(store, project, "plain")
        for epoch, arguments in enumerate(
            (
                {"name": "new"},
                {"type": "avro"},
                {"definition": '{"a": 1}'},
                {"attributes_definition": "{}"},
                {"attributes_definition": ""},
            ),
            2,
        ):
            await catalog.topic(project.id, "linked")
            changed = await schemas.update(store, schema, **arguments)
            assert listener.last == [Change("topic", linked.uuid, linked.uuid, epoch)]
            assert await schemas.get(store, project.id, changed.name) == changed
            topic = await catalog.topic(project.id, "linked")
            assert (topic.schema, topic.epoch) == (changed, epoch)
            (attribute, wanted), *_ = arguments.items()
            assert getattr(changed, attribute) == (wanted or None)
            assert (changed.id, changed.uuid) == (schema.id, schema.uuid)
            schema = changed
        assert await topics.get(store, project.id, "plain") == plain

    async def test_what_says_nothing_new_changes_nothing(
        self, store: Store, schema: SchemaRecord, linked: TopicRecord, listener: Listener
    ) -> None:
        for arguments in ({}, {"name": "shape", "type": "json", "definition": "{}"}):
            assert await schemas.update(store, schema, **arguments) == schema
            assert listener.last == [Change("topic", linked.uuid, linked.uuid, 1)]

    async def test_it_is_refused_if_what_was_checked_is_not_there_any_more(
        self, store: Store, schema: SchemaRecord
    ) -> None:
        changed = await schemas.update(store, schema, definition='{"a": 1}')
        with pytest.raises(Conflict):
            await schemas.update(store, schema, type="avro")
        assert await schemas.get(store, schema.project_id, "shape") == changed

    async def test_of_many_at_once_one_is_made_and_the_others_are_told(
        self, store: Store, other_store: Store, schema: SchemaRecord, linked: TopicRecord
    ) -> None:
        results = await asyncio.gather(
            *(
                schemas.update(node, schema, definition=f'{{"a": {turn}}}')
                for turn, node in enumerate((store, other_store) * 4)
            ),
            return_exceptions=True,
        )
        (won,) = [result for result in results if isinstance(result, SchemaRecord)]
        assert sum(isinstance(result, Conflict) for result in results) == 7
        topic = await topics.get(store, linked.project_id, "linked")
        assert (topic.schema, topic.epoch) == (won, 2)


class TestDeletion:
    async def test_its_topics_accept_everything_from_then_on(
        self,
        store: Store,
        catalog: Catalog,
        schema: SchemaRecord,
        linked: TopicRecord,
        listener: Listener,
    ) -> None:
        """Contract: ams-core 8.5."""
        await catalog.topic(linked.project_id, "linked")
        await schemas.delete(store, schema)
        assert listener.last == [Change("topic", linked.uuid, linked.uuid, 2)]
        topic = await catalog.topic(linked.project_id, "linked")
        assert (topic.schema, topic.epoch) == (None, 2)

    async def test_linking_to_it_meanwhile_leaves_nothing_half_done(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        topic = await make_topic(store, project)
        for _ in range(5):
            schema = await make_schema(store, project)
            linking, deleting = await asyncio.gather(
                topics.set_schema(other_store, topic, schema),
                schemas.delete(store, schema),
                return_exceptions=True,
            )
            assert deleting is None
            assert linking is None or isinstance(linking, NotFound)
            assert (await topics.get(store, project.id, "news")).schema is None
