"""Users, and who a token belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import cast
from uuid import uuid4

from tortoise.queryset import QuerySet

from ams.metadata import names, paging
from ams.metadata.models import Membership, Project, SubscriptionAcl, TopicAcl, User
from ams.metadata.records import Caller, Change, Page, ProjectRoles, UserFields, UserRecord
from ams.metadata.store import Changes, Store
from ams.service.database import Duplicate, MissingParent
from ams.service.errors import AlreadyExists, NotFound

#: Most users whose projects one statement reads.
BATCH = 1000

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
        NotFound: A project, or the creator, is gone.
        InvalidArgument: A text is too long.
    """

    async def insert(changes: Changes) -> UserRecord:
        now = datetime.now(UTC)
        row = await User.create(
            uuid=str(uuid4()),
            name=name,
            email=fields.email,
            first_name=fields.first_name,
            last_name=fields.last_name,
            organization=fields.organization,
            description=fields.description,
            service_roles=list(service_roles),
            token_digest=token_digest,
            token_ciphertext=token_ciphertext,
            created_by_id=created_by_id,
            created_on=now,
            modified_on=now,
        )
        # One by one: their ids give their order.
        for project_id, roles in memberships.items():
            await Membership.create(user_id=row.id, project_id=project_id, roles=list(roles))
        changes.append(Change("user", row.uuid, None, 0))
        return await _load(User.filter(id=row.id))

    try:
        return await store.write(insert)
    except Duplicate:
        raise AlreadyExists("User") from None
    except MissingParent:
        raise NotFound("project" if memberships else "User") from None


async def by_name(store: Store, name: str) -> UserRecord:
    """Read a user.

    Raises:
        NotFound: There is none of that name.
    """
    if not names.can_exist(name):
        raise NotFound("User")
    async with store.database.reading():
        return await _load(User.filter(name=name))


async def by_id(store: Store, user_id: int) -> UserRecord:
    """Read a user.

    Raises:
        NotFound: There is no such user.
    """
    async with store.database.reading():
        return await _load(User.filter(id=user_id))


async def caller(store: Store, token_digest: str) -> Caller:
    """Whose token this is.

    Raises:
        NotFound: It is nobody's.
    """
    async with store.database.reading():
        row = await User.get_or_none(token_digest=token_digest)
        if row is None:
            raise NotFound("User")
        rows = await Membership.filter(user_id=row.id).values_list("project_id", "roles")
    memberships = cast("list[tuple[int, list[str]]]", rows)
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
            places.update(await _projects(ids[start : start + BATCH]))
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
        row = await _lock(user_id)
        row.token_digest = token_digest
        row.token_ciphertext = token_ciphertext
        await row.save()
        changes.append(Change("user", row.uuid, None, 0))

    await store.write(update)


async def delete(store: Store, user_id: int) -> None:
    """Delete a user, their memberships and their places on access lists.

    Topics and subscriptions keep their epochs: nobody can call as this user any more.

    Raises:
        NotFound: There is no such user.
    """

    async def remove(changes: Changes) -> None:
        row = await _lock(user_id)
        # These show their creator's name.
        projects = await Project.filter(created_by_id=user_id).values_list("uuid", flat=True)
        await row.delete()
        changes.append(Change("user", row.uuid, None, None))
        changes += [Change("project", uuid, None, 0) for uuid in cast("list[str]", projects)]

    await store.write(remove)


async def _lock(user_id: int) -> User:
    """A user's row, which nobody else can change before the end of the transaction."""
    row = await User.filter(id=user_id).select_for_update().first()
    if row is None:
        raise NotFound("User")
    return row


async def _load(rows: QuerySet[User]) -> UserRecord:
    row = await rows.select_related("created_by").first()
    if row is None:
        raise NotFound("User")
    return _record(row, (await _projects([row.id])).get(row.id, ()))


async def _projects(user_ids: Sequence[int]) -> dict[int, tuple[ProjectRoles, ...]]:
    """The projects of some users, in the order in which they joined; by user id."""
    topics: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    rows = await (
        TopicAcl.filter(user_id__in=user_ids)
        .order_by("topic_id")
        .values_list("user_id", "topic__project_id", "topic__name")
    )
    for user_id, project_id, name in cast("list[tuple[int, int, str]]", rows):
        topics[user_id, project_id].append(name)

    subscriptions: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    rows = await (
        SubscriptionAcl.filter(user_id__in=user_ids)
        .order_by("subscription_id")
        .values_list("user_id", "subscription__project_id", "subscription__name")
    )
    for user_id, project_id, name in cast("list[tuple[int, int, str]]", rows):
        subscriptions[user_id, project_id].append(name)

    places: defaultdict[int, list[ProjectRoles]] = defaultdict(list)
    memberships = (
        await Membership.filter(user_id__in=user_ids).order_by("id").select_related("project")
    )
    for membership in memberships:
        key = (membership.user_id, membership.project_id)
        places[membership.user_id].append(
            ProjectRoles(
                project_id=membership.project_id,
                project=membership.project.name,
                roles=tuple(membership.roles),
                topics=tuple(topics.get(key, ())),
                subscriptions=tuple(subscriptions.get(key, ())),
            )
        )
    return {user_id: tuple(projects) for user_id, projects in places.items()}


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
        created_by=None if row.created_by is None else row.created_by.name,
        created_on=row.created_on,
        modified_on=row.modified_on,
    )
