"""Users (contract: ams-users-metrics 4 and 5)."""

import asyncio

import pytest

from ams.auth.tokens import digest
from ams.metadata import grants, projects, subscriptions, topics, users
from ams.metadata.models import RoleGrant
from ams.metadata.records import Change, ProjectRecord, ProjectRoles, UserFields
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_project, make_subscription, make_topic, make_user, token_of


async def test_a_user_is_read_as_made(
    store: Store, project: ProjectRecord, listener: Listener
) -> None:
    admin = await make_user(store, "admin")
    other = await make_project(store, "OTHER")
    fields = UserFields(
        email="u@example.org",
        first_name="Ünsal",
        last_name="O'Neil",
        organization="Org & Co. 😀",
        description="-",
    )
    made = await users.create(
        store,
        "user",
        token_digest="d" * 64,
        token_ciphertext="c" * 4096,
        fields=fields,
        service_roles=["push_worker", "admin_viewer"],
        memberships={other.id: ["publisher", "consumer"], project.id: []},
        created_by_id=admin.id,
    )
    assert made == await users.by_name(store, "user") == await users.by_id(store, made.id)
    assert (made.name, made.fields, made.created_by) == ("user", fields, "admin")
    assert made.service_roles == ("push_worker", "admin_viewer")
    assert made.token_ciphertext == "c" * 4096
    assert made.projects == (
        ProjectRoles(other.id, "OTHER", ("publisher", "consumer"), (), ()),
        ProjectRoles(project.id, "DEMO", (), (), ()),
    )
    assert made.created_on == made.modified_on
    assert listener.last == [Change("user", made.uuid, None, 0)]


async def test_a_record_in_a_log_does_not_show_the_stored_token(store: Store) -> None:
    made = await make_user(store, "user")
    assert made.token_ciphertext not in repr(made)


async def test_a_name_is_given_once(
    store: Store, other_store: Store, project: ProjectRecord
) -> None:
    """Contract: ams-users-metrics 14, number 48."""
    results = await asyncio.gather(
        *(
            users.create(
                node,
                "user",
                token_digest=digest(str(number)),
                token_ciphertext="",
                memberships={project.id: ["publisher"]},
            )
            for number, node in enumerate((store, other_store) * 3)
        ),
        return_exceptions=True,
    )
    losers = [result for result in results if isinstance(result, BaseException)]
    assert [str(loser) for loser in losers] == ["User already exists"] * 5
    assert {type(loser) for loser in losers} == {AlreadyExists}
    await make_user(store, "USER")


async def test_an_unknown_user_is_not_found(store: Store) -> None:
    for unknown in (
        users.by_name(store, "user"),
        users.by_name(store, "x" * 1000),
        users.by_name(store, "\ud800"),
        users.by_id(store, 999_999),
        users.delete(store, 999_999),
        users.set_token(store, 999_999, token_digest="", token_ciphertext=""),
    ):
        with pytest.raises(NotFound, match=r"^User doesn't exist$"):
            await unknown


async def test_a_name_that_is_too_long_is_the_callers_fault(store: Store) -> None:
    with pytest.raises(InvalidArgument):
        await make_user(store, "x" * 256)


async def test_a_creator_who_is_gone_can_make_nobody(store: Store) -> None:
    with pytest.raises(Unauthorized):
        await users.create(
            store, "user", token_digest="", token_ciphertext="", created_by_id=999_999
        )


async def test_a_deleted_creator_is_not_shown(store: Store) -> None:
    admin = await make_user(store, "admin")
    await users.create(store, "user", token_digest="", token_ciphertext="", created_by_id=admin.id)
    await users.delete(store, admin.id)
    assert (await users.by_name(store, "user")).created_by is None


class TestCaller:
    async def test_a_token_is_its_users(self, store: Store, project: ProjectRecord) -> None:
        other = await make_project(store, "OTHER")
        made = await users.create(
            store,
            "user",
            token_digest=digest("token"),
            token_ciphertext="",
            service_roles=["admin_viewer"],
            memberships={project.id: ["publisher", "consumer"], other.id: []},
        )
        caller = await users.caller(store, digest("token"))
        assert (caller.user_id, caller.uuid, caller.name) == (made.id, made.uuid, "user")
        assert caller.service_roles == {"admin_viewer"}
        assert caller.project_roles == {
            project.id: {"publisher", "consumer"},
            other.id: frozenset(),
        }

    async def test_an_unknown_token_is_nobodys(self, store: Store) -> None:
        for unknown in (digest("token"), "", "x" * 64):
            with pytest.raises(NotFound):
                await users.caller(store, unknown)

    async def test_a_new_token_takes_the_place_of_the_old_one(
        self, store: Store, listener: Listener
    ) -> None:
        made = await make_user(store, "user")
        await users.set_token(
            store, made.id, token_digest=digest("new"), token_ciphertext="new ciphertext"
        )
        assert (await users.caller(store, digest("new"))).user_id == made.id
        with pytest.raises(NotFound):
            await users.caller(store, digest(token_of("user")))
        changed = await users.by_id(store, made.id)
        assert changed.token_ciphertext == "new ciphertext"
        # Contract: ams-users-metrics 14, number 26.
        assert changed.modified_on == made.modified_on
        assert listener.last == [Change("user", made.uuid, None, 0)]

    async def test_a_deleted_users_token_is_nobodys(
        self, store: Store, project: ProjectRecord, listener: Listener
    ) -> None:
        made = await make_user(store, "user", project, "publisher")
        await users.delete(store, made.id)
        assert listener.last == [Change("user", made.uuid, None, None)]
        with pytest.raises(NotFound):
            await users.caller(store, digest(token_of("user")))
        with pytest.raises(NotFound):
            await users.by_name(store, "user")
        assert (await users.list_page(store, project_id=project.id)).total == 0


