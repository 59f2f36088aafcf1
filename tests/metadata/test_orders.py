"""Lists in other orders than newest first, and what goes with a project or a user."""

from collections.abc import Sequence

import pytest

from ams.metadata import counts, schemas, subscriptions, topics
from ams.metadata.paging import NEWEST_FIRST, Order
from ams.metadata.records import ProjectContents, ProjectRecord, UserTraces
from ams.metadata.store import Store
from tests.metadata.conftest import Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user

#: In the order of their creation.
NAMES = ["b", "B", "a", "_", "c", "0"]
ORDERS = {
    Order("name"): sorted(NAMES),
    Order("name", descending=True): sorted(NAMES, reverse=True),
    Order("id"): NAMES,
    NEWEST_FIRST: NAMES[::-1],
}


async def pages(store: Store, project_id: int, order: Order, size: int) -> Sequence[Sequence[str]]:
    found, from_id, from_name = [], None, None
    while True:
        page = await topics.list_page(
            store, project_id, page_size=size, from_id=from_id, order=order, from_name=from_name
        )
        found.append([topic.name for topic in page.items])
        assert page.total == len(NAMES)
        from_id, from_name = page.next_id, page.next_name
        assert (from_name is not None) == (from_id is not None and order.column == "name")
        if from_id is None:
            return found


@pytest.mark.parametrize(("order", "names"), ORDERS.items())
async def test_topics_come_in_any_order_page_by_page(
    store: Store, project: ProjectRecord, order: Order, names: list[str]
) -> None:
    for name in NAMES:
        await make_topic(store, project, name)
    assert await pages(store, project.id, order, 0) == [names]
    assert await pages(store, project.id, order, 6) == [names]
    assert await pages(store, project.id, order, 1500) == [names]
    assert await pages(store, project.id, order, 4) == [names[:4], names[4:]]


async def test_a_page_by_names_begins_behind_a_name_that_is_gone(
    store: Store, project: ProjectRecord
) -> None:
    topic = await make_topic(store, project)
    for name in "abcd":
        await make_subscription(store, project, topic, name)
    order = Order("name")
    page = await subscriptions.list_page(store, project.id, page_size=2, order=order)
    gone = await subscriptions.get(store, project.id, "c")
    await subscriptions.delete(store, gone)
    page = await subscriptions.list_page(
        store, project.id, page_size=2, order=order, from_name=page.next_name
    )
    assert [each.name for each in page.items] == ["d"]


async def test_topics_have_numbers_of_subscriptions(
    store: Store, project: ProjectRecord, statements: Statements
) -> None:
    busy, quiet = await make_topic(store, project, "busy"), await make_topic(store, project, "q")
    for name in "ab":
        await make_subscription(store, project, busy, name)
    with statements:
        assert await counts.subscriptions_to(store, [quiet.id, busy.id]) == {busy.id: 2}
    assert statements.count == 1
    assert await counts.subscriptions_to(store, []) == {}


async def test_what_goes_with_a_project_and_with_a_user_is_counted(
    store: Store, project: ProjectRecord
) -> None:
    other = await make_project(store, "OTHER")
    topic = await make_topic(store, project)
    first = await make_subscription(store, project, topic, "a")
    await make_subscription(store, project, topic, "b")
    user = await make_user(store, "user", project, "consumer")
    await make_user(store, "stranger", other)
    await schemas.create(store, project, "s", type="json", definition="{}")
    await topics.set_acl(store, topic, ["user"])
    await subscriptions.set_acl(store, first, ["user"])
    assert await counts.contents(store, project.id) == ProjectContents(1, 2, 1, 1, 2)
    assert await counts.contents(store, other.id) == ProjectContents(0, 0, 0, 1, 0)
    assert await counts.traces(store, user.id) == UserTraces(1, 2)


async def test_consumers_of_a_topic_are_those_on_a_list_of_its_subscriptions(
    store: Store, project: ProjectRecord
) -> None:
    topic, other = await make_topic(store, project, "t"), await make_topic(store, project, "o")
    ids = []
    for name, of in (("a", topic), ("b", topic), ("c", other)):
        subscription = await make_subscription(store, project, of, name)
        user = await make_user(store, f"user-{name}", project, "consumer")
        await subscriptions.set_acl(store, subscription, [user.name])
        ids.append(user.id)
    assert await subscriptions.consumers_of(store, topic) == set(ids[:2])
    assert await subscriptions.consumers_of(store, other) == {ids[2]}
