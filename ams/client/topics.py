"""The API's requests about topics."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from ams.client.call import (
    DRY_RUN,
    Call,
    Listing,
    Repeat,
    answer,
    answer_part,
    checked_name,
    no_answer,
    page_query,
    project_path,
    time_text,
)
from ams.client.metric_objects import Metric
from ams.client.metrics import metrics_answer
from ams.client.objects import (
    Acl,
    MessageIds,
    OutgoingMessage,
    PeekedMessages,
    SubscriptionNames,
    Topic,
    TopicPage,
)
from ams.client.preview_objects import TopicLoss, TopicPurge
from ams.client.statistics_objects import TopicHistory

_topic = answer(Topic)
_topic_page = answer(TopicPage)
_loss = answer(TopicLoss)
_purge = answer(TopicPurge)
_peeked = answer(PeekedMessages)
_history = answer(TopicHistory)
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


def page(
    project: str,
    page_size: int = 0,
    page_token: str = "",
    *,
    full: bool = False,
    order_by: str = "",
    name_has: str = "",
) -> Call[TopicPage]:
    """Some topics of a project; all of them if there is no page size.

    Args:
        project: name of the project.
        page_size: most topics of the page; 0 for all, of a full page for a hundred.
        page_token: `next_page_token` of the page before.
        full: whether to tell how they fare: their `statistics`.
        order_by: `name`, `created`, or with `full` a number among the statistics, such as
            `storedBytes`; downwards with ` desc` at its end. Without it the newest comes first.
        name_has: only what has this in its name, in upper or lower case.
    """
    query = page_query(
        page_size,
        page_token,
        view="full" if full else "",
        orderBy=order_by,
        filter=name_has,
    )
    path = f"{project_path(project)}/topics"
    return Call("GET", path, _topic_page, Repeat.SAFE, query=query)


def list_all(
    project: str,
    *,
    page_size: int = 500,
    full: bool = False,
    order_by: str = "",
    name_has: str = "",
) -> Listing[Topic]:
    """All topics of a project, asked for page by page; options are as for `page`."""
    return Listing(
        lambda token: page(
            project, page_size, token, full=full, order_by=order_by, name_has=name_has
        )
    )


def delete(project: str, topic: str) -> Call[None]:
    """Deletes a topic and its messages; its subscriptions stay."""
    return Call("DELETE", _path(project, topic), no_answer, Repeat.SAFE)


def preview_delete(project: str, topic: str) -> Call[TopicLoss]:
    """What deleting a topic would do; nothing is done."""
    return Call("DELETE", _path(project, topic), _loss, Repeat.SAFE, query=DRY_RUN)


def purge(project: str, topic: str) -> Call[TopicPurge]:
    """Removes all messages that a topic has; ids go on from there."""
    return Call("POST", f"{_path(project, topic)}:purge", _purge, Repeat.NEVER)


def preview_purge(project: str, topic: str) -> Call[TopicPurge]:
    """What purging a topic would do; nothing is done."""
    path = f"{_path(project, topic)}:purge"
    return Call("POST", path, _purge, Repeat.SAFE, query=DRY_RUN)


def peek(
    project: str,
    topic: str,
    limit: int = 10,
    *,
    offset: int | None = None,
    since: datetime | None = None,
    attributes: Mapping[str, str | None] | None = None,
) -> Call[PeekedMessages]:
    """Messages of a topic, which no subscription notices; it leaves an entry in the audit trail.

    Args:
        project: name of the project.
        topic: short name of the topic.
        limit: the most messages to return; the broker may return fewer.
        offset: id of the message to begin with; without it, and without `since`, these are the
            last messages.
        since: begin with what was published then or later; in local time without a time zone.
        attributes: only messages with these attributes, and with these values unless they are
            None. The broker may find some only from `next_offset` on.
    """
    query: dict[str, str | list[str]] = {"limit": str(limit)}
    if offset is not None:
        query["offset"] = str(offset)
    if since is not None:
        query["time"] = time_text(since)
    if attributes:
        query["attribute"] = [
            key if value is None else f"{key}={value}" for key, value in attributes.items()
        ]
    return Call("GET", f"{_path(project, topic)}/messages", _peeked, Repeat.SAFE, query=query)


def history(project: str, topic: str, window: str = "1h") -> Call[TopicHistory]:
    """How a topic fared in the last hour (`1h`), day (`24h`) or week (`7d`)."""
    path = f"{_path(project, topic)}:history"
    return Call("GET", path, _history, Repeat.SAFE, query={"window": window})


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
