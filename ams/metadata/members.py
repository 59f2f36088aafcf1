"""The members of a project (contract: ams-users-metrics 6). A list of them: `users.list_page`."""

from __future__ import annotations

from collections.abc import Sequence

from ams.metadata import acls, audit, names, users
from ams.metadata.memberships import join, save_user
from ams.metadata.models import Membership, User
from ams.metadata.records import UserRecord
from ams.metadata.store import Changes, Store
from ams.service.database import MissingParent
from ams.service.errors import Conflict, Forbidden, NotFound


class AlreadyMember(Conflict):
    """409: the user is one already (contract: 6.5)."""

    def __init__(self) -> None:
        super().__init__("User is already a member of the project")


class NotMember(Forbidden):
    """403: the user is none (contract: 6.4, 6.6)."""

    def __init__(self) -> None:
        super().__init__(
            "Access to this resource is forbidden. User is not a member of the project"
        )


async def get(store: Store, project_id: int, name: str) -> UserRecord:
    """Read a member of a project, with all their projects.

    Raises:
        NotFound: There is no user of that name, or they are no member.
    """
    if not names.can_exist(name):
        raise NotFound("User")
    async with store.database.reading():
        return await users.load(User.filter(name=name, memberships__project_id=project_id))


async def require(store: Store, project_id: int, user_names: Sequence[str]) -> None:
    """Make sure that these are members of a project, now.

    Raises:
        UsersNotFound: Some are not; it names them as often as `user_names` does.
    """
    async with store.database.reading():
        await acls.members(project_id, user_names, lock=False)


async def add(store: Store, project_id: int, name: str, roles: Sequence[str]) -> UserRecord:
    """Make a user a member of a project.

    Raises:
        NotFound: There is no user of that name, or the project is gone.
        AlreadyMember: They are one already.
    """

    async def insert(changes: Changes) -> UserRecord:
        row = await _lock(name)
        if await Membership.exists(user_id=row.id, project_id=project_id):
            raise AlreadyMember
        await join(row.id, {project_id: roles})
        await save_user(row, changes)
        return await users.load(User.filter(id=row.id))

    try:
        return await store.write(insert)
    except MissingParent:
        raise NotFound("project") from None


async def set_roles(store: Store, project_id: int, name: str, roles: Sequence[str]) -> UserRecord:
    """Replace a member's roles in a project.

    Raises:
        NotFound: There is no user of that name.
        NotMember: They are no member.
    """

    async def update(changes: Changes) -> UserRecord:
        row = await _lock(name)
        membership = await _membership(row, project_id)
        membership.roles = list(roles)
        await membership.save()
        await save_user(row, changes)
        return await users.load(User.filter(id=row.id))

    return await store.write(update)


async def remove(store: Store, project_id: int, name: str) -> None:
    """End a membership. Access lists keep the user, who can't call any more.

    Raises:
        NotFound: There is no user of that name.
        NotMember: They are no member.
    """

    async def delete(changes: Changes) -> None:
        row = await _lock(name)
        membership = await _membership(row, project_id)
        await membership.delete()
        audit.note(removed_roles=membership.roles)
        await save_user(row, changes)

    await store.write(delete)


async def _lock(name: str) -> User:
    """The row of the user of that name, which nobody else can change meanwhile."""
    row = None
    if names.can_exist(name):
        row = await User.filter(name=name).select_for_update().first()
    if row is None:
        raise NotFound("User")
    return row


async def _membership(row: User, project_id: int) -> Membership:
    membership = await Membership.get_or_none(user_id=row.id, project_id=project_id)
    if membership is None:
        raise NotMember
    return membership
