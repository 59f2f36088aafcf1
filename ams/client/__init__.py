"""The Python client library of AMS."""

from ams.client.auth import ApiToken, Bearer
from ams.client.authn import AccessTokenAuth, CertificateAuth
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
    PeekedMessages,
    Project,
    ReceivedMessage,
    Schema,
    Status,
    Subscription,
    Topic,
    Version,
)
from ams.client.preview_objects import (
    Explanation,
    Movement,
    ProjectLoss,
    SubscriptionLoss,
    SubscriptionPurge,
    TopicLoss,
    TopicPurge,
    UserLoss,
)
from ams.client.publisher import AsyncPublisher, Publisher
from ams.client.retries import Retries
from ams.client.statistics_objects import (
    PastSubscription,
    PastTopic,
    SubscriptionHistory,
    SubscriptionStatistics,
    TopicHistory,
    TopicStatistics,
)
from ams.client.subscriber import AsyncSubscriber, Subscriber
from ams.client.user_objects import ProjectRoles, Registration, User
from ams.client.users import UserDetails

__all__ = [
    "AccessTokenAuth",
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
    "Explanation",
    "InvalidName",
    "Message",
    "Metric",
    "MetricList",
    "Movement",
    "NoAnswer",
    "NotConnected",
    "NotTrusted",
    "Offsets",
    "OutgoingMessage",
    "PastSubscription",
    "PastTopic",
    "PeekedMessages",
    "Point",
    "Project",
    "ProjectActivity",
    "ProjectLoss",
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
    "SubscriptionHistory",
    "SubscriptionLoss",
    "SubscriptionPurge",
    "SubscriptionStatistics",
    "Topic",
    "TopicHistory",
    "TopicLoss",
    "TopicPurge",
    "TopicStatistics",
    "UnexpectedAnswer",
    "UsageReport",
    "User",
    "UserDetails",
    "UserLoss",
    "Version",
]
