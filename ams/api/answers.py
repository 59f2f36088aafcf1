"""The objects that answers hold, field by field as clients know them."""

from typing import Any, Final

import msgspec

from ams.api import formats
from ams.metadata.records import (
    ProjectRecord,
    ProjectRoles,
    SubscriptionRecord,
    TopicSummary,
    UserRecord,
)

encode: Final = msgspec.json.Encoder().encode

#: A JSON object. Any: the values of an answer are of many types.
Object = dict[str, Any]

#: A subscription without push: clients read its fields without asking (contract: ams-core 4.2).
NO_PUSH: Final[Object] = {
    "type": "",
    "pushEndpoint": "",
    "maxMessages": 0,
    "authorizationHeader": {},
    "retryPolicy": {},
    "verificationHash": "",
    "verified": False,
    "mattermostUrl": "",
    "mattermostUsername": "",
    "mattermostChannel": "",
    "base64Decode": False,
}


def project(record: ProjectRecord) -> Object:
    """Contract: ams-core 2.1."""
    answer: Object = {
        "name": record.name,
        "created_on": formats.time_text(record.created_on),
        "modified_on": formats.time_text(record.modified_on),
    }
    if record.created_by:
        answer["created_by"] = record.created_by
    if record.description:
        answer["description"] = record.description
    return answer


def topic_reference(project: str, topic: str) -> str:
    """A topic's full name, with the leading slash (contract: O-45)."""
    return f"/projects/{project}/topics/{topic}"


def topic(record: TopicSummary) -> Object:
    """Contract: ams-core 3.1. The retention is shown where the topic has its own."""
    answer: Object = {
        "name": topic_reference(record.project, record.name),
        "created_on": formats.time_text(record.created_on),
    }
    if record.retention_seconds is not None:
        answer["messageRetentionDuration"] = f"{record.retention_seconds}s"
    if record.retention_bytes is not None:
        answer["messageRetentionBytes"] = str(record.retention_bytes)
    return answer


def subscription_reference(project: str, subscription: str) -> str:
    """A subscription's full name, with the leading slash (contract: O-45)."""
    return f"/projects/{project}/subscriptions/{subscription}"


def subscription(record: SubscriptionRecord) -> Object:
    """Contract: ams-core 4.1."""
    return {
        "name": subscription_reference(record.project, record.name),
        "topic": topic_reference(record.project, record.topic),
        "pushConfig": NO_PUSH,
        "ackDeadlineSeconds": record.ack_deadline_seconds,
        "createdOn": formats.time_text(record.created_on),
    }


def page(name: str, items: list[Object], next_id: int | None, total: int) -> bytes:
    """One page of a list (contract: ams-core 1.14)."""
    return encode({name: items, "nextPageToken": formats.page_token(next_id), "totalSize": total})


def user(record: UserRecord, token: str) -> Object:
    """The full view of a user (contract: ams-users-metrics 4.1)."""
    answer: Object = {"uuid": record.uuid}
    if record.projects:
        answer["projects"] = [_project_roles(roles) for roles in record.projects]
    answer["name"] = record.name
    fields = record.fields
    for name in ("first_name", "last_name", "organization", "description"):
        if text := getattr(fields, name):
            answer[name] = text
    answer |= {
        "token": token,
        "email": fields.email,
        "service_roles": list(record.service_roles),
        "created_on": formats.time_text(record.created_on),
        "modified_on": formats.time_text(record.modified_on),
    }
    if record.created_by:
        answer["created_by"] = record.created_by
    return answer


def _project_roles(roles: ProjectRoles) -> Object:
    return {
        "project": roles.project,
        "roles": list(roles.roles),
        "topics": list(roles.topics),
        "subscriptions": list(roles.subscriptions),
    }
