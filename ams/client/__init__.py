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
from ams.client.objects import (
    AuditEntry,
    AuthorizationHeader,
    Message,
    Offsets,
    OutgoingMessage,
    Project,
    PushConfig,
    ReceivedMessage,
    RetryPolicy,
    Schema,
    Status,
    Subscription,
    Topic,
    User,
    Version,
)
from ams.client.publisher import AsyncPublisher, Publisher
from ams.client.retries import Retries
from ams.client.subscriber import AsyncSubscriber, Subscriber
from ams.client.users import UserDetails

__all__ = [
    "ApiToken",
    "AsyncClient",
    "AsyncPublisher",
    "AsyncSubscriber",
    "AuditEntry",
    "AuthorizationHeader",
    "BatchLimits",
    "Bearer",
    "CertificateAuth",
    "Client",
    "ClientError",
    "ConnectionFailed",
    "ConnectionLost",
    "InvalidName",
    "Message",
    "NoAnswer",
    "NotConnected",
    "NotTrusted",
    "Offsets",
    "OutgoingMessage",
    "Project",
    "Publisher",
    "PushConfig",
    "ReceivedMessage",
    "Retries",
    "RetryPolicy",
    "Schema",
    "ServiceError",
    "Status",
    "Subscriber",
    "Subscription",
    "Topic",
    "UnexpectedAnswer",
    "User",
    "UserDetails",
    "Version",
]
