"""Memory answers as SQL would, until something changes."""

import asyncio

import pytest

from ams.auth.tokens import digest
from ams.metadata import cache as cache_module
from ams.metadata import projects, subscriptions, topics, users
from ams.metadata.cache import TRUST_SECONDS, UNKNOWN_SECONDS, Catalog
from ams.metadata.models import RoleGrant
from ams.metadata.records import Change, ProjectRecord, TopicRecord, UserRecord
from ams.metadata.store import Store
from ams.service.errors import NotFound, Unavailable
from tests.metadata.conftest import Clock, Outage
from tests.metadata.make import make_project, make_subscription, make_topic, make_user, token_of

TOKEN = digest(token_of("user"))


class TestHit:
    async def test_what_was_asked_for_is_remembered(
        self, catalog: Catalog, store: Store, topic: TopicRecord, user: UserRecord
    ) -> None:
        made = await make_subscription(store, await projects.get(store, "DEMO"), topic)
        assert catalog.project_cached("DEMO") is None
        project = await catalog.project("DEMO")
        assert catalog.project_cached("DEMO") is project
        assert catalog.topic_cached(project.id, "news") is None
        assert await catalog.topic(project.id, "news") == topic
        assert catalog.topic_cached(project.id, "news") == topic
        assert catalog.subscription_cached(project.id, "reader") is None
        assert await catalog.subscription(project.id, "reader") == made
        assert catalog.subscription_cached(project.id, "reader") == made
        assert catalog.caller_cached(TOKEN) is None
        caller = await catalog.caller(TOKEN)
        assert caller is not None
        assert caller.user_id == user.id
        assert catalog.caller_cached(TOKEN) is caller

    async def test_it_needs_no_sql(
        self, catalog: Catalog, topic: TopicRecord, outage: Outage
    ) -> None:
        await catalog.topic(topic.project_id, "news")
        outage.begin()
        assert await catalog.topic(topic.project_id, "news") == topic
        with pytest.raises(Unavailable):
            await catalog.topic(topic.project_id, "other")

    async def test_names_differ_by_case_and_project(
        self, catalog: Catalog, store: Store, topic: TopicRecord
    ) -> None:
        await catalog.topic(topic.project_id, "news")
        other = await make_project(store, "OTHER")
        for project_id, name in ((topic.project_id, "NEWS"), (other.id, "news")):
            with pytest.raises(NotFound, match="Topic"):
                await catalog.topic(project_id, name)

    async def test_what_does_not_exist_is_asked_for_each_time(
        self, catalog: Catalog, other_store: Store, project: ProjectRecord
    ) -> None:
        with pytest.raises(NotFound, match=r"^project doesn't exist$"):
            await catalog.project("OTHER")
        with pytest.raises(NotFound, match=r"^Subscription doesn't exist$"):
            await catalog.subscription(project.id, "reader")
        with pytest.raises(NotFound, match=r"^Topic doesn't exist$"):
            await catalog.topic(project.id, "news")
        made = await make_topic(other_store, project)
        assert await catalog.topic(project.id, "news") == made

    async def test_ten_thousand_topics_stay_for_as_long_as_the_table_of_changes_is_read(
        self, catalog: Catalog, clock: Clock, monkeypatch: pytest.MonkeyPatch, outage: Outage
    ) -> None:
        made = {
            (1, f"t{number}"): TopicRecord(
                id=number,
                uuid=f"uuid-{number}",
                project_id=1,
                project="DEMO",
                name=f"t{number}",
                epoch=1,
                retention_seconds=None,
                retention_bytes=None,
                schema=None,
                acl=frozenset(),
                created_on=None,  # type: ignore[arg-type] # Nobody looks.
            )
            for number in range(10_000)
        }

        async def get(_: Store, project_id: int, name: str) -> TopicRecord:
            return made[project_id, name]

        monkeypatch.setattr(topics, "get", get)
        for key in made:
            await catalog.topic(*key)
        for _ in range(10):
            clock.now += 3600.0
            await catalog.poll()
        outage.begin()
        assert all(catalog.topic_cached(*key) is record for key, record in made.items())


