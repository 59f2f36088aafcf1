"""What the metadata store hands out: plain, immutable values, safe to cache and to share.

Every `id` is the row's number in the database: unique in its kind, never used again, and larger
for what was created later. Every time is aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

ItemT = TypeVar("ItemT")

#: What a `Change` can be about.
ChangeKind = Literal["project", "topic", "subscription", "user"]


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project. `created_by` is its creator's name, None if there is no such user (any more)."""

    id: int
    uuid: str
    name: str
    description: str
    created_by: str | None
    created_on: datetime
    modified_on: datetime


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A topic. `project` is its project's name; `acl` holds the ids of users who may publish.

    A retention of None means the setting's default, 0 no limit.
    """

    id: int
    uuid: str
    project_id: int
    project: str
    name: str
    epoch: int
    retention_seconds: int | None
    retention_bytes: int | None
    acl: frozenset[int]
    created_on: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """A subscription. `acl` holds the ids of users who may consume.

    `topic` is a name that stays when the topic goes; `topic_uuid` is None from then on until a
    topic of that name exists again. `start_offset` is where a subscription begins whose cursor
    the message log does not know yet.
    """

    id: int
    uuid: str
    project_id: int
    project: str
    name: str
    epoch: int
    topic: str
    topic_uuid: str | None
    start_offset: int
    ack_deadline_seconds: int
    acl: frozenset[int]
    created_on: datetime


@dataclass(frozen=True, slots=True)
class UserFields:
    """What a user's creator may say about them."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ProjectRoles:
    """A user's place in one project.

    `topics` and `subscriptions` are the names of those whose access list holds the user, oldest
    first (contract: ams-users-metrics 4.2).
    """

    project_id: int
    project: str
    roles: tuple[str, ...]
    topics: tuple[str, ...]
    subscriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user, without the token itself: `token_ciphertext` is what `TokenBox` made of it."""

    id: int
    uuid: str
    name: str
    fields: UserFields
    service_roles: tuple[str, ...]
    projects: tuple[ProjectRoles, ...]
    token_ciphertext: str = field(repr=False)
    created_by: str | None
    created_on: datetime
    modified_on: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. The holder of the service token is no user: `user_id` is None then."""

    user_id: int | None
    uuid: str
    name: str
    service_roles: frozenset[str]
    project_roles: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class RoleGrants:
    """The operators' own rows of the role table: by route name, the roles that may use it."""

    by_route: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Part of a list, newest first.

    `next_id` is the id of the first item of the next page, None on the last one; `total` counts
    the items of all pages.
    """

    items: tuple[ItemT, ...]
    next_id: int | None
    total: int


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was committed.

    `uuid` names the project, topic, subscription or user. `topic_uuid` is the topic whose keys in
    the message log are concerned: for a topic its own uuid, for a subscription that of its topic,
    or None while it has none. `epoch` is the new epoch, None if the thing was deleted; projects
    and users have no epochs, theirs is 0 unless deleted.
    """

    kind: ChangeKind
    uuid: str
    topic_uuid: str | None
    epoch: int | None

    @property
    def deleted(self) -> bool:
        """Whether the thing is gone."""
        return self.epoch is None
