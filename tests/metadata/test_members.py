"""Changes of users, and of who is a member of what (contract: ams-users-metrics 5.7, 6)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ams.auth.tokens import digest
from ams.metadata import members, projects, subscriptions, topics, users
from ams.metadata.records import (
    Change,
    ProjectRecord,
    ProjectRoles,
    UserFields,
    UserRecord,
)
from ams.metadata.store import Store
from ams.service.errors import Conflict, Forbidden, InvalidArgument, NotFound
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user, token_of


def roles_of(user: UserRecord) -> dict[str, tuple[str, ...]]:
    return {place.project: place.roles for place in user.projects}


class TestUpdate:
    async def test_what_is_given_changes_and_the_rest_stays(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        """Contract: 14, number 25: a field can't be cleared."""
        made = await users.create(
            store,
            "user",
            token_digest=digest("token"),
            token_ciphertext="c",
            fields=UserFields("a@b", "First", "Last", "Org", "Text"),
            service_roles=["admin_viewer"],
            memberships={project.id: ["publisher"]},
        )
        changed = await users.update(store, made.id)
        assert changed.modified_on > made.modified_on
        changed = await users.update(
            store, made.id, name="", fields=UserFields(last_name="New", description="ü")
        )
        assert changed.fields == UserFields("a@b", "First", "New", "Org", "ü")
        assert (changed.name, changed.service_roles) == ("user", ("admin_viewer",))
        assert roles_of(changed) == {"DEMO": ("publisher",)}
        changed = await users.update(store, made.id, name="User", service_roles=[])
        assert (changed.name, changed.service_roles) == ("User", ())
        assert changed == await users.by_name(store, "User")
        assert (changed.uuid, changed.created_on) == (made.uuid, made.created_on)
        assert listener.last == [Change("user", made.uuid, None, 0)]
        assert (await users.caller(store, digest("token"))).name == "User"

    async def test_a_list_of_projects_replaces_the_old_one(
        self, store: Store, project: ProjectRecord, user: UserRecord
    ) -> None:
        other = await make_project(store, "OTHER")
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["user"])
        changed = await users.update(
            store, user.id, memberships={other.id: ["consumer"], project.id: []}
        )
        assert changed.projects == (
            ProjectRoles(other.id, "OTHER", ("consumer",), (), ()),
            ProjectRoles(project.id, "DEMO", (), ("news",), ()),
        )
        assert (await users.update(store, user.id, memberships={})).projects == ()

    async def test_projects_show_the_new_name_of_their_creator(
        self, store: Store, user: UserRecord, listener: Listener
    ) -> None:
        made = await projects.create(store, "MADE", created_by_id=user.id)
        await users.update(store, user.id, name="new")
        assert set(listener.last) == {
            Change("user", user.uuid, None, 0),
            Change("project", made.uuid, None, 0),
        }
        assert (await projects.get(store, "MADE")).created_by == "new"

    async def test_a_name_that_is_taken_changes_nothing(
        self, store: Store, user: UserRecord
    ) -> None:
        await make_user(store, "other")
        with pytest.raises(
            InvalidArgument, match=r"^invalid user name change, name already exists$"
        ):
            await users.update(store, user.id, name="other", service_roles=["x"], memberships={})
        assert await users.by_id(store, user.id) == user

    async def test_what_does_not_exist_is_not_found(self, store: Store, user: UserRecord) -> None:
        with pytest.raises(NotFound, match="User"):
            await users.update(store, 999_999, name="new")
        with pytest.raises(NotFound, match="project"):
            await users.update(store, user.id, memberships={999_999: []})
        assert await users.by_id(store, user.id) == user


async def test_a_user_is_found_by_uuid_and_by_token(store: Store, user: UserRecord) -> None:
    assert await users.by_uuid(store, user.uuid) == user
    assert await users.by_digest(store, digest(token_of("user"))) == user
    for unknown in (
        users.by_uuid(store, "x"),
        users.by_uuid(store, "x" * 100),
        users.by_uuid(store, "\ud800"),
        users.by_digest(store, digest("x")),
    ):
        with pytest.raises(NotFound, match=r"^User doesn't exist$"):
            await unknown


class TestTokenUse:
    async def test_it_is_noted_without_a_change_and_never_goes_back(
        self, store: Store, user: UserRecord, listener: Listener, statements: Statements
    ) -> None:
        used = [user] + [await make_user(store, f"u{number}") for number in range(50)]
        assert user.token_last_used is None
        now = datetime.now(UTC)
        heard = len(listener.heard)
        ids = [each.id for each in used]
        with statements:
            await users.token_used(store, [*ids, 999_999], now)
        assert statements.count == 1
        await users.token_used(store, [user.id], now - timedelta(hours=1))
        noted = await users.by_id(store, user.id)
        assert noted.token_last_used == now
        assert noted.modified_on == user.modified_on
        assert len(listener.heard) == heard
        await users.token_used(store, [], now)
        await users.token_used(store, [user.id], now + users.USE_PRECISION)
        assert (await users.by_id(store, user.id)).token_last_used == now
        later = now + users.USE_PRECISION + timedelta(microseconds=1)
        await users.token_used(store, [user.id], later)
        assert (await users.by_id(store, user.id)).token_last_used == later


