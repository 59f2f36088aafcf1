"""Lists of a hundred thousand: each page as fast as the first, with a few statements."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from ams.metadata import schemas, subscriptions, topics, users
from ams.metadata.models import Subscription, SubscriptionAcl, Topic, TopicAcl, User
from ams.metadata.records import Page, ProjectRecord
from ams.metadata.store import Store
from tests.metadata.conftest import Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user

MANY = 100_000
NOW = datetime(2024, 1, 1, tzinfo=UTC)
#: What a page may take at most besides five times what the first one takes, in seconds.
SLACK_SECONDS = 0.05

ListPage = Callable[[int | None], Awaitable[Page[Any]]]


def topic_rows(project: ProjectRecord, count: int = MANY) -> Sequence[Topic]:
    return [
        Topic(uuid=f"t{number}", project_id=project.id, name=f"T{number}", epoch=1, created_on=NOW)
        for number in range(count)
    ]


def subscription_rows(project: ProjectRecord, count: int = MANY) -> Sequence[Subscription]:
    return [
        Subscription(
            uuid=f"s{number}",
            project_id=project.id,
            name=f"S{number}",
            epoch=1,
            topic_name="news",
            start_offset=0,
            ack_deadline_seconds=10,
            created_on=NOW,
        )
        for number in range(count)
    ]


async def check_pages(
    list_page: ListPage, middle: int, statements: Statements, most: int, *, even: bool = True
) -> None:
    """Whether pages are fast, and if `even`, a late one about as fast as the first."""
    loop = asyncio.get_running_loop()

    async def seconds(from_id: int | None) -> float:
        times = []
        for _ in range(3):
            begun = loop.time()
            with statements:
                page = await list_page(from_id)
            times.append(loop.time() - begun)
            assert len(page.items) == 20
            assert page.total >= MANY
            assert statements.count <= most
        return min(times)

    first, late = await seconds(None), await seconds(middle)
    assert max(first, late) < 1.0
    assert not even or late < 5 * first + SLACK_SECONDS


async def test_topics(roomy_store: Store, statements: Statements) -> None:
    store, project = roomy_store, await make_project(roomy_store)
    other = await make_project(store, "OTHER")
    await make_topic(store, other)

    async def insert() -> None:
        await Topic.bulk_create(topic_rows(project), batch_size=2000)
        user = (await User.all().first()).id  # type: ignore[union-attr] # It was just made.
        ids = await Topic.filter(project_id=project.id).values_list("id", flat=True)
        await TopicAcl.bulk_create(
            [TopicAcl(topic_id=id_, user_id=user) for id_ in ids], batch_size=5000
        )

    await make_user(store, "user", project)
    await store.database.transaction(insert)
    user_id = (await users.by_name(store, "user")).id
    middle = (await topics.get(store, project.id, "T100")).id
    await check_pages(
        lambda from_id: topics.list_page(store, project.id, page_size=20, from_id=from_id),
        middle,
        statements,
        most=5,
    )
    await check_pages(
        lambda from_id: topics.list_page(
            store, project.id, page_size=20, from_id=from_id, acl_user_id=user_id
        ),
        middle,
        statements,
        most=5,
    )
    await check_pages(
        lambda from_id: topics.list_page(
            store, project.id, page_size=20, from_id=from_id, name="t"
        ),
        middle,
        statements,
        most=5,
        # Every name must be looked at.
        even=False,
    )
    with statements:
        page = await topics.list_page(store, other.id, page_size=20)
    assert (page.total, statements.count) == (1, 4)
    found = await topics.list_page(store, project.id, name="t9999")
    assert [topic.name for topic in found.items] == [
        *(f"T{number}" for number in range(99_999, 99_989, -1)),
        "T9999",
    ]
    assert found.items[0].acl == {user_id}


async def test_subscriptions(roomy_store: Store, statements: Statements) -> None:
    store, project = roomy_store, await make_project(roomy_store)

    async def insert() -> None:
        await Subscription.bulk_create(subscription_rows(project), batch_size=2000)

    await store.database.transaction(insert)
    middle = (await subscriptions.get(store, project.id, "S100")).id
    await check_pages(
        lambda from_id: subscriptions.list_page(store, project.id, page_size=20, from_id=from_id),
        middle,
        statements,
        most=4,
    )
    found = await subscriptions.list_page(store, project.id, page_size=2, name="s9999")
    assert ([each.name for each in found.items], found.total) == (["S99999", "S99998"], 11)


class TestNameFilter:
    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            ("news", ["my_News", "News-1"]),
            ("NEWS", ["my_News", "News-1"]),
            ("_", ["my_News"]),
            ("%", []),
            ("\\", []),
            ("'", []),
            ("s-1", ["News-1"]),
            ("x" * 1000, []),
            ("", ["other", "my_News", "News-1"]),
            (None, ["other", "my_News", "News-1"]),
        ],
    )
    async def test_it_finds_parts_of_names_in_any_case(
        self, store: Store, project: ProjectRecord, part: str | None, expected: list[str]
    ) -> None:
        for name in ("News-1", "my_News", "other"):
            topic = await make_topic(store, project, name)
            await make_subscription(store, project, topic, name)
        for list_page in (topics.list_page, subscriptions.list_page):
            page = await list_page(store, project.id, name=part)
            assert [item.name for item in page.items] == expected
            assert page.total == len(expected)

    async def test_it_goes_with_paging_and_access_lists(
        self, store: Store, project: ProjectRecord
    ) -> None:
        user = await make_user(store, "user", project)
        for number in range(6):
            topic = await make_topic(store, project, f"{'ab'[number % 2]}{number}")
            await topics.set_acl(store, topic, ["user"] * (number > 0))
        page = await topics.list_page(store, project.id, page_size=1, name="a", acl_user_id=user.id)
        assert ([topic.name for topic in page.items], page.total) == (["a4"], 2)
        page = await topics.list_page(
            store,
            project.id,
            page_size=1,
            name="a",
            acl_user_id=user.id,
            from_id=page.next_id,
        )
        assert ([topic.name for topic in page.items], page.next_id) == (["a2"], None)


async def test_a_page_of_everything_takes_as_few_statements(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    user = await make_user(store, "user", project)
    made = [
        await schemas.create(store, project, f"s{number}", type="json", definition="{}")
        for number in range(3)
    ]

    async def insert() -> None:
        rows = topic_rows(project, 3000)
        for position, row in enumerate(rows):
            row.schema_id = made[position % 3].id
        await Topic.bulk_create(rows)
        ids = await Topic.all().order_by("id").values_list("id", flat=True)
        await TopicAcl.bulk_create([TopicAcl(topic_id=id_, user_id=user.id) for id_ in ids[1::2]])

    await store.database.transaction(insert)
    with statements:
        page = await topics.list_page(store, project.id)
    assert statements.count == 4
    assert len(page.items) == 3000
    for position, topic in enumerate(reversed(page.items)):
        assert topic.acl == ({user.id} if position % 2 else set())
        assert topic.schema is not None
        assert topic.schema.name == f"s{position % 3}"


async def test_a_page_of_all_subscriptions_has_their_lists(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    user = await make_user(store, "user", project)

    async def insert() -> None:
        await Subscription.bulk_create(subscription_rows(project, 3000))
        ids = await Subscription.all().order_by("id").values_list("id", flat=True)
        await SubscriptionAcl.bulk_create(
            [SubscriptionAcl(subscription_id=id_, user_id=user.id) for id_ in ids[::2]]
        )

    await store.database.transaction(insert)
    with statements:
        page = await subscriptions.list_page(store, project.id)
    assert statements.count == 3
    lists = [item.acl for item in reversed(page.items)]
    assert lists == [{user.id}, frozenset()] * 1500
