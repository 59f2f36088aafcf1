"""The Python client library of AMS."""

from ams.client.client import Client
from ams.client.errors import (
    ClientError,
    ConnectionFailed,
    InvalidName,
    ServiceError,
    UnexpectedAnswer,
)
from ams.client.objects import (
    Message,
    Offsets,
    OutgoingMessage,
    Project,
    ReceivedMessage,
    Status,
    Subscription,
    Topic,
    User,
    Version,
)
from ams.client.users import UserDetails

__all__ = [
    "Client",
    "ClientError",
    "ConnectionFailed",
    "InvalidName",
    "Message",
    "Offsets",
    "OutgoingMessage",
    "Project",
    "ReceivedMessage",
    "ServiceError",
    "Status",
    "Subscription",
    "Topic",
    "UnexpectedAnswer",
    "User",
    "UserDetails",
    "Version",
]