class TestMembers:
    async def test_a_user_can_be_added_changed_and_removed(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        user = await make_user(store, "user", await make_project(store, "OTHER"), "consumer")
        told = Change("user", user.uuid, None, 0)
        added = await members.add(store, project.id, "user", ["publisher"])
        assert roles_of(added) == {"OTHER": ("consumer",), "DEMO": ("publisher",)}
        assert added.modified_on > user.modified_on
        assert listener.last == [told]
        assert await members.get(store, project.id, "user") == added
        changed = await members.set_roles(store, project.id, "user", [])
        assert roles_of(changed) == {"OTHER": ("consumer",), "DEMO": ()}
        assert changed.modified_on > added.modified_on
        assert listener.last == [told]
        await members.remove(store, project.id, "user")
        left = await users.by_name(store, "user")
        assert roles_of(left) == {"OTHER": ("consumer",)}
        assert left.modified_on > changed.modified_on
        assert listener.last == [told]

    async def test_a_member_can_not_be_added_again(
        self, store: Store, project: ProjectRecord, user: UserRecord
    ) -> None:
        """Contract: 6.5."""
        with pytest.raises(Conflict, match=r"^User is already a member of the project$"):
            await members.add(store, project.id, "user", [])
        assert await users.by_name(store, "user") == user

    async def test_only_a_member_can_be_changed(self, store: Store, project: ProjectRecord) -> None:
        """Contract: 6.2, 6.4, 6.6."""
        await make_user(store, "stranger")
        text = r"^Access to this resource is forbidden\. User is not a member of the project$"
        for name in ("set_roles", "remove"):
            with pytest.raises(Forbidden, match=text):
                await getattr(members, name)(
                    store, project.id, "stranger", *([[]] if name == "set_roles" else [])
                )
        with pytest.raises(NotFound, match="User"):
            await members.get(store, project.id, "stranger")

    async def test_who_does_not_exist_is_not_found(
        self, store: Store, project: ProjectRecord, user: UserRecord
    ) -> None:
        for name in ("nobody", "\ud800", "x" * 300):
            for unknown in (
                members.get(store, project.id, name),
                members.add(store, project.id, name, []),
                members.set_roles(store, project.id, name, []),
                members.remove(store, project.id, name),
            ):
                with pytest.raises(NotFound, match=r"^User doesn't exist$"):
                    await unknown
        with pytest.raises(NotFound, match=r"^project doesn't exist$"):
            await members.add(store, 999_999, "user", [])

    async def test_access_lists_keep_who_is_removed(
        self, store: Store, project: ProjectRecord, user: UserRecord
    ) -> None:
        """Contract: 6.6."""
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["user"])
        await members.remove(store, project.id, "user")
        assert (await users.by_name(store, "user")).projects == ()
        assert (await topics.get(store, project.id, "news")).acl == {user.id}


class TestAtTheSameTime:
    async def test_of_many_who_add_the_same_member_one_does(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        """Contract: 14, number 46: at most one entry per project."""
        await make_user(store, "user")
        results = await asyncio.gather(
            *(
                members.add(node, project.id, "user", [f"r{turn}"])
                for turn, node in enumerate((store, other_store) * 5)
            ),
            return_exceptions=True,
        )
        (won,) = [result for result in results if isinstance(result, UserRecord)]
        assert sum(isinstance(result, members.AlreadyMember) for result in results) == 9
        assert await users.by_name(store, "user") == won

    async def test_changes_of_one_user_in_many_projects_lose_nothing(
        self, store: Store, other_store: Store, project: ProjectRecord, user: UserRecord
    ) -> None:
        others = [await make_project(store, f"P{number}") for number in range(8)]
        leaving = await make_project(store, "LEAVING")
        await members.add(store, leaving.id, "user", [])
        nodes = (store, other_store) * 4
        await asyncio.gather(
            *(
                members.add(node, other.id, "user", [f"r{other.name}"])
                for node, other in zip(nodes, others, strict=True)
            ),
            *(users.update(node, user.id, fields=UserFields(email="new")) for node in nodes),
            members.set_roles(store, project.id, "user", ["consumer"]),
            members.remove(other_store, leaving.id, "user"),
        )
        changed = await users.by_name(store, "user")
        expected = {other.name: (f"r{other.name}",) for other in others}
        assert roles_of(changed) == {"DEMO": ("consumer",), **expected}
        assert changed.fields.email == "new"

    async def test_memberships_and_access_lists_change_side_by_side(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        names = [f"u{number}" for number in range(6)]
        for name in names:
            await make_user(store, name, project)
        topic = await make_topic(store, project)
        reader = await make_subscription(store, project, topic)
        nodes = (store, other_store) * 3
        await asyncio.gather(
            *(topics.set_acl(node, topic, names) for node in nodes),
            *(subscriptions.set_acl(node, reader, names) for node in nodes),
            *(
                members.set_roles(node, project.id, name, [f"role of {name}"])
                for node, name in zip(nodes, names, strict=True)
            ),
        )
        changed = await topics.get(store, project.id, "news")
        assert changed.epoch == 7
        assert len(changed.acl) == 6
        read = await subscriptions.get(store, project.id, "reader")
        assert (read.epoch, read.acl) == (7, changed.acl)
        for name in names:
            member = await members.get(store, project.id, name)
            assert roles_of(member) == {"DEMO": (f"role of {name}",)}
            assert member.projects[0].topics == ("news",)
