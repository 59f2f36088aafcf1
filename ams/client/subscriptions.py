"""Subscriptions: the API's requests about them, and the part of the client that sends these."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

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
    OffsetAtTime,
    Offsets,
    PulledMessages,
    ReceivedMessage,
    Subscription,
    SubscriptionPage,
)

#: The longest that a broker may hold a pull which waits for messages (contract: ams-core 5.5).
LONGEST_PULL_WAIT_SECONDS = 300.0

_subscription = answer(Subscription)
_subscription_page = answer(SubscriptionPage)
_acl = answer(Acl)
_pulled_messages = answer(PulledMessages)
_offsets = answer(Offsets)
_offset_at_time = answer(OffsetAtTime)


def _path(project: str, subscription: str) -> str:
    name = checked_name("subscription", subscription)
    return f"{project_path(project)}/subscriptions/{name}"


def create(
    project: str, subscription: str, topic: str, *, ack_deadline_seconds: int = 0
) -> Call[Subscription]:
    """The request that creates a subscription; a deadline of 0 is the broker's default."""
    # contract: ams-core 1.8 - a topic is referred to without a leading slash here.
    reference = f"projects/{project}/topics/{checked_name('topic', topic)}"
    body = msgspec.json.encode({"topic": reference, "ackDeadlineSeconds": ack_deadline_seconds})
    return Call("PUT", _path(project, subscription), _subscription, body=body)


def show(project: str, subscription: str) -> Call[Subscription]:
    """The request for one subscription."""
    return Call("GET", _path(project, subscription), _subscription)


def list_page(project: str, page_size: int = 0, page_token: str = "") -> Call[SubscriptionPage]:
    """The request for some subscriptions of a project, or for all of them."""
    path = f"{project_path(project)}/subscriptions"
    return Call("GET", path, _subscription_page, query=page_query(page_size, page_token))


def delete(project: str, subscription: str) -> Call[None]:
    """The request that deletes a subscription."""
    return Call("DELETE", _path(project, subscription), no_answer)


def acl(project: str, subscription: str) -> Call[Acl]:
    """The request for the users who may consume."""
    return Call("GET", f"{_path(project, subscription)}:acl", _acl)


def modify_acl(project: str, subscription: str, users: Iterable[str]) -> Call[None]:
    """The request that replaces the users who may consume."""
    body = msgspec.json.encode(Acl(tuple(users)))
    return Call("POST", f"{_path(project, subscription)}:modifyAcl", no_answer, body=body)


def pull(
    project: str, subscription: str, max_messages: int = 1, *, wait: bool = False
) -> Call[PulledMessages]:
    """The request for the next messages."""
    # contract: ams-core 5.3 - both are strings.
    parameters = {
        "maxMessages": str(max_messages),
        "returnImmediately": "false" if wait else "true",
    }
    return Call(
        "POST",
        f"{_path(project, subscription)}:pull",
        _pulled_messages,
        body=msgspec.json.encode(parameters),
        may_wait_seconds=LONGEST_PULL_WAIT_SECONDS if wait else 0.0,
    )


def acknowledge(project: str, subscription: str, ack_ids: Iterable[str]) -> Call[None]:
    """The request that acknowledges messages."""
    body = msgspec.json.encode({"ackIds": list(ack_ids)})
    return Call("POST", f"{_path(project, subscription)}:acknowledge", no_answer, body=body)


def offsets(project: str, subscription: str) -> Call[Offsets]:
    """The request for where a subscription stands."""
    return Call("GET", f"{_path(project, subscription)}:offsets", _offsets)


def modify_offset(project: str, subscription: str, offset: int) -> Call[None]:
    """The request that makes another message the next one."""
    body = msgspec.json.encode({"offset": offset})
    return Call("POST", f"{_path(project, subscription)}:modifyOffset", no_answer, body=body)


