"""The objects that answers hold, field by field as clients know them.

A field with a default is left out of an answer while it has that value.
"""

from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from ams.api import fields, formats
from ams.metadata.records import (
    ProjectRecord,
    SubscriptionRecord,
    TopicSummary,
    UserRecord,
)
from ams.metadata.records import ProjectRoles as ProjectRolesRecord

encode: Final = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, omit_defaults=True, gc=False):
    """Base of all answers."""


class Project(Answer):
    """A project (contract: ams-core 2.1)."""

    name: str
    created_on: fields.Time
    modified_on: fields.Time
    created_by: str = ""
    description: str = ""

    @classmethod
    def of(cls, record: ProjectRecord) -> "Project":
        return cls(
            name=record.name,
            created_on=formats.time_text(record.created_on),
            modified_on=formats.time_text(record.modified_on),
            created_by=record.created_by or "",
            description=record.description,
        )


class Projects(Answer):
    """All projects, oldest first (contract: O-10)."""

    projects: list[Project]


def topic_reference(project: str, topic: str) -> str:
    """A topic's full name, with the leading slash (contract: O-45)."""
    return f"/projects/{project}/topics/{topic}"


def schema_reference(project: str, schema: str) -> str:
    """A schema's full name, without a leading slash (contract: O-45)."""
    return f"projects/{project}/schemas/{schema}"


class Topic(Answer):
    """A topic (contract: ams-core 3.1). The retention is shown where the topic has its own."""

    name: fields.TopicName
    created_on: fields.Time
    schema: str = ""
    retention: fields.RetentionDuration = msgspec.field(default="", name="messageRetentionDuration")
    retention_bytes: fields.RetentionBytes = msgspec.field(default="", name="messageRetentionBytes")

    @classmethod
    def of(cls, record: TopicSummary) -> Self:
        seconds, size = record.retention_seconds, record.retention_bytes
        return cls(
            name=topic_reference(record.project, record.name),
            created_on=formats.time_text(record.created_on),
            schema=schema_reference(record.project, record.schema.name) if record.schema else "",
            retention="" if seconds is None else f"{seconds}s",
            retention_bytes="" if size is None else str(size),
        )


def subscription_reference(project: str, subscription: str) -> str:
    """A subscription's full name, with the leading slash (contract: O-45)."""
    return f"/projects/{project}/subscriptions/{subscription}"


class AuthorizationHeader(Answer):
    """What a push delivery sends as `Authorization`; empty for none."""

    type: str = ""
    value: str = ""


class RetryPolicy(Answer):
    """When a push delivery is tried again; `period` in milliseconds, 0 for `slowstart`.

    The published client can't do without a period, so it is there for `slowstart`, too (contract:
    O-50).
    """

    type: str = ""
    period: int | msgspec.UnsetType = msgspec.UNSET


class PushConfig(msgspec.Struct, rename="camel", gc=False):
    """Where messages are pushed to.

    Clients read the fields of one without push, too: none is ever left out (contract: ams-core
    4.2).
    """

    type: str = ""
    push_endpoint: str = ""
    max_messages: int = 0
    authorization_header: AuthorizationHeader = msgspec.field(default_factory=AuthorizationHeader)
    retry_policy: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    verification_hash: str = ""
    verified: bool = False
    mattermost_url: str = ""
    mattermost_username: str = ""
    mattermost_channel: str = ""
    base64_decode: bool = False


NO_PUSH: Final = PushConfig()


class Subscription(Answer, rename="camel", kw_only=True):
    """A subscription (contract: ams-core 4.1)."""

    name: fields.SubscriptionName
    topic: Annotated[str, Meta(description="The topic's full name, which stays if the topic goes.")]
    push_config: PushConfig
    ack_deadline_seconds: fields.AckDeadline
    push_status: Annotated[
        str, Meta(description="How push delivery fares, where its receiver is verified.")
    ] = ""
    created_on: fields.Time

    @classmethod
    def of(cls, record: SubscriptionRecord, push: PushConfig) -> Self:
        return cls(
            name=subscription_reference(record.project, record.name),
            topic=topic_reference(record.project, record.topic),
            push_config=push,
            ack_deadline_seconds=record.ack_deadline_seconds,
            created_on=formats.time_text(record.created_on),
        )


