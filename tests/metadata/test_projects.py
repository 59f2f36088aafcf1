"""Projects (contract: ams-core 2)."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ams.metadata import projects, schemas, subscriptions, topics, users
from ams.metadata.cache import Catalog
from ams.metadata.models import DESCRIPTION_LENGTH, TEXT_LENGTH
from ams.metadata.records import Change
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user


async def test_a_project_is_read_as_it_was_made(store: Store) -> None:
    made = await projects.create(store, "DEMO", description="Frösche 🐸")
    assert made == await projects.get(store, "DEMO")
    assert (made.name, made.description, made.created_by) == ("DEMO", "Frösche 🐸", None)
    assert UUID(made.uuid).version == 4
    assert made.created_on == made.modified_on
    assert made.created_on.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - made.created_on) < timedelta(minutes=1)


async def test_the_creator_is_shown_by_name(store: Store) -> None:
    admin = await make_user(store, "admin")
    made = await projects.create(store, "DEMO", created_by_id=admin.id)
    assert made.created_by == "admin"


async def test_a_deleted_creator_is_not_shown(store: Store, listener: Listener) -> None:
    admin = await make_user(store, "admin")
    made = await projects.create(store, "DEMO", created_by_id=admin.id)
    await users.delete(store, admin.id)
    assert (await projects.get(store, "DEMO")).created_by is None
    assert Change("project", made.uuid, None, 0) in listener.last


async def test_a_creator_who_is_gone_can_make_nothing(store: Store) -> None:
    with pytest.raises(Unauthorized):
        await projects.create(store, "DEMO", created_by_id=999_999)


async def test_a_name_is_given_once(store: Store, other_store: Store) -> None:
    await projects.create(store, "DEMO")
    with pytest.raises(AlreadyExists, match="Project already exists"):
        await projects.create(other_store, "DEMO")


async def test_names_differ_by_case(store: Store) -> None:
    names = ["demo", "DEMO", "Demo"]
    for name in names:
        await projects.create(store, name)
    assert [(await projects.get(store, name)).name for name in names] == names


async def test_an_unknown_project_is_not_found(store: Store) -> None:
    """Contract: ams-core 1.12, with a small p."""
    with pytest.raises(NotFound, match=r"^project doesn't exist$"):
        await projects.get(store, "DEMO")


async def test_all_projects_are_listed_oldest_first(store: Store) -> None:
    for name in ("b", "c", "a"):
        await projects.create(store, name)
    assert [project.name for project in await projects.list_all(store)] == ["b", "c", "a"]


@pytest.mark.parametrize("letter", ["x", "ü", "😀"])
async def test_the_longest_name_fits(store: Store, letter: str) -> None:
    name = letter * TEXT_LENGTH
    assert (await projects.create(store, name)).name == name
    assert (await projects.get(store, name)).name == name


async def test_a_longer_name_is_the_callers_fault(store: Store) -> None:
    with pytest.raises(InvalidArgument):
        await projects.create(store, "x" * (TEXT_LENGTH + 1))


async def test_an_unknown_longer_name_is_just_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await projects.get(store, "x" * 100_000)


async def test_the_longest_description_fits_and_a_longer_one_does_not(store: Store) -> None:
    text = "😀" * DESCRIPTION_LENGTH
    assert (await projects.create(store, "DEMO", description=text)).description == text
    with pytest.raises(InvalidArgument):
        await projects.create(store, "DEMO2", description=text + "x")


@pytest.mark.parametrize("text", ["\ud800", "x\udcff"])
async def test_text_that_is_no_unicode_is_the_callers_fault(store: Store, text: str) -> None:
    with pytest.raises(InvalidArgument):
        await projects.create(store, "DEMO", description=text)


@pytest.mark.parametrize("text", ["a'; DROP TABLE projects; --", "%s ? %%", "\x00", "\\"])
async def test_text_is_never_taken_for_sql(store: Store, text: str) -> None:
    assert (await projects.create(store, "DEMO", description=text)).description == text


async def test_deleting_a_project_takes_everything_in_it_along(
    store: Store, listener: Listener
) -> None:
    """Contract: decision 17."""
    doomed, kept = await make_project(store), await make_project(store, "KEPT")
    member = await make_user(store, "member", doomed, "publisher")
    stranger = await make_user(store, "stranger", kept, "publisher")
    topic = await make_topic(store, doomed)
    subscription = await make_subscription(store, doomed, topic)
    await topics.set_acl(store, topic, ["member"])
    await subscriptions.set_acl(store, subscription, ["member"])
    orphan_topic = await make_topic(store, doomed, "gone")
    orphan = await make_subscription(store, doomed, orphan_topic, "orphan")
    await topics.delete(store, orphan_topic)
    schema = await schemas.create(store, doomed, "schema", type="json", definition="{}")
    await topics.set_schema(store, topic, schema)
    other_topic = await make_topic(store, kept)

    await projects.delete(store, doomed.id)

    assert set(listener.last) == {
        Change("project", doomed.uuid, None, None),
        Change("topic", topic.uuid, topic.uuid, None),
        Change("retired_topic", topic.uuid, topic.uuid, None),
        Change("retired_topic", orphan_topic.uuid, orphan_topic.uuid, None),
        Change("subscription", subscription.uuid, topic.uuid, None),
        Change("subscription", orphan.uuid, None, None),
        Change("user", member.uuid, None, 0),
    }
    with pytest.raises(NotFound):
        await projects.get(store, "DEMO")
    with pytest.raises(NotFound):
        await topics.get(store, doomed.id, "news")
    with pytest.raises(NotFound):
        await subscriptions.get(store, doomed.id, "reader")
    assert await schemas.list_all(store, doomed.id) == []
    assert await topics.retired(store, doomed.id) == []
    assert (await users.by_name(store, "member")).projects == ()
    assert (await users.by_name(store, "stranger")).id == stranger.id
    assert (await topics.get(store, kept.id, "news")).id == other_topic.id


async def test_a_project_can_be_deleted_once(store: Store) -> None:
    project = await make_project(store)
    await projects.delete(store, project.id)
    with pytest.raises(NotFound, match="project"):
        await projects.delete(store, project.id)


async def test_nothing_can_be_added_to_a_deleted_project(store: Store) -> None:
    project = await make_project(store)
    await projects.delete(store, project.id)
    with pytest.raises(NotFound, match="project doesn't exist"):
        await topics.create(store, project, "news")
    with pytest.raises(NotFound, match="project doesn't exist"):
        await make_user(store, "late", project)
    assert (await users.list_page(store)).total == 0


class TestUpdate:
    """Contract: ams-core 2.5."""

    async def test_what_is_given_changes_and_the_rest_stays(
        self, store: Store, listener: Listener
    ) -> None:
        made = await projects.create(store, "DEMO", description="old")
        for arguments, expected in (
            ({}, ("DEMO", "old")),
            ({"name": "", "description": ""}, ("DEMO", "old")),
            ({"description": "new"}, ("DEMO", "new")),
            ({"name": "DEMO"}, ("DEMO", "new")),
            ({"name": "Demo"}, ("Demo", "new")),
        ):
            changed = await projects.update(store, made.id, **arguments)
            assert (changed.name, changed.description) == expected
            assert changed == await projects.get(store, expected[0])
            assert changed.modified_on > made.modified_on
            assert (changed.uuid, changed.created_on) == (made.uuid, made.created_on)
            assert listener.last == [Change("project", made.uuid, None, 0)]
        with pytest.raises(NotFound):
            await projects.get(store, "DEMO")

    async def test_a_new_name_gives_all_that_shows_it_a_new_epoch(
        self, store: Store, catalog: Catalog, listener: Listener
    ) -> None:
        project, other = await make_project(store), await make_project(store, "OTHER")
        topic = await make_topic(store, project)
        reader = await make_subscription(store, project, topic)
        gone = await make_topic(store, project, "gone")
        orphan = await make_subscription(store, project, gone, "orphan")
        await topics.delete(store, gone)
        await make_topic(store, other)
        await catalog.project("DEMO")
        await catalog.topic(project.id, "news")
        await catalog.subscription(project.id, "reader")

        await projects.update(store, project.id, name="NEW")

        assert set(listener.last) == {
            Change("project", project.uuid, None, 0),
            Change("topic", topic.uuid, topic.uuid, 2),
            Change("subscription", reader.uuid, topic.uuid, 2),
            Change("subscription", orphan.uuid, None, 3),
        }
        with pytest.raises(NotFound):
            await catalog.project("DEMO")
        assert (await catalog.project("NEW")).id == project.id
        cached_topic = await catalog.topic(project.id, "news")
        assert (cached_topic.project, cached_topic.epoch) == ("NEW", 2)
        cached = await catalog.subscription(project.id, "reader")
        assert (cached.project, cached.epoch) == ("NEW", 2)
        assert (await topics.get(store, other.id, "news")).epoch == 1

    async def test_a_name_that_is_taken_changes_nothing(self, store: Store) -> None:
        """Contract: O-48."""
        project = await make_project(store)
        topic = await make_topic(store, project)
        await make_project(store, "OTHER")
        with pytest.raises(
            InvalidArgument, match=r"^invalid project name change, name already exists$"
        ):
            await projects.update(store, project.id, name="OTHER", description="new")
        assert await projects.get(store, "DEMO") == project
        assert await topics.get(store, project.id, "news") == topic

    async def test_a_project_that_is_gone_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound, match=r"^project doesn't exist$"):
            await projects.update(store, 999_999, name="NEW")

    async def test_of_many_who_want_the_same_name_one_gets_it(
        self, store: Store, other_store: Store
    ) -> None:
        made = [await make_project(store, f"P{number}") for number in range(6)]
        results = await asyncio.gather(
            *(
                projects.update(node, project.id, name="NEW")
                for node, project in zip((store, other_store) * 3, made, strict=True)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, InvalidArgument) for result in results) == 5


async def test_ids_are_found_by_names_and_names_by_ids(
    store: Store, statements: Statements
) -> None:
    made = {name: (await make_project(store, name)).id for name in ("B", "b", "A")}
    with statements:
        assert await projects.ids_by_name(store) == made
        wanted = ["B", "A", "B", "no", "", " A", "A ", "\ud800", "x" * 300]
        found = await projects.ids_by_name(store, names_in=wanted)
        assert {name: found.get(name) for name in wanted} == {
            **dict.fromkeys(wanted),
            "A": made["A"],
            "B": made["B"],
        }
        ids = [made["b"], made["b"], 0]
        assert await projects.ids_by_name(store, ids_in=ids) == {"b": made["b"]}
    assert statements.count == 3
    assert await projects.ids_by_name(store, names_in=[]) == {}
    assert await projects.ids_by_name(store, ids_in=[]) == {}
