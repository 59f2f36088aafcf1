"""The API's requests about topics."""

from collections.abc import Iterable

import msgspec

from ams.client.call import (
    Call,
    Listing,
    Repeat,
    answer,
    answer_part,
    checked_name,
    no_answer,
    page_query,
    project_path,
)
from ams.client.metric_objects import Metric
from ams.client.metrics import metrics_answer
from ams.client.objects import (
    Acl,
    MessageIds,
    OutgoingMessage,
    SubscriptionNames,
    Topic,
    TopicPage,
)

_topic = answer(Topic)
_topic_page = answer(TopicPage)
_authorized_users = answer_part(Acl, lambda acl: acl.authorized_users)
_message_ids = answer_part(MessageIds, lambda answered: answered.message_ids)
_subscription_names = answer_part(SubscriptionNames, lambda answered: answered.subscriptions)


def _path(project: str, topic: str) -> str:
    return f"{project_path(project)}/topics/{checked_name('topic', topic)}"


def _retention(seconds: int | None, size: int | None) -> dict[str, str]:
    body = {}
    if seconds is not None:
        body["messageRetentionDuration"] = f"{seconds}s"
    if size is not None:
        body["messageRetentionBytes"] = str(size)
    return body


def create(
    project: str,
    topic: str,
    *,
    retention_seconds: int | None = None,
    retention_bytes: int | None = None,
) -> Call[Topic]:
    """Creates a topic; a retention of None is the broker's default, 0 no limit."""
    body = msgspec.json.encode(_retention(retention_seconds, retention_bytes))
    return Call("PUT", _path(project, topic), _topic, Repeat.REFUSED, body=body)


def show(project: str, topic: str) -> Call[Topic]:
    """One topic."""
    return Call("GET", _path(project, topic), _topic, Repeat.SAFE)


def page(project: str, page_size: int = 0, page_token: str = "") -> Call[TopicPage]:
    """Some topics of a project, newest first; all of them if there is no page size."""
    path = f"{project_path(project)}/topics"
    query = page_query(page_size, page_token)
    return Call("GET", path, _topic_page, Repeat.SAFE, query=query)


def list_all(project: str, *, page_size: int = 500) -> Listing[Topic]:
    """All topics of a project, newest first, asked for page by page."""
    return Listing(lambda token: page(project, page_size, token))


def delete(project: str, topic: str) -> Call[None]:
    """Deletes a topic and its messages; its subscriptions stay."""
    return Call("DELETE", _path(project, topic), no_answer, Repeat.SAFE)


def subscriptions(project: str, topic: str) -> Call[tuple[str, ...]]:
    """Full names (`/projects/P/subscriptions/S`) of a topic's subscriptions."""
    path = f"{_path(project, topic)}/subscriptions"
    return Call("GET", path, _subscription_names, Repeat.SAFE)


def metrics(project: str, topic: str) -> Call[tuple[Metric, ...]]:
    """How much is published to a topic, in all, a day and a second."""
    return Call("GET", f"{_path(project, topic)}:metrics", metrics_answer, Repeat.SAFE)


def acl(project: str, topic: str) -> Call[tuple[str, ...]]:
    """Names of the users who may publish."""
    return Call("GET", f"{_path(project, topic)}:acl", _authorized_users, Repeat.SAFE)


def modify_acl(project: str, topic: str, users: Iterable[str]) -> Call[None]:
    """Replaces the users who may publish; all must be members of the project."""
    body = msgspec.json.encode(Acl(tuple(users)))
    path = f"{_path(project, topic)}:modifyAcl"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def modify_retention(
    project: str, topic: str, *, seconds: int | None = None, size: int | None = None
) -> Call[None]:
    """Changes how long (seconds), and how much (bytes), a topic keeps; 0 is no limit."""
    body = msgspec.json.encode(_retention(seconds, size))
    path = f"{_path(project, topic)}:modifyRetention"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def attach_schema(project: str, topic: str, schema: str) -> Call[None]:
    """Has a topic take only messages that fit a schema of its project, given by its short name."""
    reference = f"projects/{project}/schemas/{checked_name('schema', schema)}"
    body = msgspec.json.encode({"schema": reference})
    path = f"{_path(project, topic)}:attachSchema"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def detach_schema(project: str, topic: str) -> Call[None]:
    """Has a topic take any message."""
    return Call("POST", f"{_path(project, topic)}:detachSchema", no_answer, Repeat.SAFE)


def publish(
    project: str, topic: str, messages: Iterable[OutgoingMessage | msgspec.Raw]
) -> Call[tuple[str, ...]]:
    """Publishes messages, all or none of them, and returns their ids in the same order.

    Args:
        project: name of the project.
        topic: short name of the topic.
        messages: what to publish; may be JSON already, as `msgspec.json.encode` makes it.
    """
    body = msgspec.json.encode({"messages": list(messages)})
    path = f"{_path(project, topic)}:publish"
    return Call("POST", path, _message_ids, Repeat.DUPLICATES, body=body)