class PushStopped(Answer):
    """How push delivery of a deleted subscription has ended (contract: ams-core 4.6)."""

    message: str


class SubscriptionNames(Answer):
    """The full names of a topic's subscriptions, oldest first (contract: ams-core 3.10)."""

    subscriptions: list[fields.SubscriptionName]


class AccessList(Answer):
    """The names of the users on an access list (contract: ams-core 3.6)."""

    authorized_users: list[str]


class MessageIds(Answer, rename="camel"):
    """The ids of published messages, in their order (contract: ams-core 3.11)."""

    message_ids: list[fields.MessageId]


class Message(Answer, rename="camel"):
    """A message (contract: ams-core 5.4)."""

    data: fields.Data
    message_id: fields.MessageId
    publish_time: fields.Time
    attributes: fields.Attributes = {}


class ReceivedMessage(Answer, rename="camel"):
    """A message, and the id to acknowledge it by."""

    ack_id: fields.AckId
    message: Message


class ReceivedMessages(Answer, rename="camel"):
    """What a pull has found (contract: ams-core 5.4)."""

    received_messages: list[ReceivedMessage]


class Nothing(Answer):
    """An empty object, where clients read an answer as JSON."""


class Offsets(Answer):
    """End of the log, oldest message kept, and next message to deliver (contract: ams-core 6.3)."""

    max: Annotated[int, Meta(description="Offset that the next publish gets.", examples=[42])]
    min: Annotated[int, Meta(description="Offset of the oldest message kept.")]
    current: Annotated[int, Meta(description="Offset that the next pull begins at.", examples=[41])]


class Offset(Answer):
    """Offset of the first message at or after a time (contract: ams-core 6.5)."""

    offset: int


class ProjectRoles(Answer):
    """A user's place in one project (contract: ams-users-metrics 4.2)."""

    project: str
    roles: fields.Roles
    topics: list[str]
    subscriptions: list[str]

    @classmethod
    def of(cls, record: ProjectRolesRecord) -> "ProjectRoles":
        return cls(
            project=record.project,
            roles=list(record.roles),
            topics=list(record.topics),
            subscriptions=list(record.subscriptions),
        )


class User(Answer, kw_only=True):
    """A user (contract: ams-users-metrics 4.1)."""

    uuid: str
    projects: list[ProjectRoles] = []
    name: str
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""
    token: fields.Token = ""
    token_last_used: Annotated[
        str, Meta(description="When its token was last used, about; absent if it never was.")
    ] = ""
    email: str
    service_roles: list[str]
    created_on: fields.Time
    modified_on: fields.Time
    created_by: str = ""

    @classmethod
    def of(cls, record: UserRecord, token: str) -> "User":
        """The full view."""
        return cls(
            uuid=record.uuid,
            projects=[ProjectRoles.of(place) for place in record.projects],
            name=record.name,
            first_name=record.fields.first_name,
            last_name=record.fields.last_name,
            organization=record.fields.organization,
            description=record.fields.description,
            token=token,
            token_last_used=""
            if record.token_last_used is None
            else formats.time_text(record.token_last_used),
            email=record.fields.email,
            service_roles=list(record.service_roles),
            created_on=formats.time_text(record.created_on),
            modified_on=formats.time_text(record.modified_on),
            created_by=record.created_by or "",
        )


class Users(Answer, rename="camel"):
    """A page of users (contract: ams-users-metrics 4.3)."""

    users: list[User]
    next_page_token: fields.NextPageToken
    total_size: fields.TotalSize


class Version(Answer):
    """What the service runs on (contract: ams-core 9.1)."""

    build_time: str
    golang: str
    compiler: str
    os: str
    architecture: str
    release: str = ""
    hostname: str = ""


class PushServer(Answer):
    """Who pushes messages, and how it is."""

    endpoint: str
    status: str


class Status(Answer):
    """How the service is (contract: ams-core 9.2)."""

    status: str
    push_servers: list[PushServer] | msgspec.UnsetType = msgspec.UNSET
    push_functionality: str = ""
