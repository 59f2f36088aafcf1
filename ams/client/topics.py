"""Topics: the API's requests about them, and the part of the client that sends these."""

from collections.abc import Iterable, Iterator

import msgspec

from ams.client.call import (
    Call,
    Send,
    answer,
    checked_name,
    no_answer,
    page_query,
    project_path,
)
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
_acl = answer(Acl)
_message_ids = answer(MessageIds)
_subscription_names = answer(SubscriptionNames)


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
    """The request that creates a topic; a retention of None is the broker's default."""
    body = msgspec.json.encode(_retention(retention_seconds, retention_bytes))
    return Call("PUT", _path(project, topic), _topic, body=body)


def show(project: str, topic: str) -> Call[Topic]:
    """The request for one topic."""
    return Call("GET", _path(project, topic), _topic)


def list_page(project: str, page_size: int = 0, page_token: str = "") -> Call[TopicPage]:
    """The request for some topics of a project, or for all of them."""
    path = f"{project_path(project)}/topics"
    return Call("GET", path, _topic_page, query=page_query(page_size, page_token))


def delete(project: str, topic: str) -> Call[None]:
    """The request that deletes a topic and its messages."""
    return Call("DELETE", _path(project, topic), no_answer)


def subscriptions(project: str, topic: str) -> Call[SubscriptionNames]:
    """The request for the names of a topic's subscriptions."""
    return Call("GET", f"{_path(project, topic)}/subscriptions", _subscription_names)


def acl(project: str, topic: str) -> Call[Acl]:
    """The request for the users who may publish."""
    return Call("GET", f"{_path(project, topic)}:acl", _acl)


def modify_acl(project: str, topic: str, users: Iterable[str]) -> Call[None]:
    """The request that replaces the users who may publish."""
    body = msgspec.json.encode(Acl(tuple(users)))
    return Call("POST", f"{_path(project, topic)}:modifyAcl", no_answer, body=body)


def modify_retention(
    project: str, topic: str, *, seconds: int | None = None, size: int | None = None
) -> Call[None]:
    """The request that changes how long, and how many bytes, a topic keeps messages."""
    body = msgspec.json.encode(_retention(seconds, size))
    return Call("POST", f"{_path(project, topic)}:modifyRetention", no_answer, body=body)


def publish(project: str, topic: str, messages: Iterable[OutgoingMessage]) -> Call[MessageIds]:
    """The request that publishes messages."""
    body = msgspec.json.encode({"messages": list(messages)})
    return Call("POST", f"{_path(project, topic)}:publish", _message_ids, body=body)


class Topics:
    """Topics, as seen by a client."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def create(
        self,
        project: str,
        topic: str,
        *,
        retention_seconds: int | None = None,
        retention_bytes: int | None = None,
    ) -> Topic:
        """Creates a topic; a retention of None is the broker's default, 0 no limit."""
        return self._send(
            create(
                project,
                topic,
                retention_seconds=retention_seconds,
                retention_bytes=retention_bytes,
            )
        )

    def show(self, project: str, topic: str) -> Topic:
        """One topic."""
        return self._send(show(project, topic))

    def page(self, project: str, page_size: int = 0, page_token: str = "") -> TopicPage:
        """Some topics of a project, newest first; all of them if there is no page size."""
        return self._send(list_page(project, page_size, page_token))

    def list(self, project: str, *, page_size: int = 500) -> Iterator[Topic]:
        """All topics of a project, newest first, asked for page by page."""
        token = ""
        while True:
            page = self.page(project, page_size, token)
            yield from page.topics
            token = page.next_page_token
            if not token:
                return

    def delete(self, project: str, topic: str) -> None:
        """Deletes a topic and its messages; its subscriptions stay."""
        self._send(delete(project, topic))

    def subscriptions(self, project: str, topic: str) -> tuple[str, ...]:
        """Full names (`/projects/P/subscriptions/S`) of a topic's subscriptions."""
        return self._send(subscriptions(project, topic)).subscriptions

    def acl(self, project: str, topic: str) -> tuple[str, ...]:
        """Names of the users who may publish."""
        return self._send(acl(project, topic)).authorized_users

    def modify_acl(self, project: str, topic: str, users: Iterable[str]) -> None:
        """Replaces the users who may publish; all must be members of the project."""
        self._send(modify_acl(project, topic, users))

    def modify_retention(
        self,
        project: str,
        topic: str,
        *,
        seconds: int | None = None,
        size: int | None = None,
    ) -> None:
        """Changes how long (seconds), and how much (bytes), a topic keeps; 0 is no limit."""
        self._send(modify_retention(project, topic, seconds=seconds, size=size))

    def publish(
        self, project: str, topic: str, messages: Iterable[OutgoingMessage]
    ) -> tuple[str, ...]:
        """Publishes messages, all or none of them, and returns their ids in the same order."""
        return self._send(publish(project, topic, messages)).message_ids
