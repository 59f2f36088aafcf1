"""Users, and who a token belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import cast
from uuid import uuid4

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from ams.metadata import names, paging
from ams.metadata.memberships import join, lock_user, projects_of, replace, save_user
from ams.metadata.models import UUID_LENGTH, Membership, Project, User
from ams.metadata.records import Caller, Change, Page, ProjectRoles, UserFields, UserRecord
from ams.metadata.store import Changes, Store
from ams.metadata.user_notes import note_user
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized

#: Most users whose projects one statement reads.
BATCH = 1000
#: By how much the last use of a token that is noted may be older than the last one.
USE_PRECISION = timedelta(seconds=50)

_NO_MEMBERSHIPS: Mapping[int, Sequence[str]] = MappingProxyType({})
_NO_FIELDS = UserFields()


async def create(
    store: Store,
    name: str,
    *,
    token_digest: str,
    token_ciphertext: str,
    fields: UserFields = _NO_FIELDS,
    service_roles: Sequence[str] = (),
    memberships: Mapping[int, Sequence[str]] = _NO_MEMBERSHIPS,
    created_by_id: int | None = None,
) -> UserRecord:
    """Make a user.

    Args:
        store: The database.
        name: Their name.
        token_digest: By which their token is found.
        token_ciphertext: By which it can be shown again.
        fields: What else is known about them.
        service_roles: Their roles everywhere.
        memberships: Their roles in projects, by project id, in the order to be shown.
        created_by_id: Who makes them; None for the service token.

    Raises:
        AlreadyExists: The name is taken.
        NotFound: A project is gone.
        Unauthorized: The creator is gone, and so is their token.
        InvalidArgument: A text is too long.
    """

    async def insert(changes: Changes) -> UserRecord:
        row = await insert_row(
            name,
            token_digest=token_digest,
            token_ciphertext=token_ciphertext,
            fields=fields,
            service_roles=service_roles,
            created_by_id=created_by_id,
            changes=changes,
        )
        await join(row.id, memberships)
        record = await load(User.filter(id=row.id))
        note_user(record)
        return record

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("User") from None
    except MissingParent:
        raise (NotFound("project") if memberships else Unauthorized()) from None


async def by_name(store: Store, name: str) -> UserRecord:
    """Read a user.

    Raises:
        NotFound: There is none of that name.
    """
    if not names.can_exist(name):
        raise NotFound("User")
    async with store.database.reading():
        return await load(User.filter(name=name))


async def by_uuid(store: Store, uuid: str) -> UserRecord:
    """Read a user.

    Raises:
        NotFound: There is none of that uuid.
    """
    if not names.can_exist(uuid, UUID_LENGTH):
        raise NotFound("User")
    async with store.database.reading():
        return await load(User.filter(uuid=uuid))


async def by_digest(store: Store, token_digest: str) -> UserRecord:
    """Read the user whose token has this digest.

    Raises:
        NotFound: It is nobody's.
    """
    async with store.database.reading():
        return await load(User.filter(token_digest=token_digest))


async def by_id(store: Store, user_id: int) -> UserRecord:
    """Read a user.

    Raises:
        NotFound: There is no such user.
    """
    async with store.database.reading():
        return await load(User.filter(id=user_id))


async def caller(store: Store, token_digest: str) -> Caller:
    """Whose token this is.

    Raises:
        NotFound: It is nobody's.
    """
    async with store.database.reading():
        return await _caller(User.filter(token_digest=token_digest))


async def caller_of_uuid(store: Store, uuid: str) -> Caller:
    """Who calls as the user of this uuid.

    Raises:
        NotFound: There is none.
    """
    if not names.can_exist(uuid, UUID_LENGTH):
        raise NotFound("User")
    async with store.database.reading():
        found = await _caller(User.filter(uuid=uuid))
    # MySQL takes text with spaces behind it for the same text.
    if found.uuid != uuid:
        raise NotFound("User")
    return found


async def caller_named(store: Store, name: str) -> Caller:
    """Who would call with the token of the user of this name.

    Raises:
        NotFound: There is none.
    """
    if not names.can_exist(name):
        raise NotFound("User")
    async with store.database.reading():
        return await _caller(User.filter(name=name))


async def _caller(rows: QuerySet[User]) -> Caller:
    row = await rows.first()
    if row is None:
        raise NotFound("User")
    places = await Membership.filter(user_id=row.id).values_list("project_id", "roles")
    memberships = cast("list[tuple[int, list[str]]]", places)
    return Caller(
        user_id=row.id,
        uuid=row.uuid,
        name=row.name,
        service_roles=frozenset(row.service_roles),
        project_roles={project_id: frozenset(roles) for project_id, roles in memberships},
    )


async def list_page(
    store: Store,
    *,
    page_size: int = 0,
    from_id: int | None = None,
    project_id: int | None = None,
    details: bool = False,
) -> Page[UserRecord]:
    """Part of all users, newest first.

    Args:
        store: The database.
        page_size: Most users; 0 and less mean all.
        from_id: Where the page begins: `next_id` of the one before it.
        project_id: Only members of this project.
        details: Whether to read their projects; without, they appear to have none.
    """
    async with store.database.reading():
        query = User.all().select_related("created_by")
        if project_id is not None:
            query = query.filter(memberships__project_id=project_id)
        page = await paging.cut(query, page_size, from_id)
        ids = [row.id for row in page.rows] if details else []
        places: dict[int, tuple[ProjectRoles, ...]] = {}
        for start in range(0, len(ids), BATCH):
            places.update(await projects_of(ids[start : start + BATCH]))
    items = tuple(_record(row, places.get(row.id, ())) for row in page.rows)
    return Page(items, page.next_id, page.total)


async def set_token(
    store: Store, user_id: int, *, token_digest: str, token_ciphertext: str
) -> None:
    """Give a user another token. When they were last modified stays (contract: #26).

    Raises:
        NotFound: There is no such user.
    """

    async def update(changes: Changes) -> None:
        row = await lock_user(user_id)
        row.token_digest = token_digest
        row.token_ciphertext = token_ciphertext
        await row.save()
        changes.append(Change("user", row.uuid, None, 0))

    await store.write(update)


async def update(
    store: Store,
    user_id: int,
    *,
    name: str | None = None,
    fields: UserFields = _NO_FIELDS,
    memberships: Mapping[int, Sequence[str]] | None = None,
    service_roles: Sequence[str] | None = None,
) -> UserRecord:
    """Change what is known about a user. None and empty texts leave things as they are.

    Args:
        store: The database.
        user_id: The user.
        name: Their new name.
        fields: What else is known about them.
        memberships: All their projects from now on, as in `create`.
        service_roles: All their roles everywhere from now on.

    Raises:
        InvalidArgument: The name is taken, or a text is too long.
        NotFound: The user, or a project, is gone.
    """

    async def change(changes: Changes) -> UserRecord:
        row = await lock_user(user_id)
        before = await load(User.filter(id=user_id))
        if name and name != row.name:
            row.name = name
            # These show their creator's name.
            changes += await _created_projects(user_id)
        texts = {key: text for key, text in asdict(fields).items() if text}
        row.update_from_dict(texts)
        if service_roles is not None:
            row.service_roles = list(service_roles)
        if memberships is not None:
            await replace(user_id, memberships)
        await save_user(row, changes)
        after = await load(User.filter(id=user_id))
        note_user(after, before)
        return after

    try:
        return await store.write(change)
    except Duplicate:
        raise InvalidArgument("invalid user name change, name already exists") from None
    except MissingParent:
        raise NotFound("project") from None


async def token_used(store: Store, user_ids: Iterable[int], at: datetime) -> None:
    """Note that these users' tokens were used, for the last time no later than `at`.

    It is not written where another use is noted that is hardly older. No change that anybody hears
    of. Users who are gone don't matter.

    Raises:
        Unavailable: The database can't be reached. Some may be noted by then.
    """
    ids = sorted(set(user_ids))
    for start in range(0, len(ids), BATCH):

        async def update(batch: Sequence[int] = ids[start : start + BATCH]) -> None:
            earlier = Q(token_last_used__isnull=True) | Q(token_last_used__lt=at - USE_PRECISION)
            await User.filter(earlier, id__in=batch).update(token_last_used=at)

        await store.database.transaction(update)


async def delete(store: Store, user_id: int) -> None:
    """Delete a user, their memberships and their places on access lists.

    Topics and subscriptions keep their epochs: nobody can call as this user any more.

    Raises:
        NotFound: There is no such user.
    """

    async def remove(changes: Changes) -> None:
        row = await lock_user(user_id)
        projects = await _created_projects(user_id)
        await row.delete()
        changes.append(Change("user", row.uuid, None, None))
        changes += projects

    await store.write(remove)


async def insert_row(
    name: str,
    *,
    token_digest: str,
    token_ciphertext: str,
    fields: UserFields,
    service_roles: Sequence[str] = (),
    created_by_id: int | None,
    changes: Changes,
) -> User:
    """Make a user, as a part of the caller's transaction."""
    now = datetime.now(UTC)
    row = await User.create(
        uuid=str(uuid4()),
        name=name,
        **asdict(fields),
        service_roles=list(service_roles),
        token_digest=token_digest,
        token_ciphertext=token_ciphertext,
        created_by_id=created_by_id,
        created_on=now,
        modified_on=now,
    )
    changes.append(Change("user", row.uuid, None, 0))
    return row


async def _created_projects(user_id: int) -> list[Change]:
    """Changes of the projects that show this user as their creator."""
    projects = await Project.filter(created_by_id=user_id).values_list("uuid", flat=True)
    return [Change("project", uuid, None, 0) for uuid in cast("list[str]", projects)]


async def load(rows: QuerySet[User]) -> UserRecord:
    """The first of these users; a part of the caller's reading or transaction.

    Raises:
        NotFound: There is none.
    """
    row = await rows.select_related("created_by").first()
    if row is None:
        raise NotFound("User")
    return _record(row, (await projects_of([row.id])).get(row.id, ()))


def _record(row: User, projects: tuple[ProjectRoles, ...]) -> UserRecord:
    return UserRecord(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        fields=UserFields(
            email=row.email,
            first_name=row.first_name,
            last_name=row.last_name,
            organization=row.organization,
            description=row.description,
        ),
        service_roles=tuple(row.service_roles),
        projects=projects,
        token_ciphertext=row.token_ciphertext,
        token_last_used=row.token_last_used,
        created_by=None if row.created_by is None else row.created_by.name,
        created_on=row.created_on,
        modified_on=row.modified_on,
    )
