"""What the metadata store hands out: plain, immutable values, safe to cache and to share.

Every `id` is the row's number in the database: unique in its kind, never used again, and larger
for what was created later. Every time is aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

ItemT = TypeVar("ItemT")

#: What a `Change` can be about.
ChangeKind = Literal["project", "topic", "retired_topic", "subscription", "user"]
#: Where a registration stands.
RegistrationStatus = Literal["pending", "accepted", "declined"]


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
class SchemaReference:
    """A schema as lists of topics know it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class SchemaRecord(SchemaReference):
    """A schema. `project` is its project's name.

    `definition` is the JSON text of what `data` must match. `attributes_definition` is that of
    the attributes, None if they may be any.
    """

    uuid: str
    project_id: int
    project: str
    type: str
    definition: str
    attributes_definition: str | None
    created_on: datetime


@dataclass(frozen=True, slots=True)
class TopicSummary:
    """A topic as lists show it. `project` is its project's name.

    `acl` holds the ids of users who may publish. A retention of None means the setting's
    default, 0 no limit.
    """

    id: int
    uuid: str
    project_id: int
    project: str
    name: str
    epoch: int
    retention_seconds: int | None
    retention_bytes: int | None
    schema: SchemaReference | None
    acl: frozenset[int]
    created_on: datetime


@dataclass(frozen=True, slots=True)
class TopicRecord(TopicSummary):
    """A topic with all that a publish needs."""

    schema: SchemaRecord | None


@dataclass(frozen=True, slots=True)
class CountedTopic:
    """A topic that has, or had, messages. It may be deleted: their daily counts stay."""

    uuid: str
    project_id: int
    name: str


@dataclass(frozen=True, slots=True)
class PushConfig:
    """Where and how messages are pushed (contract: ams-core 4.2, 7.1).

    `authorization_ciphertext` is what `TokenBox` made of the header's value, empty if there is
    none. `retry_period` is in milliseconds.
    """

    type: str
    push_endpoint: str = ""
    max_messages: int = 1
    authorization_type: str = ""
    authorization_ciphertext: str = field(default="", repr=False)
    retry_type: str = ""
    retry_period: int = 0
    verification_hash: str = field(default="", repr=False)
    verified: bool = False
    mattermost_url: str = field(default="", repr=False)
    mattermost_username: str = ""
    mattermost_channel: str = ""
    base64_decode: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionRecord:
    """A subscription. `acl` holds the ids of users who may consume.

    `topic` is a name that stays when the topic goes; `topic_uuid` is None from then on until a
    topic of that name exists again. `start_offset` is where a subscription begins whose cursor
    the message log does not know yet. `push` is None if messages are only pulled.
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
    push: PushConfig | None
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
    """A user, without the token itself: `token_ciphertext` is what `TokenBox` made of it.

    `token_last_used` is None if the token never was, and may be a little late.
    """

    id: int
    uuid: str
    name: str
    fields: UserFields
    service_roles: tuple[str, ...]
    projects: tuple[ProjectRoles, ...]
    token_ciphertext: str = field(repr=False)
    token_last_used: datetime | None
    created_by: str | None
    created_on: datetime
    modified_on: datetime


@dataclass(frozen=True, slots=True)
class RegistrationRecord:
    """Somebody's request to become a user called `name`.

    `activation_ciphertext` is what `TokenBox` made of the activation token, None once the
    registration was accepted or declined. `modified_by` is the name of who did that.
    """

    id: int
    uuid: str
    name: str
    fields: UserFields
    status: RegistrationStatus
    decline_comment: str
    activation_ciphertext: str | None = field(repr=False)
    registered_at: datetime
    modified_by: str | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A host on which a broker runs: its CPU and memory use in percent, when last `seen`."""

    hostname: str
    cpu: float
    memory: float
    seen: datetime


@dataclass(frozen=True, slots=True)
class ProjectCounts:
    """How many things a project has."""

    topics: int = 0
    subscriptions: int = 0
    members: int = 0


@dataclass(frozen=True, slots=True)
class ProjectContents:
    """How many things go with a project. Entries of access lists: of all its lists together."""

    topics: int
    subscriptions: int
    schemas: int
    members: int
    acl_entries: int


@dataclass(frozen=True, slots=True)
class UserTraces:
    """How many things go with a user: memberships, and entries of access lists anywhere."""

    memberships: int
    acl_entries: int


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """How many access lists of a project hold one of its members."""

    user: str
    topics: int
    subscriptions: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what: `action` is the route's name, `resource` a path such as `/projects/P/topics/T`.

    The actor's uuid and name, and the resource, are those of the moment.
    """

    id: int
    at: datetime
    actor_uuid: str
    actor_name: str
    action: str
    resource: str
    project_uuid: str | None
    source: str
    trace_id: str
    # Any: what there is to say differs from action to action.
    detail: Mapping[str, Any]


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
    """Part of a list.

    `next_id` is the id of the first item of the next page, None on the last one; `next_name` its
    name if the list is in the order of names. `total` counts the items of all pages.
    """

    items: tuple[ItemT, ...]
    next_id: int | None
    total: int
    next_name: str | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Part of the audit trail, newest first; without a total, which would mean to read it all."""

    items: tuple[AuditEntry, ...]
    next_id: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was committed.

    `uuid` names the project, topic, subscription or user. `topic_uuid` is the topic whose keys in
    the message log are concerned: for a topic its own uuid, for a subscription that of its topic,
    or None while it has none. `epoch` is the new epoch, None if the thing was deleted; projects
    and users have no epochs, theirs is 0 unless deleted. A "retired_topic" goes with its project:
    nobody will ask for the daily counts of its messages any more.
    """

    kind: ChangeKind
    uuid: str
    topic_uuid: str | None
    epoch: int | None

    @property
    def deleted(self) -> bool:
        """Whether the thing is gone."""
        return self.epoch is None
