"""Numbers for metrics and reports (contract: ams-users-metrics 8)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ams.metadata import counts, members, nodes, projects, subscriptions, topics
from ams.metadata.models import Node, Subscription, Topic, User
from ams.metadata.records import (
    Change,
    CountedTopic,
    MemberCounts,
    NodeRecord,
    ProjectCounts,
    ProjectRecord,
)
from ams.metadata.store import Store
from ams.service.errors import InvalidArgument
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user


async def fill(store: Store, project: ProjectRecord, size: int) -> None:
    """As many topics, one subscription more, two members more."""
    for number in range(size):
        topic = await make_topic(store, project, f"t{number}")
        await make_subscription(store, project, topic, f"s{number}")
        await make_user(store, f"{project.name}-u{number}", project)
    topic = await make_topic(store, project, "gone")
    await make_subscription(store, project, topic, "orphan")
    await topics.delete(store, topic)
    for number in range(2):
        await make_user(store, f"{project.name}-m{number}", project)


async def test_projects_are_counted_with_three_statements(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    small, empty = await make_project(store, "SMALL"), await make_project(store, "EMPTY")
    await fill(store, project, 5)
    await fill(store, small, 1)
    expected = {project.id: ProjectCounts(5, 6, 7), small.id: ProjectCounts(1, 2, 3)}
    with statements:
        assert await counts.of_projects(store) == expected
    assert statements.count == 3
    with statements:
        found = await counts.of_projects(store, [empty.id, small.id, empty.id])
    assert statements.count == 3
    assert found == {small.id: ProjectCounts(1, 2, 3), empty.id: ProjectCounts()}
    assert await counts.of_projects(store, []) == {}


async def test_what_was_created_in_a_window_is_counted_with_three_statements(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    other = await make_project(store, "OTHER")
    await fill(store, project, 3)
    await members.add(store, other.id, "DEMO-u0", [])
    begin = datetime(2024, 5, 1, tzinfo=UTC)
    end = begin + timedelta(days=1)

    async def age() -> None:
        await Topic.filter(name="t0").update(created_on=begin)
        await Topic.filter(name="t1").update(created_on=end - timedelta(microseconds=1))
        await Topic.filter(name="t2").update(created_on=end)
        await Subscription.filter(name="s0").update(created_on=begin)
        await User.filter(name="DEMO-u0").update(created_on=begin)
        await User.filter(name="DEMO-u1").update(created_on=begin - timedelta(microseconds=1))

    await store.database.transaction(age)
    for project_ids in (None, [project.id, other.id]):
        with statements:
            found = await counts.created(store, begin, end, project_ids)
        assert statements.count == 3
        assert found == {project.id: ProjectCounts(2, 1, 1), other.id: ProjectCounts(0, 0, 1)}
    assert await counts.created(store, begin, end, [other.id]) == {other.id: ProjectCounts(0, 0, 1)}


async def test_access_lists_are_counted_by_member_with_three_statements(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    """Contract: ams-users-metrics 8.3: only members count."""
    other = await make_project(store, "OTHER")
    names = ["b", "a", "none", "left"]
    for name in names:
        await make_user(store, name, project)
    await members.add(store, other.id, "a", [])
    for number in range(3):
        topic = await make_topic(store, project, f"t{number}")
        await topics.set_acl(store, topic, ["a", "left"] + ["b"] * (number == 0))
        reader = await make_subscription(store, project, topic, f"s{number}")
        await subscriptions.set_acl(store, reader, ["b"] * (number > 0))
    await topics.set_acl(store, await make_topic(store, other), ["a"])
    await members.remove(store, project.id, "left")
    with statements:
        found = await counts.of_members(store, project.id)
    assert statements.count == 3
    assert found == [MemberCounts("b", 1, 2), MemberCounts("a", 3, 0), MemberCounts("none", 0, 0)]


async def test_deleted_topics_are_still_counted_until_their_project_goes(
    store: Store, project: ProjectRecord, listener: Listener, statements: Statements
) -> None:
    """Contract: ams-users-metrics 14, number 36."""
    other = await make_project(store, "OTHER")
    foreign = await make_topic(store, other)
    first = await make_topic(store, project)
    await topics.delete(store, first)
    second = await make_topic(store, project)
    old = CountedTopic(first.uuid, project.id, "news")
    assert await topics.retired(store, project.id) == [old]
    assert await topics.retired(store, project.id, "news") == [old]
    assert await topics.retired(store, project.id, "New") == []
    expected = [CountedTopic(second.uuid, project.id, "news"), old]
    with statements:
        assert await counts.counted_topics(store, [project.id]) == expected
    assert statements.count == 2
    assert set(await counts.counted_topics(store)) == {
        *expected,
        CountedTopic(foreign.uuid, other.id, "news"),
    }
    await projects.delete(store, project.id)
    assert {change.uuid for change in listener.last if change.kind == "retired_topic"} == {
        first.uuid,
        second.uuid,
    }
    assert Change("retired_topic", first.uuid, first.uuid, None) in listener.last
    assert await counts.counted_topics(store, [project.id]) == []


async def test_the_subscriptions_of_a_topic_are_counted(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    topic, other = await make_topic(store, project), await make_topic(store, project, "other")
    for number in range(3):
        await make_subscription(store, project, topic, f"s{number}")
    await make_subscription(store, project, other, "elsewhere")
    with statements:
        assert await counts.of_topic(store, topic) == 3
    assert statements.count == 1


async def test_many_projects_are_counted_in_batches(store: Store, statements: Statements) -> None:
    ids = range(1, 2 * counts.BATCH + 2)
    with statements:
        found = await counts.of_projects(store, ids)
    assert statements.count == 9
    assert len(found) == len(ids)


class TestNodes:
    async def test_the_latest_report_of_a_host_counts(
        self, store: Store, other_store: Store, statements: Statements
    ) -> None:
        """Contract: ams-users-metrics 14, number 6."""
        begin = datetime.now(UTC)
        await asyncio.gather(
            *(nodes.report(node, "b", 1.0, 2.0) for node in (store, other_store) * 5)
        )
        await nodes.report(store, "a", 0.5, 99.9)
        await nodes.report(other_store, "b", 3.25, 4.5)
        with statements:
            found = await nodes.list_all(store, begin)
        assert statements.count == 1
        assert [(node.hostname, node.cpu, node.memory) for node in found] == [
            ("a", 0.5, 99.9),
            ("b", 3.25, 4.5),
        ]
        assert begin <= found[0].seen <= found[1].seen <= datetime.now(UTC)
        assert await nodes.list_all(store, found[1].seen) == [
            NodeRecord("b", 3.25, 4.5, found[1].seen)
        ]

    async def test_one_that_is_silent_for_long_is_forgotten(self, store: Store) -> None:
        await nodes.report(store, "old", 1.0, 2.0)
        long_ago = datetime.now(UTC) - timedelta(days=nodes.FORGET_DAYS, seconds=1)

        async def age() -> None:
            await Node.all().update(seen=long_ago)

        await store.database.transaction(age)
        assert [node.hostname for node in await nodes.list_all(store, long_ago)] == ["old"]
        await nodes.report(store, "new", 1.0, 2.0)
        assert [node.hostname for node in await nodes.list_all(store, long_ago)] == ["new"]

    async def test_a_name_that_is_too_long_is_the_callers_fault(self, store: Store) -> None:
        with pytest.raises(InvalidArgument):
            await nodes.report(store, "x" * 256, 1.0, 2.0)
