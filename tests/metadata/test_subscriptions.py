"""Subscriptions (contract: ams-core 4)."""

import asyncio

import pytest

from ams.metadata import subscriptions, topics, users
from ams.metadata.models import TEXT_LENGTH
from ams.metadata.records import Change, ProjectRecord
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, UsersNotFound
from tests.metadata.conftest import Listener
from tests.metadata.make import make_project, make_subscription, make_topic, make_user


async def test_a_subscription_is_read_as_it_was_made(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    topic = await make_topic(store, project)
    made = await subscriptions.create(
        store, project, "reader", topic, start_offset=2**40, ack_deadline_seconds=600
    )
    assert made == await subscriptions.get(store, project.id, "reader")
    assert (made.project_id, made.project, made.name) == (project.id, "DEMO", "reader")
    assert (made.topic, made.topic_uuid) == ("news", topic.uuid)
    assert (made.start_offset, made.ack_deadline_seconds) == (2**40, 600)
    assert (made.epoch, made.acl) == (1, frozenset())
    assert listener.last == [Change("subscription", made.uuid, topic.uuid, 1)]


async def test_a_name_is_given_once_in_a_project(store: Store, project: ProjectRecord) -> None:
    topic, other = await make_topic(store, project), await make_topic(store, project, "other")
    await make_subscription(store, project, topic)
    with pytest.raises(AlreadyExists, match="Subscription already exists"):
        await make_subscription(store, project, other)
    await make_subscription(store, project, topic, "Reader")


async def test_of_many_who_make_the_same_subscription_one_wins(
    store: Store, other_store: Store, project: ProjectRecord
) -> None:
    topic = await make_topic(store, project)
    results = await asyncio.gather(
        *(make_subscription(node, project, topic) for node in (store, other_store) * 3),
        return_exceptions=True,
    )
    losers = [type(result) for result in results if isinstance(result, BaseException)]
    assert losers == [AlreadyExists] * 5


async def test_a_deleted_topic_can_not_be_subscribed_to(
    store: Store, project: ProjectRecord
) -> None:
    topic = await make_topic(store, project)
    await topics.delete(store, topic)
    with pytest.raises(NotFound, match="Topic doesn't exist"):
        await make_subscription(store, project, topic)


async def test_subscribing_to_a_topic_that_is_being_deleted_gives_404_or_an_orphan(
    store: Store, other_store: Store, project: ProjectRecord
) -> None:
    """Never a subscription that names a topic which is gone as if it were there."""
    for turn in range(5):
        topic = await make_topic(store, project)
        _, made = await asyncio.gather(
            topics.delete(store, topic),
            make_subscription(other_store, project, topic, f"reader-{turn}"),
            return_exceptions=True,
        )
        assert isinstance(made, NotFound) or (
            (await subscriptions.get(store, project.id, f"reader-{turn}")).topic_uuid is None
        )


async def test_an_unknown_subscription_is_not_found(store: Store, project: ProjectRecord) -> None:
    for name in ("reader", "x" * 1000):
        with pytest.raises(NotFound, match=r"^Subscription doesn't exist$"):
            await subscriptions.get(store, project.id, name)


async def test_a_name_that_is_too_long_is_the_callers_fault(
    store: Store, project: ProjectRecord
) -> None:
    topic = await make_topic(store, project)
    with pytest.raises(InvalidArgument):
        await make_subscription(store, project, topic, "x" * (TEXT_LENGTH + 1))


async def test_the_deadline_can_be_changed(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    topic = await make_topic(store, project)
    made = await make_subscription(store, project, topic)
    await subscriptions.set_ack_deadline(store, made, 77)
    changed = await subscriptions.get(store, project.id, "reader")
    assert (changed.ack_deadline_seconds, changed.epoch) == (77, 2)
    assert (changed.start_offset, changed.topic_uuid) == (3, topic.uuid)
    assert listener.last == [Change("subscription", made.uuid, topic.uuid, 2)]


async def test_changing_one_without_a_topic_concerns_no_message_log(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    topic = await make_topic(store, project)
    made = await make_subscription(store, project, topic)
    await topics.delete(store, topic)
    await subscriptions.set_ack_deadline(store, made, 77)
    assert listener.last == [Change("subscription", made.uuid, None, 3)]
    await subscriptions.delete(store, made)
    assert listener.last == [Change("subscription", made.uuid, None, None)]


async def test_the_access_list_is_kept_in_order_and_counts_up_the_epoch(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    ids = {name: (await make_user(store, name, project)).id for name in ("a", "b")}
    topic = await make_topic(store, project)
    made = await make_subscription(store, project, topic)
    await subscriptions.set_acl(store, made, ["b", "a", "b"])
    assert await subscriptions.acl_names(store, made) == ["b", "a"]
    read = await subscriptions.get(store, project.id, "reader")
    assert read.acl == set(ids.values())
    assert read.epoch == 2
    assert listener.last == [Change("subscription", made.uuid, topic.uuid, 2)]
    await users.delete(store, ids["b"])
    assert await subscriptions.acl_names(store, made) == ["a"]
    await subscriptions.set_acl(store, made, [])
    assert await subscriptions.acl_names(store, made) == []


async def test_an_access_list_takes_members_only(store: Store, project: ProjectRecord) -> None:
    await make_user(store, "stranger")
    made = await make_subscription(store, project, await make_topic(store, project))
    with pytest.raises(UsersNotFound, match=r"User\(s\): stranger do not exist"):
        await subscriptions.set_acl(store, made, ["stranger"])


async def test_a_deleted_subscription_is_gone(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    topic = await make_topic(store, project)
    made = await make_subscription(store, project, topic)
    await subscriptions.delete(store, made)
    assert listener.last == [Change("subscription", made.uuid, topic.uuid, None)]
    with pytest.raises(NotFound):
        await subscriptions.get(store, project.id, "reader")
    for again in (
        subscriptions.delete(store, made),
        subscriptions.set_acl(store, made, []),
        subscriptions.set_ack_deadline(store, made, 1),
    ):
        with pytest.raises(NotFound, match="Subscription doesn't exist"):
            await again


async def test_a_topics_subscriptions_are_named_oldest_first(
    store: Store, project: ProjectRecord
) -> None:
    topic, other = await make_topic(store, project), await make_topic(store, project, "other")
    for name in ("b", "c", "a"):
        await make_subscription(store, project, topic, name)
    await make_subscription(store, project, other, "d")
    assert await subscriptions.names_of_topic(store, topic) == ["b", "c", "a"]
    assert await subscriptions.names_of_topic(store, other) == ["d"]


async def test_pages_go_from_the_newest_to_the_oldest(store: Store, project: ProjectRecord) -> None:
    topic = await make_topic(store, project)
    for number in range(3):
        await make_subscription(store, project, topic, f"s{number}")
    other = await make_project(store, "OTHER")
    await make_subscription(store, other, await make_topic(store, other), "elsewhere")
    first = await subscriptions.list_page(store, project.id, page_size=2)
    assert [item.name for item in first.items] == ["s2", "s1"]
    second = await subscriptions.list_page(store, project.id, page_size=2, from_id=first.next_id)
    assert [item.name for item in second.items] == ["s0"]
    assert (second.next_id, first.total, second.total) == (None, 3, 3)
    for item in first.items + second.items:
        assert item == await subscriptions.get(store, project.id, item.name)


async def test_a_list_can_be_limited_to_what_a_user_may_use(
    store: Store, project: ProjectRecord
) -> None:
    user = await make_user(store, "a", project)
    topic = await make_topic(store, project)
    made = [await make_subscription(store, project, topic, f"s{number}") for number in range(3)]
    await subscriptions.set_acl(store, made[1], ["a"])
    # One whose topic is gone is still there.
    await topics.delete(store, topic)
    page = await subscriptions.list_page(store, project.id, acl_user_id=user.id)
    assert [item.name for item in page.items] == ["s1"]
    assert page.items[0].acl == {user.id}
    assert page.items[0].topic_uuid is None
    assert page.total == 1
