"""The objects that answers hold, field by field as clients know them.

A field with a default is left out of an answer while it has that value.
"""

from typing import Final

import msgspec

from ams.api import formats
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
    created_on: str
    modified_on: str
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


class Topic(Answer):
    """A topic (contract: ams-core 3.1). The retention is shown where the topic has its own."""

    name: str
    created_on: str
    retention: str = msgspec.field(default="", name="messageRetentionDuration")
    retention_bytes: str = msgspec.field(default="", name="messageRetentionBytes")

    @classmethod
    def of(cls, record: TopicSummary) -> "Topic":
        seconds, size = record.retention_seconds, record.retention_bytes
        return cls(
            name=topic_reference(record.project, record.name),
            created_on=formats.time_text(record.created_on),
            retention="" if seconds is None else f"{seconds}s",
            retention_bytes="" if size is None else str(size),
        )


class Topics(Answer, rename="camel"):
    """A page of topics (contract: ams-core 3.4)."""

    topics: list[Topic]
    next_page_token: str
    total_size: int


def subscription_reference(project: str, subscription: str) -> str:
    """A subscription's full name, with the leading slash (contract: O-45)."""
    return f"/projects/{project}/subscriptions/{subscription}"


class AuthorizationHeader(Answer):
    """What a push delivery sends as `Authorization`; empty for none."""

    type: str = ""
    value: str = ""


class RetryPolicy(Answer):
    """When a push delivery is tried again; `period` in milliseconds."""

    type: str = ""
    period: int = 0


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


class Subscription(Answer, rename="camel"):
    """A subscription (contract: ams-core 4.1)."""

    name: str
    topic: str
    push_config: PushConfig
    ack_deadline_seconds: int
    created_on: str

    @classmethod
    def of(cls, record: SubscriptionRecord) -> "Subscription":
        return cls(
            name=subscription_reference(record.project, record.name),
            topic=topic_reference(record.project, record.topic),
            push_config=NO_PUSH,
            ack_deadline_seconds=record.ack_deadline_seconds,
            created_on=formats.time_text(record.created_on),
        )


class Subscriptions(Answer, rename="camel"):
    """A page of subscriptions (contract: ams-core 4.5)."""

    subscriptions: list[Subscription]
    next_page_token: str
    total_size: int


class SubscriptionNames(Answer):
    """The full names of a topic's subscriptions, oldest first (contract: ams-core 3.10)."""

    subscriptions: list[str]


class AccessList(Answer):
    """The names of the users on an access list (contract: ams-core 3.6)."""

    authorized_users: list[str]


class MessageIds(Answer, rename="camel"):
    """The ids of published messages, in their order (contract: ams-core 3.11)."""

    message_ids: list[str]


class Message(Answer, rename="camel"):
    """A message; `data` is base64 as a rule (contract: ams-core 5.4)."""

    data: str
    message_id: str
    publish_time: str
    attributes: dict[str, str] = {}


class ReceivedMessage(Answer, rename="camel"):
    """A message, and the id to acknowledge it by."""

    ack_id: str
    message: Message


class ReceivedMessages(Answer, rename="camel"):
    """What a pull has found (contract: ams-core 5.4)."""

    received_messages: list[ReceivedMessage]


class Nothing(Answer):
    """An empty object, where clients read an answer as JSON."""


class Offsets(Answer):
    """End of the log, oldest message kept, and next message to deliver (contract: ams-core 6.3)."""

    max: int
    min: int
    current: int


class Offset(Answer):
    """Offset of the first message at or after a time (contract: ams-core 6.5)."""

    offset: int


class ProjectRoles(Answer):
    """A user's place in one project (contract: ams-users-metrics 4.2)."""

    project: str
    roles: list[str]
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
    token: str = ""
    email: str
    service_roles: list[str]
    created_on: str
    modified_on: str
    created_by: str = ""

    @classmethod
    def of(cls, record: UserRecord, token: str) -> "User":
        """The full view."""
        fields = record.fields
        return cls(
            uuid=record.uuid,
            projects=[ProjectRoles.of(place) for place in record.projects],
            name=record.name,
            first_name=fields.first_name,
            last_name=fields.last_name,
            organization=fields.organization,
            description=fields.description,
            token=token,
            email=fields.email,
            service_roles=list(record.service_roles),
            created_on=formats.time_text(record.created_on),
            modified_on=formats.time_text(record.modified_on),
            created_by=record.created_by or "",
        )


class Users(Answer, rename="camel"):
    """A page of users (contract: ams-users-metrics 4.3)."""

    users: list[User]
    next_page_token: str
    total_size: int


class Version(Answer):
    """What the service runs on (contract: ams-core 9.1)."""

    build_time: str
    golang: str
    compiler: str
    os: str
    architecture: str
    release: str = ""
    hostname: str = ""


class Status(Answer):
    """How the service is (contract: ams-core 9.2)."""

    status: str
    push_functionality: str
