"""Where a subscription's messages are pushed (contract: ams-core 7)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ams.metadata import subscriptions, topics, users
from ams.metadata.cache import Catalog
from ams.metadata.records import (
    Change,
    ProjectRecord,
    ProjectRoles,
    PushConfig,
    SubscriptionRecord,
    TopicRecord,
    UserRecord,
)
from ams.metadata.store import Store
from ams.service.errors import InvalidArgument, NotFound
from tests.metadata.conftest import Listener
from tests.metadata.make import make_subscription, make_user

PUSH = PushConfig(
    type="http_endpoint",
    push_endpoint="https://receiver.example/ü",
    max_messages=5,
    authorization_type="autogen",
    authorization_ciphertext="ciphertext of the value",
    retry_type="linear",
    retry_period=3000,
    verification_hash="hash",
    base64_decode=True,
)
VERIFIED = replace(PUSH, verified=True)


def to(push: PushConfig | None) -> Callable[[PushConfig | None], PushConfig | None]:
    """A change to these settings, whatever there was before."""
    return lambda _: push


@pytest.fixture
async def reader(store: Store, project: ProjectRecord, topic: TopicRecord) -> SubscriptionRecord:
    return await make_subscription(store, project, topic)


@pytest.fixture
async def worker(store: Store) -> UserRecord:
    return await make_user(store, "worker")


async def test_settings_are_read_as_they_were_made(
    store: Store, project: ProjectRecord, topic: TopicRecord
) -> None:
    made = await subscriptions.create(
        store, project, "pushed", topic, start_offset=0, ack_deadline_seconds=10, push=PUSH
    )
    assert made.push == PUSH
    assert made == await subscriptions.get(store, project.id, "pushed")
    assert (await subscriptions.list_page(store, project.id)).items == (made,)


async def test_a_change_replaces_all_of_them_under_a_new_epoch(
    store: Store, catalog: Catalog, reader: SubscriptionRecord, listener: Listener
) -> None:
    mattermost = PushConfig(type="mattermost", mattermost_url="https://x/secret", verified=True)
    for epoch, push in enumerate((PUSH, mattermost, None), 2):
        await catalog.subscription(reader.project_id, "reader")
        await subscriptions.set_push(store, reader, to(push))
        assert listener.last == [Change("subscription", reader.uuid, reader.topic_uuid, epoch)]
        changed = await catalog.subscription(reader.project_id, "reader")
        assert (changed.push, changed.epoch) == (push, epoch)


async def test_secrets_are_not_shown_by_accident() -> None:
    shown = repr(replace(PUSH, mattermost_url="https://x/secret"))
    for secret in ("ciphertext", "'hash'", "x/secret"):
        assert secret not in shown


async def test_a_text_that_is_too_long_changes_nothing(
    store: Store, reader: SubscriptionRecord
) -> None:
    with pytest.raises(InvalidArgument):
        await subscriptions.set_push(store, reader, to(replace(PUSH, push_endpoint="x" * 4097)))
    assert await subscriptions.get(store, reader.project_id, "reader") == reader


async def test_those_of_a_deleted_subscription_can_not_be_changed(
    store: Store, reader: SubscriptionRecord
) -> None:
    await subscriptions.delete(store, reader)
    with pytest.raises(NotFound, match="Subscription"):
        await subscriptions.set_push(store, reader, to(PUSH))


async def test_a_change_is_made_of_the_settings_that_stand_when_it_is_its_turn(
    store: Store, other_store: Store, reader: SubscriptionRecord
) -> None:
    def one_more(push: PushConfig | None) -> PushConfig:
        return replace(PUSH, max_messages=push.max_messages + 1 if push else 1)

    await asyncio.gather(
        *(subscriptions.set_push(node, reader, one_more) for node in (store, other_store) * 4)
    )
    changed = (await subscriptions.get(store, reader.project_id, "reader")).push
    assert changed is not None
    assert changed.max_messages == 8


async def test_a_change_that_is_refused_leaves_all_as_it_was(
    store: Store, reader: SubscriptionRecord
) -> None:
    def refuse(_: PushConfig | None) -> PushConfig:
        raise InvalidArgument("no")

    with pytest.raises(InvalidArgument):
        await subscriptions.set_push(store, reader, refuse)
    assert await subscriptions.get(store, reader.project_id, "reader") == reader


class TestWorker:
    async def test_it_is_on_the_list_while_the_settings_are_verified(
        self, store: Store, reader: SubscriptionRecord, worker: UserRecord, listener: Listener
    ) -> None:
        """Contract: ams-core 7.4."""
        told = Change("user", worker.uuid, None, 0)
        for push, names in (
            (PUSH, []),
            (VERIFIED, ["worker"]),
            (replace(VERIFIED, max_messages=1), ["worker"]),
            (PUSH, []),
            (VERIFIED, ["worker"]),
            (None, []),
        ):
            heard = len(listener.heard)
            await subscriptions.set_push(store, reader, to(push), worker_id=worker.id)
            assert await subscriptions.acl_names(store, reader) == names
            assert len(listener.heard) == heard + 1
        # It got to know the project when it first came to it, and once only.
        assert [told in changes for changes in listener.heard[-6:]] == [
            False,
            True,
            False,
            False,
            False,
            False,
        ]
        assert (await users.by_name(store, "worker")).projects == (
            ProjectRoles(reader.project_id, "DEMO", (), (), ()),
        )

    async def test_a_new_subscription_can_have_it_at_once(
        self, store: Store, project: ProjectRecord, topic: TopicRecord, worker: UserRecord
    ) -> None:
        """Contract: ams-core 7.3."""
        made = {
            name: await subscriptions.create(
                store,
                project,
                name,
                topic,
                start_offset=0,
                ack_deadline_seconds=10,
                push=push,
                worker_id=worker.id,
            )
            for name, push in (("a", VERIFIED), ("b", PUSH), ("c", None))
        }
        assert {name: record.acl for name, record in made.items()} == {
            "a": {worker.id},
            "b": frozenset(),
            "c": frozenset(),
        }
        assert (await users.by_name(store, "worker")).projects == (
            ProjectRoles(project.id, "DEMO", (), (), ("a",)),
        )

    async def test_its_roles_and_other_users_stay_as_they_are(
        self, store: Store, project: ProjectRecord, reader: SubscriptionRecord, user: UserRecord
    ) -> None:
        worker = await make_user(store, "worker", project, "consumer")
        await subscriptions.set_acl(store, reader, ["user"])
        await subscriptions.set_push(store, reader, to(VERIFIED), worker_id=worker.id)
        assert await subscriptions.acl_names(store, reader) == ["user", "worker"]
        await subscriptions.set_push(store, reader, to(None))
        assert await subscriptions.acl_names(store, reader) == ["user", "worker"]
        await subscriptions.set_push(store, reader, to(None), worker_id=worker.id)
        assert await subscriptions.acl_names(store, reader) == ["user"]
        assert (await users.by_name(store, "worker")).projects == (
            ProjectRoles(project.id, "DEMO", ("consumer",), (), ()),
        )

    async def test_one_that_is_gone_changes_nothing(
        self, store: Store, project: ProjectRecord, reader: SubscriptionRecord, topic: TopicRecord
    ) -> None:
        for refused in (
            subscriptions.set_push(store, reader, to(VERIFIED), worker_id=999_999),
            subscriptions.create(
                store,
                project,
                "new",
                topic,
                start_offset=0,
                ack_deadline_seconds=10,
                push=VERIFIED,
                worker_id=999_999,
            ),
        ):
            with pytest.raises(NotFound, match="User"):
                await refused
        assert (await subscriptions.list_page(store, project.id)).items == (reader,)

    async def test_many_at_once_make_one_membership_and_lose_no_place(
        self,
        store: Store,
        other_store: Store,
        project: ProjectRecord,
        topic: TopicRecord,
        worker: UserRecord,
        user: UserRecord,
    ) -> None:
        """Contract: ams-users-metrics 14, number 46."""
        readers = [
            await make_subscription(store, project, topic, f"s{number}") for number in range(8)
        ]
        nodes = (store, other_store) * 4
        await asyncio.gather(
            *(
                subscriptions.set_push(node, reader, to(VERIFIED), worker_id=worker.id)
                for node, reader in zip(nodes, readers, strict=True)
            ),
            *(topics.set_acl(node, topic, ["user"]) for node in nodes),
            *(
                subscriptions.set_push(node, readers[0], to(VERIFIED), worker_id=worker.id)
                for node in nodes
            ),
        )
        (place,) = (await users.by_name(store, "worker")).projects
        assert place.subscriptions == tuple(f"s{number}" for number in range(8))
        assert (await subscriptions.get(store, project.id, "s0")).epoch == 10


async def test_those_that_are_pushed_are_found_by_all_or_by_some(
    store: Store, project: ProjectRecord, topic: TopicRecord, reader: SubscriptionRecord
) -> None:
    made = {}
    for name, push in (("one", VERIFIED), ("two", VERIFIED), ("unverified", PUSH)):
        made[name] = await subscriptions.create(
            store, project, name, topic, start_offset=0, ack_deadline_seconds=10, push=push
        )
    one, two = made["one"], made["two"]
    assert await subscriptions.pushed(store) == {one.uuid: one, two.uuid: two}
    unknown = [f"unknown {number}" for number in range(subscriptions.BATCH)]
    asked = [one.uuid, reader.uuid, made["unverified"].uuid, *unknown]
    assert await subscriptions.pushed(store, asked) == {one.uuid: one}
    assert await subscriptions.pushed(store, []) == {}
    await subscriptions.set_push(store, one, to(None))
    await topics.delete(store, topic)
    assert await subscriptions.pushed(store) == {}, "without a topic there is nothing to push"