class TestForgetting:
    async def test_what_is_changed_here_is_forgotten_at_once(
        self, catalog: Catalog, store: Store, topic: TopicRecord, user: UserRecord
    ) -> None:
        project = await catalog.project("DEMO")
        made = await make_subscription(store, project, topic)
        await catalog.topic(project.id, "news")
        await catalog.subscription(project.id, "reader")
        await catalog.caller(TOKEN)

        await topics.set_acl(store, topic, ["user"])
        assert (await catalog.topic(project.id, "news")).acl == {user.id}
        await subscriptions.set_ack_deadline(store, made, 99)
        assert (await catalog.subscription(project.id, "reader")).ack_deadline_seconds == 99
        await users.set_token(store, user.id, token_digest=digest("new"), token_ciphertext="")
        assert await catalog.caller(TOKEN) is None
        assert await catalog.caller(digest("new")) is not None
        await projects.delete(store, project.id)
        for gone in (
            catalog.project("DEMO"),
            catalog.topic(project.id, "news"),
            catalog.subscription(project.id, "reader"),
        ):
            with pytest.raises(NotFound):
                await gone
        caller = await catalog.caller(digest("new"))
        assert caller is not None
        assert caller.project_roles == {}

    async def test_what_another_node_told_is_forgotten(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord
    ) -> None:
        old = await catalog.topic(topic.project_id, "news")
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        assert catalog.topic_cached(topic.project_id, "news") is old
        catalog.forget([Change("topic", topic.uuid, topic.uuid, 2)])
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2

    async def test_what_another_node_did_not_tell_is_found_in_the_table_of_changes(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord, user: UserRecord
    ) -> None:
        """As when it died after its commit."""
        project = await catalog.project("DEMO")
        await catalog.topic(project.id, "news")
        await catalog.caller(TOKEN)
        await topics.set_acl(other_store, topic, ["user"])
        await users.delete(other_store, user.id)
        await catalog.poll()
        assert (await catalog.topic(project.id, "news")).epoch == 2
        assert await catalog.caller(TOKEN) is None
        await projects.delete(other_store, project.id)
        await catalog.poll()
        with pytest.raises(NotFound):
            await catalog.topic(project.id, "news")
        with pytest.raises(NotFound):
            await catalog.project("DEMO")

    async def test_what_turned_out_to_be_outdated_can_be_forgotten(
        self, catalog: Catalog, store: Store, other_store: Store, topic: TopicRecord
    ) -> None:
        made = await make_subscription(store, await catalog.project("DEMO"), topic)
        await catalog.topic(topic.project_id, "news")
        await catalog.subscription(topic.project_id, "reader")
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        await subscriptions.set_ack_deadline(other_store, made, 1)
        catalog.forget_topic(topic.project_id, "news")
        catalog.forget_subscription(topic.project_id, "reader")
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2
        assert (await catalog.subscription(topic.project_id, "reader")).epoch == 2

    async def test_a_load_that_a_change_overlapped_is_not_kept(
        self,
        catalog: Catalog,
        other_store: Store,
        topic: TopicRecord,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        read, go_on = asyncio.Event(), asyncio.Event()
        get = topics.get

        async def slow_get(store: Store, project_id: int, name: str) -> TopicRecord:
            record = await get(store, project_id, name)
            read.set()
            await go_on.wait()
            return record

        monkeypatch.setattr(topics, "get", slow_get)
        loading = asyncio.create_task(catalog.topic(topic.project_id, "news"))
        await read.wait()
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        await catalog.poll()
        go_on.set()
        assert (await loading).epoch == 1
        assert catalog.topic_cached(topic.project_id, "news") is None
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2


class TestUnknownToken:
    async def test_it_is_not_asked_for_again_at_once(
        self, catalog: Catalog, clock: Clock, outage: Outage
    ) -> None:
        assert await catalog.caller(TOKEN) is None
        outage.begin()
        clock.now += UNKNOWN_SECONDS / 2
        assert await catalog.caller(TOKEN) is None
        clock.now += UNKNOWN_SECONDS / 2
        with pytest.raises(Unavailable):
            await catalog.caller(TOKEN)

    async def test_it_is_known_as_soon_as_its_user_is_made(
        self, catalog: Catalog, store: Store
    ) -> None:
        assert await catalog.caller(TOKEN) is None
        await make_user(store, "user")
        assert await catalog.caller(TOKEN) is not None

    async def test_it_is_not_remembered_if_a_user_was_made_meanwhile(
        self, catalog: Catalog, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, go_on = asyncio.Event(), asyncio.Event()
        find = users.caller

        async def slow_find(store: Store, token_digest: str) -> object:
            try:
                return await find(store, token_digest)
            finally:
                read.set()
                await go_on.wait()

        monkeypatch.setattr(users, "caller", slow_find)
        asking = asyncio.create_task(catalog.caller(TOKEN))
        await read.wait()
        await make_user(store, "user")
        go_on.set()
        assert await asking is None
        assert await catalog.caller(TOKEN) is not None

    async def test_many_of_them_take_little_memory(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, user: UserRecord
    ) -> None:
        monkeypatch.setattr(cache_module, "MAX_UNKNOWN", 10)
        await catalog.caller(TOKEN)
        for number in range(50):
            assert await catalog.caller(digest(str(number))) is None
        assert len(catalog._unknown) <= 10
        # And they push nobody out.
        assert catalog.caller_cached(TOKEN) is not None


class TestRoleGrants:
    async def insert(self, store: Store, route: str, role: str) -> None:
        async def create() -> None:
            await RoleGrant.create(route=route, role=role)

        await store.database.transaction(create)

    async def test_an_operators_change_holds_from_the_next_look_on(
        self, catalog: Catalog, other_store: Store
    ) -> None:
        """Contract: ams-users-metrics 3.1."""
        before = await catalog.role_grants()
        await self.insert(other_store, "topics:list", "robot")
        assert catalog.role_grants_cached() is before
        await catalog.poll()
        after = catalog.role_grants_cached()
        assert after is not None
        assert after.by_route == {"topics:list": {"robot"}}

    async def test_they_are_the_same_object_as_long_as_they_are_the_same(
        self, catalog: Catalog, other_store: Store, clock: Clock
    ) -> None:
        await self.insert(other_store, "topics:list", "robot")
        await catalog.poll()
        before = await catalog.role_grants()
        await catalog.poll()
        clock.now += TRUST_SECONDS
        assert await catalog.role_grants() is before
