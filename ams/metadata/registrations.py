"""Registrations: requests for accounts, which wait for an admin (contract: ams-users-metrics 7)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from tortoise.queryset import QuerySet

from ams.metadata import audit, names, users
from ams.metadata.models import KIND_LENGTH, TEXT_LENGTH, UUID_LENGTH, Registration, User
from ams.metadata.records import (
    RegistrationRecord,
    RegistrationStatus,
    UserFields,
    UserRecord,
)
from ams.metadata.store import Changes, Store
from ams.metadata.user_notes import note_texts
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, NotFound, Unauthorized


async def create(
    store: Store,
    name: str,
    *,
    activation_digest: str,
    activation_ciphertext: str,
    fields: UserFields,
) -> RegistrationRecord:
    """Ask for an account. Several may ask for the same name; the first that is accepted gets it.

    Args:
        store: The database.
        name: The name of the user to be.
        activation_digest: By which the activation token is found.
        activation_ciphertext: By which it can be shown again.
        fields: What else is known about them.

    Raises:
        AlreadyExists: There is a user of that name.
        InvalidArgument: A text is too long.
    """

    async def insert(changes: Changes) -> RegistrationRecord:
        del changes  # Nobody caches registrations.
        if names.can_exist(name) and await User.exists(name=name):
            raise AlreadyExists("User")
        row = await Registration.create(
            uuid=str(uuid4()),
            name=name,
            **asdict(fields),
            status="pending",
            decline_comment="",
            activation_digest=activation_digest,
            activation_ciphertext=activation_ciphertext,
            registered_at=datetime.now(UTC),
        )
        audit.has_made(row.uuid)
        audit.note(name=name)
        note_texts(fields)
        return await _load(row.uuid)

    return await store.write(insert)


async def get(store: Store, uuid: str) -> RegistrationRecord:
    """Read a registration.

    Raises:
        NotFound: There is none of that uuid.
    """
    async with store.database.reading():
        return await _load(uuid)


async def list_all(
    store: Store,
    *,
    status: str | None = None,
    activation_digest: str | None = None,
    name: str | None = None,
    email: str | None = None,
    organization: str | None = None,
) -> list[RegistrationRecord]:
    """The registrations that match all that is given, oldest first."""
    given = {
        "status": status,
        "activation_digest": activation_digest,
        "name": name,
        "email": email,
        "organization": organization,
    }
    wanted = {key: text for key, text in given.items() if text is not None}
    lengths = {"status": KIND_LENGTH}
    if not all(
        names.can_exist(text, lengths.get(key, TEXT_LENGTH)) for key, text in wanted.items()
    ):
        return []
    async with store.database.reading():
        rows = await Registration.filter(**wanted).order_by("id").select_related("modified_by")
    # MySQL ignores blanks at the end.
    return [
        _record(row)
        for row in rows
        if all(getattr(row, key) == text for key, text in wanted.items())
    ]


async def accept(
    store: Store, uuid: str, *, token_digest: str, token_ciphertext: str, by_id: int | None
) -> UserRecord:
    """Make the user that a pending registration asks for.

    Args:
        store: The database.
        uuid: The registration.
        token_digest: By which the user's token is found.
        token_ciphertext: By which it can be shown again.
        by_id: Who accepts; None for the service token.

    Raises:
        NotFound: There is no such registration that is pending.
        Unauthorized: Whoever accepts is gone, and so is their token.
        AlreadyExists: There is a user of that name. The registration stays pending.
    """

    async def insert(changes: Changes) -> UserRecord:
        row = await _lock_pending(uuid)
        audit.note(name=row.name)
        user = await users.insert_row(
            row.name,
            token_digest=token_digest,
            token_ciphertext=token_ciphertext,
            fields=_fields(row),
            created_by_id=by_id,
            changes=changes,
        )
        await _close(row, "accepted", "", by_id)
        return await users.load(User.filter(id=user.id))

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("User") from None
    except MissingParent:
        raise Unauthorized from None


async def decline(store: Store, uuid: str, *, comment: str, by_id: int | None) -> None:
    """Refuse a pending registration.

    Raises:
        NotFound: There is no such registration that is pending.
        Unauthorized: Whoever declines is gone, and so is their token.
        InvalidArgument: The comment is too long.
    """

    async def update(changes: Changes) -> None:
        del changes  # Nobody caches registrations.
        row = await _lock_pending(uuid)
        audit.note(name=row.name, comment=comment)
        await _close(row, "declined", comment, by_id)

    try:
        await store.write(update)
    except MissingParent:
        raise Unauthorized from None


async def delete(store: Store, uuid: str) -> None:
    """Delete a registration, whatever its state. A user made from it stays.

    Raises:
        NotFound: There is none of that uuid.
    """

    async def remove(changes: Changes) -> None:
        del changes  # Nobody caches registrations.
        row = await _lock(uuid)
        audit.note(name=row.name, status=row.status)
        await row.delete()

    await store.write(remove)


def _of(uuid: str) -> QuerySet[Registration]:
    return Registration.filter(uuid=uuid if names.can_exist(uuid, UUID_LENGTH) else "")


async def _lock(uuid: str) -> Registration:
    """A row, which nobody else can change before the end of the transaction."""
    row = await _of(uuid).select_for_update().first()
    if row is None:
        raise NotFound("User registration")
    return row


async def _lock_pending(uuid: str) -> Registration:
    row = await _lock(uuid)
    if row.status != "pending":
        raise NotFound("User registration")
    return row


async def _close(
    row: Registration, status: RegistrationStatus, comment: str, by_id: int | None
) -> None:
    row.status = status
    row.decline_comment = comment
    row.activation_digest = None
    row.activation_ciphertext = None
    row.modified_by_id = by_id
    row.modified_at = datetime.now(UTC)
    await row.save()


async def _load(uuid: str) -> RegistrationRecord:
    row = await _of(uuid).select_related("modified_by").first()
    if row is None:
        raise NotFound("User registration")
    return _record(row)


def _fields(row: Registration) -> UserFields:
    return UserFields(
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        organization=row.organization,
        description=row.description,
    )


def _record(row: Registration) -> RegistrationRecord:
    return RegistrationRecord(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        fields=_fields(row),
        status=cast("RegistrationStatus", row.status),
        decline_comment=row.decline_comment,
        activation_ciphertext=row.activation_ciphertext,
        registered_at=row.registered_at,
        modified_by=None if row.modified_by is None else row.modified_by.name,
        modified_at=row.modified_at,
    )
