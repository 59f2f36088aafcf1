"""Topics and their access lists (contract: ams-core 3)."""

import asyncio
from dataclasses import fields

import pytest

from ams.metadata import projects, subscriptions, topics, users
from ams.metadata.models import TEXT_LENGTH
from ams.metadata.records import Change, ProjectRecord
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, UsersNotFound
from tests.metadata.conftest import Listener
from tests.metadata.make import make_project, make_subscription, make_topic, make_user


async def test_a_topic_is_read_as_it_was_made(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    made = await topics.create(store, project, "news", retention_seconds=60, retention_bytes=2**40)
    assert made == await topics.get(store, project.id, "news")
    assert (made.project_id, made.project, made.name) == (project.id, "DEMO", "news")
    assert (made.retention_seconds, made.retention_bytes) == (60, 2**40)
    assert made.epoch == 1
    assert made.acl == frozenset()
    assert listener.last == [Change("topic", made.uuid, made.uuid, 1)]


async def test_a_name_is_given_once_in_a_project(store: Store, project: ProjectRecord) -> None:
    await make_topic(store, project)
    with pytest.raises(AlreadyExists, match="Topic already exists"):
        await make_topic(store, project)
    await make_topic(store, project, "News")
    await make_topic(store, await make_project(store, "OTHER"))


async def test_of_many_who_make_the_same_topic_one_wins(
    store: Store, other_store: Store, project: ProjectRecord
) -> None:
    """Contract: O-51."""
    results = await asyncio.gather(
        *(make_topic(node, project) for node in (store, other_store) * 5), return_exceptions=True
    )
    losers = [result for result in results if isinstance(result, BaseException)]
    assert len(losers) == 9
    assert {type(loser) for loser in losers} == {AlreadyExists}


async def test_an_unknown_topic_is_not_found(store: Store, project: ProjectRecord) -> None:
    with pytest.raises(NotFound, match=r"^Topic doesn't exist$"):
        await topics.get(store, project.id, "news")


async def test_the_longest_name_fits_and_a_longer_one_does_not(
    store: Store, project: ProjectRecord
) -> None:
    assert len((await make_topic(store, project, "x" * TEXT_LENGTH)).name) == TEXT_LENGTH
    with pytest.raises(InvalidArgument):
        await make_topic(store, project, "x" * (TEXT_LENGTH + 1))


async def test_a_number_that_is_too_large_is_the_callers_fault(
    store: Store, project: ProjectRecord
) -> None:
    with pytest.raises(InvalidArgument):
        await topics.create(store, project, "news", retention_bytes=2**63)


async def test_retention_can_be_changed(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    topic = await make_topic(store, project)
    await topics.set_retention(store, topic, retention_seconds=5, retention_bytes=0)
    changed = await topics.get(store, project.id, "news")
    assert (changed.retention_seconds, changed.retention_bytes) == (5, 0)
    assert changed.epoch == 2
    assert listener.last == [Change("topic", topic.uuid, topic.uuid, 2)]


class TestAccessList:
    async def test_it_holds_users_in_the_order_given_each_once(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        """Contract: O-16."""
        ids = {name: (await make_user(store, name, project)).id for name in ("a", "b", "c")}
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["c", "a", "c", "b", "a"])
        assert await topics.acl_names(store, topic) == ["c", "a", "b"]
        read = await topics.get(store, project.id, "news")
        assert read.acl == set(ids.values())
        assert read.epoch == 2
        assert listener.last == [Change("topic", topic.uuid, topic.uuid, 2)]

    async def test_a_new_list_replaces_the_old_one(
        self, store: Store, project: ProjectRecord
    ) -> None:
        for name in ("a", "b"):
            await make_user(store, name, project)
        topic = await make_topic(store, project)
        for names in (["a", "b"], ["b", "a"], ["b"], []):
            await topics.set_acl(store, topic, names)
            assert await topics.acl_names(store, topic) == names

    async def test_who_is_no_member_is_named_as_often_as_asked_for(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        """Contract: ams-core 3.7."""
        await make_user(store, "member", project)
        await make_user(store, "stranger")
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["member"])
        heard = len(listener.heard)
        with pytest.raises(UsersNotFound) as refusal:
            await topics.set_acl(
                store, topic, ["stranger", "member", "nobody", "stranger", "Member"]
            )
        text = "User(s): stranger, nobody, stranger, Member do not exist"
        assert refusal.value.message == text
        assert await topics.acl_names(store, topic) == ["member"]
        assert (await topics.get(store, project.id, "news")).epoch == 2
        assert len(listener.heard) == heard

    async def test_a_member_of_another_project_is_no_member(
        self, store: Store, project: ProjectRecord
    ) -> None:
        await make_user(store, "member", await make_project(store, "OTHER"))
        with pytest.raises(UsersNotFound):
            await topics.set_acl(store, await make_topic(store, project), ["member"])

    async def test_a_list_can_be_long(self, store: Store, project: ProjectRecord) -> None:
        topic = await make_topic(store, project)
        names = [f"user-{number}" for number in range(2500)]
        with pytest.raises(UsersNotFound) as refusal:
            await topics.set_acl(store, topic, names)
        assert list(refusal.value.names) == names

    async def test_a_deleted_user_leaves_it(self, store: Store, project: ProjectRecord) -> None:
        user = await make_user(store, "a", project)
        await make_user(store, "b", project)
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["a", "b"])
        await users.delete(store, user.id)
        assert await topics.acl_names(store, topic) == ["b"]
        # Another one of that name does not inherit the place.
        await make_user(store, "a", project)
        assert await topics.acl_names(store, topic) == ["b"]

    async def test_that_of_a_deleted_topic_can_not_be_changed(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: O-15."""
        topic = await make_topic(store, project)
        await topics.delete(store, topic)
        with pytest.raises(NotFound, match="Topic doesn't exist"):
            await topics.set_acl(store, topic, [])

    async def test_many_changes_at_once_count_up_the_epoch_one_by_one(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        names = ["a", "b", "c", "d"]
        for name in names:
            await make_user(store, name, project)
        topic = await make_topic(store, project)
        await asyncio.gather(
            *(
                topics.set_acl(node, topic, names[turn % 4 :] + names[: turn % 4])
                for turn, node in enumerate((store, other_store) * 5)
            )
        )
        assert (await topics.get(store, project.id, "news")).epoch == 11
        assert sorted(await topics.acl_names(store, topic)) == names


class TestDeletion:
    async def test_a_deleted_topic_is_gone(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        topic = await make_topic(store, project)
        await topics.delete(store, topic)
        assert listener.last == [Change("topic", topic.uuid, topic.uuid, None)]
        with pytest.raises(NotFound):
            await topics.get(store, project.id, "news")
        with pytest.raises(NotFound, match="Topic doesn't exist"):
            await topics.delete(store, topic)
        with pytest.raises(NotFound, match="Topic doesn't exist"):
            await topics.set_retention(store, topic, retention_seconds=1, retention_bytes=1)

    async def test_its_subscriptions_stay_without_a_topic(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        """Contract: ams-core 3.5."""
        topic = await make_topic(store, project)
        made = await make_subscription(store, project, topic)
        await topics.delete(store, topic)
        left = await subscriptions.get(store, project.id, "reader")
        assert (left.topic, left.topic_uuid) == ("news", None)
        assert left.epoch == made.epoch + 1
        assert listener.last == [
            Change("topic", topic.uuid, topic.uuid, None),
            Change("subscription", made.uuid, None, left.epoch),
        ]

    async def test_a_new_topic_of_that_name_takes_them_up_from_its_start(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        """Contract: O-14."""
        old = await make_topic(store, project)
        made = await make_subscription(store, project, old)
        await make_subscription(store, project, await make_topic(store, project, "x"), "other")
        await topics.delete(store, old)
        new = await make_topic(store, project)
        assert new.uuid != old.uuid
        taken = await subscriptions.get(store, project.id, "reader")
        assert (taken.topic_uuid, taken.start_offset, taken.epoch) == (new.uuid, 0, 3)
        assert listener.last == [
            Change("topic", new.uuid, new.uuid, 1),
            Change("subscription", made.uuid, new.uuid, 3),
        ]
        assert await subscriptions.names_of_topic(store, new) == ["reader"]
        assert (await subscriptions.get(store, project.id, "other")).start_offset == 3

    async def test_it_takes_up_none_of_another_case_or_project(
        self, store: Store, project: ProjectRecord
    ) -> None:
        other = await make_project(store, "OTHER")
        for place in (project, other):
            topic = await make_topic(store, place)
            await make_subscription(store, place, topic)
            await topics.delete(store, topic)
        await make_topic(store, project, "NEWS")
        await make_topic(store, other)
        assert (await subscriptions.get(store, project.id, "reader")).topic_uuid is None


class TestList:
    async def test_pages_go_from_the_newest_to_the_oldest(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: ams-core 1.14."""
        for number in range(5):
            await make_topic(store, project, f"t{number}")
        await make_topic(store, await make_project(store, "OTHER"), "elsewhere")
        seen, from_id = [], None
        for _ in range(3):
            page = await topics.list_page(store, project.id, page_size=2, from_id=from_id)
            assert page.total == 5
            seen.append([topic.name for topic in page.items])
            from_id = page.next_id
        assert seen == [["t4", "t3"], ["t2", "t1"], ["t0"]]
        assert from_id is None

    @pytest.mark.parametrize("size", [0, -1, 3, 4, 10**18, 2**63 - 1])
    async def test_one_page_holds_all_if_it_may(
        self, store: Store, project: ProjectRecord, size: int
    ) -> None:
        for number in range(3):
            await make_topic(store, project, f"t{number}")
        page = await topics.list_page(store, project.id, page_size=size)
        assert [topic.name for topic in page.items] == ["t2", "t1", "t0"]
        assert page.next_id is None

    async def test_a_page_can_begin_at_a_topic_that_was_deleted(
        self, store: Store, project: ProjectRecord
    ) -> None:
        made = [await make_topic(store, project, f"t{number}") for number in range(4)]
        page = await topics.list_page(store, project.id, page_size=2)
        await topics.delete(store, made[1])
        page = await topics.list_page(store, project.id, page_size=2, from_id=page.next_id)
        assert [topic.name for topic in page.items] == ["t0"]

    async def test_an_empty_list_has_one_empty_page(
        self, store: Store, project: ProjectRecord
    ) -> None:
        page = await topics.list_page(store, project.id, page_size=2)
        assert (page.items, page.next_id, page.total) == ((), None, 0)

    async def test_it_can_be_limited_to_what_a_user_may_use(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: ams-core 1.6."""
        users_ = [await make_user(store, name, project) for name in ("a", "b")]
        made = [await make_topic(store, project, f"t{number}") for number in range(4)]
        for topic, names in zip(made, (["a"], ["b"], ["b", "a"], []), strict=True):
            await topics.set_acl(store, topic, names)
        page = await topics.list_page(store, project.id, page_size=1, acl_user_id=users_[0].id)
        assert [topic.name for topic in page.items] == ["t2"]
        assert page.items[0].acl == {user.id for user in users_}
        assert page.total == 2
        page = await topics.list_page(
            store, project.id, page_size=1, from_id=page.next_id, acl_user_id=users_[0].id
        )
        assert [topic.name for topic in page.items] == ["t0"]

    async def test_items_are_the_same_as_when_read_one_by_one(
        self, store: Store, project: ProjectRecord
    ) -> None:
        await make_user(store, "a", project)
        for number in range(3):
            topic = await make_topic(store, project, f"t{number}")
            await topics.set_acl(store, topic, ["a"] * (number % 2))
        page = await topics.list_page(store, project.id)
        for item in page.items:
            single = await topics.get(store, project.id, item.name)
            assert all(
                getattr(item, field.name) == getattr(single, field.name) for field in fields(item)
            )


async def test_making_topics_and_deleting_their_project_leaves_nothing_half_done(
    store: Store, other_store: Store, project: ProjectRecord
) -> None:
    async def fill() -> None:
        for number in range(20):
            topic = await make_topic(other_store, project, f"t{number}")
            await make_subscription(other_store, project, topic, f"s{number}")

    filling = asyncio.create_task(fill())
    await asyncio.sleep(0)
    await projects.delete(store, project.id)
    with pytest.raises(NotFound):
        await filling
    assert (await topics.list_page(store, project.id)).total == 0
    assert (await subscriptions.list_page(store, project.id)).total == 0