class TestProjects:
    async def test_they_name_what_the_user_may_use_oldest_first(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: ams-users-metrics 4.2."""
        other = await make_project(store, "OTHER")
        await users.create(
            store,
            "user",
            token_digest="",
            token_ciphertext="",
            memberships={project.id: ["publisher"], other.id: ["consumer"]},
        )
        made = [await make_topic(store, project, name) for name in ("b", "c", "a", "d")]
        for topic in (made[2], made[0], made[1]):
            await topics.set_acl(store, topic, ["user"])
        elsewhere = await make_topic(store, other, "x")
        for name in ("s2", "s1"):
            made_subscription = await make_subscription(store, other, elsewhere, name)
            await subscriptions.set_acl(store, made_subscription, ["user"])
        assert (await users.by_name(store, "user")).projects == (
            ProjectRoles(project.id, "DEMO", ("publisher",), ("b", "c", "a"), ()),
            ProjectRoles(other.id, "OTHER", ("consumer",), (), ("s2", "s1")),
        )

    async def test_deleted_ones_are_not_shown(self, store: Store, project: ProjectRecord) -> None:
        """Contract: ams-users-metrics 14, number 20."""
        await make_user(store, "user", project, "publisher")
        await projects.delete(store, project.id)
        assert (await users.by_name(store, "user")).projects == ()


class TestList:
    async def test_pages_go_from_the_newest_to_the_oldest(self, store: Store) -> None:
        """Contract: ams-users-metrics 5.1."""
        for number in range(5):
            await make_user(store, f"u{number}")
        seen, from_id = [], None
        for _ in range(3):
            page = await users.list_page(store, page_size=2, from_id=from_id)
            assert page.total == 5
            seen.append([user.name for user in page.items])
            from_id = page.next_id
        assert seen == [["u4", "u3"], ["u2", "u1"], ["u0"]]
        assert from_id is None

    async def test_it_can_be_limited_to_the_members_of_a_project(
        self, store: Store, project: ProjectRecord
    ) -> None:
        for number in range(4):
            await make_user(store, f"u{number}", project if number % 2 else None, "publisher")
        first = await users.list_page(store, page_size=1, project_id=project.id)
        assert [user.name for user in first.items] == ["u3"]
        assert first.total == 2
        last = await users.list_page(
            store, page_size=1, from_id=first.next_id, project_id=project.id
        )
        assert [user.name for user in last.items] == ["u1"]
        assert last.next_id is None

    async def test_projects_are_shown_with_details_only(
        self, store: Store, project: ProjectRecord
    ) -> None:
        made = await make_user(store, "user", project, "publisher")
        topic = await make_topic(store, project)
        await topics.set_acl(store, topic, ["user"])
        plain = await users.list_page(store)
        assert plain.items[0].projects == ()
        detailed = await users.list_page(store, details=True)
        assert detailed.items == (await users.by_id(store, made.id),)
        assert detailed.items[0].projects[0].topics == ("news",)

    async def test_details_show_all_projects_of_a_projects_members(
        self, store: Store, project: ProjectRecord
    ) -> None:
        """Contract: ams-users-metrics 6.1."""
        other = await make_project(store, "OTHER")
        await users.create(
            store,
            "user",
            token_digest="",
            token_ciphertext="",
            memberships={project.id: ["publisher"], other.id: ["consumer"]},
        )
        page = await users.list_page(store, project_id=project.id, details=True)
        assert [place.project for place in page.items[0].projects] == ["DEMO", "OTHER"]

    async def test_it_takes_as_many_statements_for_many_users_as_for_few(
        self, store: Store, project: ProjectRecord, statements: Statements
    ) -> None:
        topic = await make_topic(store, project)
        await make_subscription(store, project, topic)
        for number in range(20):
            await make_user(store, f"u{number}", project, "publisher")
        await topics.set_acl(store, topic, [f"u{number}" for number in range(20)])
        for project_id in (None, project.id):
            with statements:
                page = await users.list_page(store, project_id=project_id, details=True)
            assert len(page.items) == 20
            assert statements.count == 5


async def test_role_grants_are_read_by_route(store: Store) -> None:
    """Contract: ams-users-metrics 3.1."""
    assert (await grants.read(store)).by_route == {}

    async def insert() -> None:
        for route, role in (("a:b", "x"), ("a:b", "y"), ("A:b", "x")):
            await RoleGrant.create(route=route, role=role)

    await store.database.transaction(insert)
    assert (await grants.read(store)).by_route == {"a:b": {"x", "y"}, "A:b": {"x"}}
