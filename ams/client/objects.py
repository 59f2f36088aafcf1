"""What the API sends and takes, as types. Fields are named as in Python, JSON keys as on the wire.

Encoding an object with `msgspec.json` gives the JSON that the broker sent. Users are in
`user_objects.py`, metrics in `metric_objects.py`, how topics and subscriptions fare in
`statistics_objects.py`, and what something would do in `preview_objects.py`.
"""

import base64
import binascii
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from ams.client.statistics_objects import PushStatistics, SubscriptionStatistics, TopicStatistics


class Project(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A project; `created_by` is a user's name, empty for the service token."""

    name: str
    created_on: datetime
    modified_on: datetime
    created_by: str = ""
    description: str = ""


class ProjectList(Struct, frozen=True):
    """All projects."""

    # contract: O-10 - the reference leaves the key out when there are none.
    projects: tuple[Project, ...] = ()


class Topic(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic.

    Attributes:
        name: `/projects/PROJECT/topics/TOPIC`.
        schema: reference of its schema, empty for none.
        retention_duration: how long it keeps messages, such as `604800s`; empty for the broker's
            default.
        retention_bytes: how many bytes it keeps; empty for the broker's default.
        statistics: how it fares; told in full lists only.
    """

    name: str
    schema: str = ""
    created_on: datetime
    retention_duration: str = field(default="", name="messageRetentionDuration")
    retention_bytes: str = field(default="", name="messageRetentionBytes")
    statistics: TopicStatistics | None = None

    @property
    def short_name(self) -> str:
        """The name within its project."""
        return self.name.rpartition("/")[2]


class TopicPage(Struct, frozen=True, rename="camel"):
    """Some of a project's topics; an empty `next_page_token` ends the list."""

    topics: tuple[Topic, ...]
    next_page_token: str
    total_size: int

    @property
    def items(self) -> tuple[Topic, ...]:
        """What the page holds."""
        return self.topics


class Schema(Struct, frozen=True, kw_only=True):
    """What messages must look like.

    Attributes:
        uuid: its identity; a new name leaves it.
        name: `projects/PROJECT/schemas/SCHEMA`.
        type: `json` or `avro`; empty if data may be anything.
        schema: what data must match.
        attributes_schema: what attributes must match; None if they may be any.
    """

    uuid: str
    name: str
    type: str
    # Any, here and below: it is whatever JSON its author wrote.
    schema: dict[str, Any] | None
    attributes_schema: dict[str, Any] | None = field(default=None, name="attributesSchema")

    @property
    def short_name(self) -> str:
        """The name within its project."""
        return self.name.rpartition("/")[2]


class SchemaList(Struct, frozen=True):
    """All schemas of a project."""

    schemas: tuple[Schema, ...]


class AuditEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A change: who made it, what it was, when, from where, and in which request."""

    time: str
    actor: str
    actor_uuid: str
    action: str
    resource: str
    source: str
    trace_id: str
    # Any: what there is to say differs from action to action.
    detail: dict[str, Any]


class AuditPage(Struct, frozen=True, rename="camel"):
    """Some changes, newest first; an empty `next_page_token` ends the list."""

    entries: tuple[AuditEntry, ...]
    next_page_token: str

    @property
    def items(self) -> tuple[AuditEntry, ...]:
        """What the page holds."""
        return self.entries


class AuthorizationHeader(Struct, frozen=True, omit_defaults=True):
    """What push delivery sends as `Authorization`: type `autogen`, or `disabled` for nothing."""

    type: str = ""
    value: str = ""


class RetryPolicy(Struct, frozen=True, omit_defaults=True):
    """How push delivery tries again: type `linear` or `slowstart`; `period` in milliseconds."""

    type: str = ""
    period: int = 0


class PushConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a subscription's messages are pushed; empty values for one that is pulled.

    Attributes:
        type: `http_endpoint` or `mattermost`.
        push_endpoint: https URL that gets them, once it is verified.
        max_messages: the most in one request.
        verification_hash: what the endpoint has to answer to `GET /ams_verification_hash`.
        base64_decode: whether data is sent decoded, as a text.
    """

    type: str = ""
    push_endpoint: str = ""
    max_messages: int = 0
    authorization_header: AuthorizationHeader = AuthorizationHeader()
    retry_policy: RetryPolicy = RetryPolicy()
    verification_hash: str = ""
    verified: bool = False
    mattermost_url: str = ""
    mattermost_username: str = ""
    mattermost_channel: str = ""
    base64_decode: bool = False


class Subscription(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A subscription.

    Attributes:
        name: `/projects/PROJECT/subscriptions/SUBSCRIPTION`.
        topic: `/projects/PROJECT/topics/TOPIC`, also after that topic is gone.
        push_status: how push delivery fares; empty if there is none.
        push_statistics: the same in numbers; None if there is none, and in lists.
        statistics: how it fares; told in full lists only.
    """

    name: str
    topic: str
    push_config: PushConfig
    ack_deadline_seconds: int
    push_status: str = ""
    created_on: datetime
    push_statistics: PushStatistics | None = None
    statistics: SubscriptionStatistics | None = None

    @property
    def short_name(self) -> str:
        """The name within its project."""
        return self.name.rpartition("/")[2]

    @property
    def topic_short_name(self) -> str:
        """The topic's name within the project."""
        return self.topic.rpartition("/")[2]


class SubscriptionPage(Struct, frozen=True, rename="camel"):
    """Some of a project's subscriptions; an empty `next_page_token` ends the list."""

    subscriptions: tuple[Subscription, ...]
    next_page_token: str
    total_size: int

    @property
    def items(self) -> tuple[Subscription, ...]:
        """What the page holds."""
        return self.subscriptions


class SubscriptionNames(Struct, frozen=True):
    """Full names of the subscriptions of a topic."""

    subscriptions: tuple[str, ...]


class Acl(Struct, frozen=True):
    """Names of the users who may use a topic or a subscription."""

    authorized_users: tuple[str, ...]


class OutgoingMessage(Struct, frozen=True, omit_defaults=True):
    """A message to publish; its data may be any bytes."""

    data: bytes = b""
    attributes: dict[str, str] = {}

    def __post_init__(self) -> None:
        data: object = self.data
        if isinstance(data, str):
            # As JSON it would pass for the base64 of something else.
            raise TypeError("the data of a message is bytes: encode text first")


class MessageIds(Struct, frozen=True, rename="camel"):
    """The ids of published messages, in the order they were given."""

    message_ids: tuple[str, ...]


class Message(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message as it is pulled.

    Attributes:
        message_id: its position in the topic, a decimal number.
        encoded_data: data as it was published: base64, unless the publisher sent something else.
        publish_time: UTC, RFC 3339 with up to nanoseconds, which a datetime could not hold.
    """

    message_id: str
    attributes: dict[str, str] = {}
    encoded_data: str = field(name="data")
    publish_time: str

    @property
    def data(self) -> bytes:
        """The data, decoded.

        Raises:
            ValueError: what was published is not base64, which the broker does not ask for.
        """
        try:
            return base64.b64decode(self.encoded_data, validate=True)
        except binascii.Error as error:
            raise ValueError(f"the data of message {self.message_id} is not base64") from error


class PeekedMessages(Struct, frozen=True, kw_only=True, rename="camel"):
    """Some messages of a topic, in their order.

    Attributes:
        messages: what was asked for.
        first_offset: id of the first message that was looked at.
        next_offset: where to go on; `end` if all was looked at.
        oldest: id of the oldest message that is kept.
        end: id that the next published message will get.
    """

    messages: tuple[Message, ...]
    first_offset: int
    next_offset: int
    oldest: int
    end: int


class ReceivedMessage(Struct, frozen=True, rename="camel"):
    """A pulled message, and the id that acknowledges it and all before it."""

    ack_id: str
    message: Message


class PulledMessages(Struct, frozen=True, rename="camel"):
    """The answer to a pull."""

    received_messages: tuple[ReceivedMessage, ...]


class Offsets(Struct, frozen=True):
    """Where a subscription stands in its topic.

    Attributes:
        max: id that the next published message will get.
        min: id of the oldest message that is kept.
        current: id of the next message to pull.
    """

    max: int
    min: int
    current: int


class OffsetAtTime(Struct, frozen=True):
    """The first message published at or after some time."""

    offset: int


class PushServer(Struct, frozen=True):
    """A worker that delivers push messages, and how it is."""

    endpoint: str
    status: str


class Status(Struct, frozen=True, omit_defaults=True):
    """How the broker is; it has either `push_servers` or `push_functionality`."""

    status: str
    push_servers: tuple[PushServer, ...] = ()
    push_functionality: str = ""


class Version(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the broker runs on; `release` is told to administrators only."""

    release: str = ""
    build_time: str
    golang: str
    compiler: str
    os: str
    architecture: str
    distro: str = ""
    hostname: str = ""
