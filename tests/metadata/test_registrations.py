"""Registrations (contract: ams-users-metrics 7)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ams.auth.tokens import digest
from ams.metadata import registrations, users
from ams.metadata.models import DESCRIPTION_LENGTH
from ams.metadata.records import Change, RegistrationRecord, UserFields, UserRecord
from ams.metadata.store import Store
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized
from tests.metadata.conftest import Listener, Statements
from tests.metadata.make import make_user

FIELDS = UserFields("a@b", "First", "Last", "Org", "Text")


async def register(
    store: Store, name: str = "user", fields: UserFields = FIELDS
) -> RegistrationRecord:
    return await registrations.create(
        store,
        name,
        activation_digest=digest(f"activation of {name}"),
        activation_ciphertext=f"ciphertext of {name}",
        fields=fields,
    )


async def accept(store: Store, uuid: str, by_id: int | None = None) -> UserRecord:
    return await registrations.accept(
        store, uuid, token_digest=digest(f"token of {uuid}"), token_ciphertext="c", by_id=by_id
    )


async def test_a_registration_is_read_as_it_was_made(store: Store, listener: Listener) -> None:
    heard = len(listener.heard)
    made = await register(store)
    assert made == await registrations.get(store, made.uuid)
    assert (made.name, made.fields, made.status) == ("user", FIELDS, "pending")
    assert (made.decline_comment, made.activation_ciphertext) == ("", "ciphertext of user")
    assert (made.modified_by, made.modified_at) == (None, None)
    assert abs(datetime.now(UTC) - made.registered_at) < timedelta(minutes=1)
    assert len(listener.heard) == heard


async def test_the_name_of_a_user_can_not_be_asked_for(store: Store) -> None:
    await make_user(store, "user")
    with pytest.raises(AlreadyExists, match=r"^User already exists$"):
        await register(store)
    await register(store, "User")
    await register(store, "User")


async def test_accepting_makes_the_user(store: Store, listener: Listener) -> None:
    admin = await make_user(store, "admin")
    made = await register(store)
    user = await accept(store, made.uuid, admin.id)
    assert (user.name, user.fields, user.created_by) == ("user", FIELDS, "admin")
    assert (user.service_roles, user.projects) == ((), ())
    assert user.uuid != made.uuid
    assert listener.last == [Change("user", user.uuid, None, 0)]
    assert (await users.caller(store, digest(f"token of {made.uuid}"))).user_id == user.id
    accepted = await registrations.get(store, made.uuid)
    assert (accepted.status, accepted.modified_by) == ("accepted", "admin")
    assert accepted.modified_at is not None
    assert accepted.activation_ciphertext is None
    found = await registrations.list_all(store, activation_digest=digest("activation of user"))
    assert found == []


async def test_declining_says_why(store: Store) -> None:
    made = await register(store)
    with pytest.raises(InvalidArgument):
        await registrations.decline(
            store, made.uuid, comment="x" * (DESCRIPTION_LENGTH + 1), by_id=None
        )
    await registrations.decline(store, made.uuid, comment="no", by_id=None)
    declined = await registrations.get(store, made.uuid)
    assert (declined.status, declined.decline_comment) == ("declined", "no")
    assert (declined.modified_by, declined.activation_ciphertext) == (None, None)
    assert declined.modified_at is not None
    assert (await users.list_page(store)).total == 0


async def test_only_what_is_pending_is_accepted_or_declined(store: Store) -> None:
    accepted, declined = await register(store, "a"), await register(store, "b")
    await accept(store, accepted.uuid)
    await registrations.decline(store, declined.uuid, comment="", by_id=None)
    for uuid in (accepted.uuid, declined.uuid, "unknown", "\ud800", "x" * 100, "x" * 1000):
        for refused in (
            accept(store, uuid),
            registrations.decline(store, uuid, comment="", by_id=None),
        ):
            with pytest.raises(NotFound, match=r"^User registration doesn't exist$"):
                await refused


async def test_a_name_that_was_taken_meanwhile_leaves_it_pending(store: Store) -> None:
    made = await register(store)
    await make_user(store, "user")
    with pytest.raises(AlreadyExists, match=r"^User already exists$"):
        await accept(store, made.uuid)
    assert await registrations.get(store, made.uuid) == made


async def test_who_is_gone_can_neither_accept_nor_decline(store: Store) -> None:
    made = await register(store)
    for refused in (
        accept(store, made.uuid, 999_999),
        registrations.decline(store, made.uuid, comment="", by_id=999_999),
    ):
        with pytest.raises(Unauthorized):
            await refused
    assert await registrations.get(store, made.uuid) == made


async def test_of_many_who_accept_at_once_one_makes_the_user(
    store: Store, other_store: Store
) -> None:
    made = await register(store)
    results = await asyncio.gather(
        *(accept(node, made.uuid) for node in (store, other_store) * 5), return_exceptions=True
    )
    assert sum(isinstance(result, UserRecord) for result in results) == 1
    assert sum(isinstance(result, NotFound) for result in results) == 9
    assert (await users.list_page(store)).total == 1


async def test_accepting_and_declining_at_once_is_one_of_the_two(
    store: Store, other_store: Store
) -> None:
    for turn in range(5):
        made = await register(store, f"u{turn}")
        accepted, declined = await asyncio.gather(
            accept(store, made.uuid),
            registrations.decline(other_store, made.uuid, comment="", by_id=None),
            return_exceptions=True,
        )
        left = await registrations.get(store, made.uuid)
        assert isinstance(accepted, UserRecord) == (left.status == "accepted")
        assert (declined is None) == (left.status == "declined")


async def test_a_deleted_one_is_gone_and_its_user_stays(store: Store) -> None:
    made = await register(store)
    await accept(store, made.uuid)
    await registrations.delete(store, made.uuid)
    assert (await users.by_name(store, "user")).name == "user"
    for gone in (
        registrations.get(store, made.uuid),
        registrations.delete(store, made.uuid),
        registrations.delete(store, "\ud800"),
    ):
        with pytest.raises(NotFound, match=r"^User registration doesn't exist$"):
            await gone


async def test_the_name_of_a_deleted_admin_is_not_shown(store: Store) -> None:
    admin = await make_user(store, "admin")
    made = await register(store)
    await registrations.decline(store, made.uuid, comment="", by_id=admin.id)
    assert (await registrations.get(store, made.uuid)).modified_by == "admin"
    await users.delete(store, admin.id)
    assert (await registrations.get(store, made.uuid)).modified_by is None


async def test_lists_match_exactly_oldest_first(store: Store, statements: Statements) -> None:
    """Contract: 7.5."""
    made = [
        await register(store, name, UserFields(email=email, organization=organization))
        for name, email, organization in (
            ("b", "x@y", "Org"),
            ("a", "x@y", "org"),
            ("a", "X@y", "Org "),
        )
    ]
    await registrations.decline(store, made[0].uuid, comment="", by_id=None)
    declined = await registrations.get(store, made[0].uuid)
    for filters, expected in (
        ({}, [declined, made[1], made[2]]),
        ({"status": "pending"}, made[1:]),
        ({"status": "declined"}, [declined]),
        ({"status": "unknown"}, []),
        ({"status": "x" * 100}, []),
        ({"name": "a"}, made[1:]),
        ({"name": "A"}, []),
        ({"name": "a "}, []),
        ({"email": "x@y"}, [declined, made[1]]),
        ({"organization": "Org"}, [declined]),
        ({"name": "a", "email": "X@y"}, [made[2]]),
        ({"activation_digest": digest("activation of a")}, made[1:]),
        ({"name": "\ud800"}, []),
        ({"name": "x" * 1000}, []),
    ):
        with statements:
            assert await registrations.list_all(store, **filters) == expected
        assert statements.count <= 1