def time_to_offset(project: str, subscription: str, when: datetime) -> Call[OffsetAtTime]:
    """The request for the first message published at or after a time, cut to milliseconds."""
    # contract: ams-core 6.5 - exactly three digits of a second, and a literal Z.
    text = when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    path = f"{_path(project, subscription)}:timeToOffset"
    return Call("GET", path, _offset_at_time, query={"time": text})


def modify_ack_deadline(project: str, subscription: str, seconds: int) -> Call[None]:
    """The request that changes the time there is for acknowledging."""
    body = msgspec.json.encode({"ackDeadlineSeconds": seconds})
    path = f"{_path(project, subscription)}:modifyAckDeadline"
    return Call("POST", path, no_answer, body=body)


class Subscriptions:
    """Subscriptions, as seen by a client."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def create(
        self, project: str, subscription: str, topic: str, *, ack_deadline_seconds: int = 0
    ) -> Subscription:
        """Creates a subscription that gets what is published to a topic from now on.

        Args:
            project: name of the project that has the topic, and will have the subscription.
            subscription: short name of the subscription.
            topic: short name of the topic.
            ack_deadline_seconds: time there is for acknowledging; 0 for the broker's default.
        """
        return self._send(
            create(project, subscription, topic, ack_deadline_seconds=ack_deadline_seconds)
        )

    def show(self, project: str, subscription: str) -> Subscription:
        """One subscription."""
        return self._send(show(project, subscription))

    def page(self, project: str, page_size: int = 0, page_token: str = "") -> SubscriptionPage:
        """Some subscriptions of a project, newest first; all of them if there is no page size."""
        return self._send(list_page(project, page_size, page_token))

    def list(self, project: str, *, page_size: int = 500) -> Iterator[Subscription]:
        """All subscriptions of a project, newest first, asked for page by page."""
        token = ""
        while True:
            page = self.page(project, page_size, token)
            yield from page.subscriptions
            token = page.next_page_token
            if not token:
                return

    def delete(self, project: str, subscription: str) -> None:
        """Deletes a subscription."""
        self._send(delete(project, subscription))

    def acl(self, project: str, subscription: str) -> tuple[str, ...]:
        """Names of the users who may consume."""
        return self._send(acl(project, subscription)).authorized_users

    def modify_acl(self, project: str, subscription: str, users: Iterable[str]) -> None:
        """Replaces the users who may consume; all must be members of the project."""
        self._send(modify_acl(project, subscription, users))

    def pull(
        self, project: str, subscription: str, max_messages: int = 1, *, wait: bool = False
    ) -> tuple[ReceivedMessage, ...]:
        """The next messages, at most `max_messages`, which stay until they are acknowledged.

        Args:
            project: name of the project.
            subscription: short name of the subscription.
            max_messages: the most messages to return; the broker may return fewer.
            wait: whether the broker waits for a first message if there is none; it does so for
                some seconds only, then returns nothing.
        """
        call = pull(project, subscription, max_messages, wait=wait)
        return self._send(call).received_messages

    def acknowledge(self, project: str, subscription: str, ack_ids: Iterable[str]) -> None:
        """Marks the message with the highest id, and all before it, as done."""
        self._send(acknowledge(project, subscription, ack_ids))

    def offsets(self, project: str, subscription: str) -> Offsets:
        """Where the subscription stands, and the messages that its topic has."""
        return self._send(offsets(project, subscription))

    def modify_offset(self, project: str, subscription: str, offset: int) -> None:
        """Makes message `offset` the next one."""
        self._send(modify_offset(project, subscription, offset))

    def time_to_offset(self, project: str, subscription: str, when: datetime) -> int:
        """Offset of the first message published at or after `when`, to the millisecond.

        A `when` without a time zone is in local time, as everywhere in Python.
        """
        return self._send(time_to_offset(project, subscription, when)).offset

    def modify_ack_deadline(self, project: str, subscription: str, seconds: int) -> None:
        """Changes the time there is for acknowledging, in seconds (0 to 600)."""
        self._send(modify_ack_deadline(project, subscription, seconds))
