"""Memory is trusted only while one can tell that it is right."""

import math

import pytest

from ams.auth.tokens import digest
from ams.metadata import cache as cache_module
from ams.metadata import grants, topics, users
from ams.metadata.cache import AWAY_SECONDS, TRUST_SECONDS, Catalog
from ams.metadata.records import ProjectRecord, TopicRecord, UserRecord
from ams.metadata.store import Store
from ams.service.errors import Unavailable
from tests.eventually import eventually
from tests.metadata.conftest import Clock
from tests.metadata.make import make_project, token_of

TOKEN = digest(token_of("user"))


class TestTrust:
    async def test_nothing_is_trusted_before_the_first_look_at_the_table_of_changes(
        self, store: Store, clock: Clock, topic: TopicRecord
    ) -> None:
        catalog = Catalog(store, clock=clock)
        assert await catalog.topic(topic.project_id, "news") == topic
        assert catalog.topic_cached(topic.project_id, "news") is None
        assert catalog.role_grants_cached() is None
        assert (await catalog.role_grants()).by_route == {}

    async def test_what_was_loaded_before_the_first_look_is_not_kept(
        self, store: Store, other_store: Store, clock: Clock, topic: TopicRecord
    ) -> None:
        catalog = Catalog(store, clock=clock)
        await catalog.topic(topic.project_id, "news")
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        await catalog.poll()
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2

    async def test_it_ends_a_while_after_the_last_good_look(
        self, catalog: Catalog, other_store: Store, clock: Clock, topic: TopicRecord
    ) -> None:
        await catalog.project("DEMO")
        await catalog.topic(topic.project_id, "news")
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        clock.now += math.nextafter(TRUST_SECONDS, 0)
        assert catalog.project_cached("DEMO") is not None
        assert (await catalog.topic(topic.project_id, "news")).epoch == 1
        clock.now = TRUST_SECONDS
        assert catalog.project_cached("DEMO") is None
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2

    async def test_a_look_counts_from_its_beginning(
        self, catalog: Catalog, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await make_project(catalog._store)
        await catalog.project("DEMO")
        read = grants.read

        async def slow_read(store: Store) -> object:
            clock.now += 3.0
            return await read(store)

        monkeypatch.setattr(grants, "read", slow_read)
        await catalog.poll()
        clock.now += TRUST_SECONDS - 3.0
        assert catalog.project_cached("DEMO") is None

    async def test_it_comes_back_with_what_changed_meanwhile_forgotten(
        self, catalog: Catalog, other_store: Store, clock: Clock, topic: TopicRecord
    ) -> None:
        await catalog.poll()
        await catalog.project("DEMO")
        await catalog.topic(topic.project_id, "news")
        clock.now += 3600.0
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
        await catalog.poll()
        assert catalog.project_cached("DEMO") is not None
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2

    async def test_after_a_long_time_everything_is_forgotten(
        self, catalog: Catalog, clock: Clock, project: ProjectRecord
    ) -> None:
        """What changed may have been pruned from the table of changes."""
        await catalog.project("DEMO")
        clock.now += AWAY_SECONDS + 1
        await catalog.poll()
        assert catalog.project_cached("DEMO") is None

    async def test_a_look_that_half_succeeds_does_not_count_and_loses_nothing(
        self,
        catalog: Catalog,
        other_store: Store,
        clock: Clock,
        topic: TopicRecord,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await catalog.topic(topic.project_id, "news")
        await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)

        async def fail(_: Store) -> None:
            raise Unavailable("away")

        with monkeypatch.context() as away:
            away.setattr(grants, "read", fail)
            with pytest.raises(Unavailable):
                await catalog.poll()
        assert (await catalog.topic(topic.project_id, "news")).epoch == 2

    async def test_it_ends_with_the_catalog(self, catalog: Catalog, project: ProjectRecord) -> None:
        await catalog.start()
        await catalog.project("DEMO")
        assert catalog.project_cached("DEMO") is not None
        await catalog.stop()
        assert catalog.project_cached("DEMO") is None


class TestChannel:
    async def test_without_it_users_are_asked_for_and_the_rest_is_not(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord, user: UserRecord
    ) -> None:
        await catalog.topic(topic.project_id, "news")
        await catalog.caller(TOKEN)
        catalog.channel_lost()
        assert catalog.caller_cached(TOKEN) is None
        assert await catalog.caller(TOKEN) is not None
        assert catalog.caller_cached(TOKEN) is None
        await users.delete(other_store, user.id)
        assert await catalog.caller(TOKEN) is None
        assert catalog.topic_cached(topic.project_id, "news") is not None

    async def test_when_it_is_back_users_are_remembered_anew(
        self, catalog: Catalog, other_store: Store, user: UserRecord
    ) -> None:
        await catalog.caller(TOKEN)
        catalog.channel_lost()
        await users.set_token(other_store, user.id, token_digest=digest("new"), token_ciphertext="")
        catalog.channel_back()
        assert await catalog.caller(TOKEN) is None
        assert await catalog.caller(digest("new")) is not None
        assert catalog.caller_cached(digest("new")) is not None


class TestRunning:
    async def test_changes_of_others_are_seen_within_seconds(
        self, store: Store, other_store: Store, topic: TopicRecord
    ) -> None:
        catalog = Catalog(store)
        await catalog.start()
        try:
            await catalog.topic(topic.project_id, "news")
            await topics.set_retention(other_store, topic, retention_seconds=1, retention_bytes=1)
            await eventually(
                lambda: catalog.topic_cached(topic.project_id, "news") is None, within=3
            )
            assert catalog.role_grants_cached() is not None
        finally:
            await catalog.stop()

    async def test_it_goes_on_after_any_failure(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache_module, "POLL_SECONDS", 0.01)
        failures: list[Exception] = [Unavailable("away"), RuntimeError("a mistake of ours")]
        read = grants.read

        async def unsteady_read(store: Store) -> object:
            if failures:
                raise failures.pop()
            return await read(store)

        monkeypatch.setattr(grants, "read", unsteady_read)
        catalog = Catalog(store)
        await catalog.start()
        try:
            await eventually(lambda: catalog.role_grants_cached() is not None)
        finally:
            await catalog.stop()
