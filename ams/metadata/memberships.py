"""Memberships: users' roles in projects.

The functions here are parts of a reading or a transaction that the caller has opened. All of a
user's memberships change under the lock of the user's row, so one change after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from ams.metadata.models import Membership, SubscriptionAcl, TopicAcl, User
from ams.metadata.records import Change, ProjectRoles
from ams.metadata.store import Changes
from ams.service.errors import NotFound


async def lock_user(user_id: int) -> User:
    """A user's row, which nobody else can change before the end of the transaction.

    Raises:
        NotFound: There is no such user.
    """
    row = await User.filter(id=user_id).select_for_update().first()
    if row is None:
        raise NotFound("User")
    return row


async def save_user(row: User, changes: Changes) -> None:
    """Save a locked user, as modified now."""
    row.modified_on = datetime.now(UTC)
    await row.save()
    changes.append(Change("user", row.uuid, None, 0))


async def join(user_id: int, roles: Mapping[int, Sequence[str]]) -> None:
    """Make a user a member of these projects, in this order; their roles by project id."""
    # One by one: their ids give their order.
    for project_id, names in roles.items():
        await Membership.create(user_id=user_id, project_id=project_id, roles=list(names))


async def replace(user_id: int, roles: Mapping[int, Sequence[str]]) -> None:
    """Make these the only projects of a locked user."""
    await Membership.filter(user_id=user_id).delete()
    await join(user_id, roles)


async def introduce(user_id: int, project_id: int, changes: Changes) -> None:
    """Make sure that a user is a member of a project, if need be one without roles.

    Raises:
        NotFound: There is no such user.
    """
    row = await lock_user(user_id)
    if not await Membership.exists(user_id=user_id, project_id=project_id):
        await join(user_id, {project_id: ()})
        changes.append(Change("user", row.uuid, None, 0))


async def projects_of(user_ids: Sequence[int]) -> dict[int, tuple[ProjectRoles, ...]]:
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
