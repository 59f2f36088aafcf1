"""The Python client library of AMS."""

from ams.client.auth import ApiToken, Bearer, CertificateAuth
from ams.client.batches import BatchLimits
from ams.client.client import AsyncClient, Client
from ams.client.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    InvalidName,
    NoAnswer,
    NotConnected,
    NotTrusted,
    ServiceError,
    UnexpectedAnswer,
)
from ams.client.metric_objects import (
    Activity,
    Metric,
    MetricList,
    Point,
    ProjectActivity,
    ProjectsActivity,
    UsageReport,
)
from ams.client.objects import (
    AuditEntry,
    Message,
    Offsets,
    OutgoingMessage,
    Project,
    ReceivedMessage,
    Schema,
    Status,
    Subscription,
    Topic,
    Version,
)
from ams.client.publisher import AsyncPublisher, Publisher
from ams.client.retries import Retries
from ams.client.subscriber import AsyncSubscriber, Subscriber
from ams.client.user_objects import ProjectRoles, Registration, User
from ams.client.users import UserDetails

__all__ = [
    "Activity",
    "ApiToken",
    "AsyncClient",
    "AsyncPublisher",
    "AsyncSubscriber",
    "AuditEntry",
    "BatchLimits",
    "Bearer",
    "CertificateAuth",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "ConnectionLost",
    "InvalidName",
    "Message",
    "Metric",
    "MetricList",
    "NoAnswer",
    "NotConnected",
    "NotTrusted",
    "Offsets",
    "OutgoingMessage",
    "Point",
    "Project",
    "ProjectActivity",
    "ProjectRoles",
    "ProjectsActivity",
    "Publisher",
    "ReceivedMessage",
    "Registration",
    "Retries",
    "Schema",
    "ServiceError",
    "Status",
    "Subscriber",
    "Subscription",
    "Topic",
    "UnexpectedAnswer",
    "UsageReport",
    "User",
    "UserDetails",
    "Version",
]
