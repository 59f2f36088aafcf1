"""What a node that died left undone is made good by another."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from ams.auth.tokens import digest
from ams.metadata import projects, subscriptions, topics, users
from ams.metadata.cache import TRUST_SECONDS, Catalog
from ams.metadata.records import Change, TopicRecord
from ams.metadata.store import Store
from tests.eventually import eventually
from tests.metadata.conftest import Clock
from tests.metadata.make import make_subscription, make_user, token_of

TOKEN = digest(token_of("user"))


class Reapply:
    def __init__(self) -> None:
        self.told: list[list[Change]] = []
        self.fails = False

    def was_told(self, times: int) -> bool:
        return len(self.told) == times

    async def __call__(self, changes: list[Change]) -> None:
        self.told.append(changes)
        if self.fails:
            raise OSError("no Redis")


class TestReapply:
    @pytest.fixture
    def reapply(self) -> Reapply:
        return Reapply()

    @pytest_asyncio.fixture
    async def catalog(self, store: Store, clock: Clock, reapply: Reapply) -> AsyncIterator[Catalog]:
        catalog = Catalog(store, reapply=reapply, clock=clock)
        yield catalog
        await catalog.stop()

    async def test_deletions_by_any_node_are_handed_on(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord, reapply: Reapply
    ) -> None:
        await catalog.poll()
        project = await catalog.project("DEMO")
        made = await make_subscription(other_store, project, topic)
        await users.delete(other_store, (await make_user(other_store, "x")).id)
        await subscriptions.delete(other_store, made)
        await topics.delete(other_store, topic)
        await catalog.poll()
        deletions = [
            Change("subscription", made.uuid, topic.uuid, None),
            Change("topic", topic.uuid, topic.uuid, None),
        ]
        await eventually(lambda: reapply.told == [deletions])
        await catalog.poll()
        await asyncio.sleep(0)
        assert reapply.told == [deletions]

    async def test_a_node_that_starts_makes_good_what_was_deleted_before(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord, reapply: Reapply
    ) -> None:
        await topics.delete(other_store, topic)
        await catalog.poll()
        await eventually(lambda: reapply.told == [[Change("topic", topic.uuid, topic.uuid, None)]])

    async def test_the_counts_of_topics_go_with_their_project(
        self, catalog: Catalog, other_store: Store, topic: TopicRecord, reapply: Reapply
    ) -> None:
        await topics.delete(other_store, topic)
        await projects.delete(other_store, topic.project_id)
        await catalog.poll()
        deletions = [
            Change("topic", topic.uuid, topic.uuid, None),
            Change("retired_topic", topic.uuid, topic.uuid, None),
        ]
        await eventually(lambda: reapply.told == [deletions])

    async def test_it_is_tried_again_until_it_succeeds(
        self, catalog: Catalog, store: Store, topic: TopicRecord, reapply: Reapply
    ) -> None:
        await catalog.poll()
        reapply.fails = True
        await topics.delete(store, topic)
        for _ in range(3):
            tries = len(reapply.told)
            await catalog.poll()
            await eventually(partial(reapply.was_told, tries + 1))
        reapply.fails = False
        await catalog.poll()
        await eventually(partial(reapply.was_told, 4))
        await catalog.poll()
        await asyncio.sleep(0)
        assert reapply.told == [[Change("topic", topic.uuid, topic.uuid, None)]] * 4

    async def test_it_may_be_slow_without_holding_up_the_looks(
        self, store: Store, clock: Clock, topic: TopicRecord
    ) -> None:
        begun = asyncio.Event()

        async def hang(_: list[Change]) -> None:
            begun.set()
            await asyncio.Event().wait()

        catalog = Catalog(store, reapply=hang, clock=clock)
        await topics.delete(store, topic)
        await catalog.poll()
        await begun.wait()
        clock.now += TRUST_SECONDS
        await catalog.poll()
        assert catalog.role_grants_cached() is not None
        await catalog.stop()
