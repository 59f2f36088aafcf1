"""The API's requests about subscriptions."""

from collections.abc import Iterable
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
    OffsetAtTime,
    Offsets,
    PulledMessages,
    PushConfig,
    ReceivedMessage,
    Subscription,
    SubscriptionPage,
)
from ams.client.preview_objects import Movement, SubscriptionLoss, SubscriptionPurge
from ams.client.statistics_objects import SubscriptionHistory

#: The longest that a broker may hold a pull which waits for messages (contract: ams-core 5.5).
LONGEST_PULL_WAIT_SECONDS = 300.0

_subscription = answer(Subscription)
_subscription_page = answer(SubscriptionPage)
_loss = answer(SubscriptionLoss)
_purge = answer(SubscriptionPurge)
_movement = answer(Movement)
_history = answer(SubscriptionHistory)
_authorized_users = answer_part(Acl, lambda acl: acl.authorized_users)
_received_messages = answer_part(PulledMessages, lambda pulled: pulled.received_messages)
_offsets = answer(Offsets)
_offset_at_time = answer_part(OffsetAtTime, lambda answered: answered.offset)


def _path(project: str, subscription: str) -> str:
    name = checked_name("subscription", subscription)
    return f"{project_path(project)}/subscriptions/{name}"


def create(
    project: str,
    subscription: str,
    topic: str,
    *,
    ack_deadline_seconds: int = 0,
    push: PushConfig | None = None,
) -> Call[Subscription]:
    """Creates a subscription that gets what is published to a topic from now on.

    Args:
        project: name of the project that has the topic, and will have the subscription.
        subscription: short name of the subscription.
        topic: short name of the topic.
        ack_deadline_seconds: time there is for acknowledging; 0 for the broker's default.
        push: where messages are to be pushed, as for `modify_push_config`; None to pull them.
    """
    # contract: ams-core 1.8 - a topic is referred to without a leading slash here.
    reference = f"projects/{project}/topics/{checked_name('topic', topic)}"
    settings = {"topic": reference, "ackDeadlineSeconds": ack_deadline_seconds}
    body = msgspec.json.encode({**settings, **_push_config(push)})
    path = _path(project, subscription)
    return Call("PUT", path, _subscription, Repeat.REFUSED, body=body)


def _push_config(push: PushConfig | None) -> dict[str, PushConfig]:
    return {} if push is None else {"pushConfig": push}


def show(project: str, subscription: str) -> Call[Subscription]:
    """One subscription."""
    return Call("GET", _path(project, subscription), _subscription, Repeat.SAFE)


def page(
    project: str,
    page_size: int = 0,
    page_token: str = "",
    *,
    full: bool = False,
    order_by: str = "",
    name_has: str = "",
) -> Call[SubscriptionPage]:
    """Some subscriptions of a project; all of them if there is no page size.

    Args:
        project: name of the project.
        page_size: most subscriptions of the page; 0 for all, of a full page for a hundred.
        page_token: `next_page_token` of the page before.
        full: whether to tell how they fare: their `statistics`.
        order_by: `name`, `created`, or with `full` a number among the statistics, such as
            `backlog`; downwards with ` desc` at its end. Without it the newest comes first.
        name_has: only what has this in its name, in upper or lower case.
    """
    query = page_query(
        page_size,
        page_token,
        view="full" if full else "",
        orderBy=order_by,
        filter=name_has,
    )
    path = f"{project_path(project)}/subscriptions"
    return Call("GET", path, _subscription_page, Repeat.SAFE, query=query)


def list_all(
    project: str,
    *,
    page_size: int = 500,
    full: bool = False,
    order_by: str = "",
    name_has: str = "",
) -> Listing[Subscription]:
    """All subscriptions of a project, asked for page by page; options are as for `page`."""
    return Listing(
        lambda token: page(
            project, page_size, token, full=full, order_by=order_by, name_has=name_has
        )
    )


def delete(project: str, subscription: str) -> Call[None]:
    """Deletes a subscription."""
    return Call("DELETE", _path(project, subscription), no_answer, Repeat.SAFE)


def preview_delete(project: str, subscription: str) -> Call[SubscriptionLoss]:
    """What deleting a subscription would do; nothing is done."""
    return Call("DELETE", _path(project, subscription), _loss, Repeat.SAFE, query=DRY_RUN)


def purge(project: str, subscription: str) -> Call[SubscriptionPurge]:
    """Skips all messages that are not acknowledged."""
    return Call("POST", f"{_path(project, subscription)}:purge", _purge, Repeat.NEVER)


def preview_purge(project: str, subscription: str) -> Call[SubscriptionPurge]:
    """What purging a subscription would do; nothing is done."""
    path = f"{_path(project, subscription)}:purge"
    return Call("POST", path, _purge, Repeat.SAFE, query=DRY_RUN)


def history(project: str, subscription: str, window: str = "1h") -> Call[SubscriptionHistory]:
    """How a subscription fared in the last hour (`1h`), day (`24h`) or week (`7d`)."""
    path = f"{_path(project, subscription)}:history"
    return Call("GET", path, _history, Repeat.SAFE, query={"window": window})


def metrics(project: str, subscription: str) -> Call[tuple[Metric, ...]]:
    """How much is consumed from a subscription, in all and a second."""
    path = f"{_path(project, subscription)}:metrics"
    return Call("GET", path, metrics_answer, Repeat.SAFE)


def acl(project: str, subscription: str) -> Call[tuple[str, ...]]:
    """Names of the users who may consume."""
    path = f"{_path(project, subscription)}:acl"
    return Call("GET", path, _authorized_users, Repeat.SAFE)


def modify_acl(project: str, subscription: str, users: Iterable[str]) -> Call[None]:
    """Replaces the users who may consume; all must be members of the project."""
    body = msgspec.json.encode(Acl(tuple(users)))
    path = f"{_path(project, subscription)}:modifyAcl"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def pull(
    project: str, subscription: str, max_messages: int = 1, *, wait: bool = False
) -> Call[tuple[ReceivedMessage, ...]]:
    """The next messages, at most `max_messages`, which stay until they are acknowledged.

    Args:
        project: name of the project.
        subscription: short name of the subscription.
        max_messages: the most messages to return; the broker may return fewer.
        wait: whether the broker waits for a first message if there is none; it does so for
            some seconds only, then returns nothing.
    """
    # contract: ams-core 5.3 - both are strings.
    parameters = {
        "maxMessages": str(max_messages),
        "returnImmediately": "false" if wait else "true",
    }
    return Call(
        "POST",
        f"{_path(project, subscription)}:pull",
        _received_messages,
        Repeat.SAFE,
        body=msgspec.json.encode(parameters),
        may_wait_seconds=LONGEST_PULL_WAIT_SECONDS if wait else 0.0,
    )


def acknowledge(project: str, subscription: str, ack_ids: Iterable[str]) -> Call[None]:
    """Marks the message with the highest id, and all before it, as done.

    If the answer to a first attempt was lost, the second may be refused with 500 `no ack pending`
    although the first was successful (contract: ams-core 6.2).
    """
    body = msgspec.json.encode({"ackIds": list(ack_ids)})
    path = f"{_path(project, subscription)}:acknowledge"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def offsets(project: str, subscription: str) -> Call[Offsets]:
    """Where the subscription stands, and the messages that its topic has."""
    return Call("GET", f"{_path(project, subscription)}:offsets", _offsets, Repeat.SAFE)


def modify_offset(project: str, subscription: str, offset: int) -> Call[None]:
    """Makes message `offset` the next one."""
    body = msgspec.json.encode({"offset": offset})
    path = f"{_path(project, subscription)}:modifyOffset"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def preview_modify_offset(project: str, subscription: str, offset: int) -> Call[Movement]:
    """What making message `offset` the next one would do; nothing is done."""
    body = msgspec.json.encode({"offset": offset})
    path = f"{_path(project, subscription)}:modifyOffset"
    return Call("POST", path, _movement, Repeat.SAFE, query=DRY_RUN, body=body)


def time_to_offset(project: str, subscription: str, when: datetime) -> Call[int]:
    """Offset of the first message published at or after `when`, to the millisecond.

    A `when` without a time zone is in local time, as everywhere in Python.
    """
    path = f"{_path(project, subscription)}:timeToOffset"
    return Call("GET", path, _offset_at_time, Repeat.SAFE, query={"time": time_text(when)})


def modify_ack_deadline(project: str, subscription: str, seconds: int) -> Call[None]:
    """Changes the time there is for acknowledging, in seconds (0 to 600)."""
    body = msgspec.json.encode({"ackDeadlineSeconds": seconds})
    path = f"{_path(project, subscription)}:modifyAckDeadline"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def modify_push_config(project: str, subscription: str, push: PushConfig | None) -> Call[None]:
    """Changes where messages are pushed.

    An endpoint gets messages once it is verified (`verify_push_endpoint`); a Mattermost webhook at
    once. What `push` leaves out is the default again, but for the number of messages and the
    authorization header, which stay as they are. A header of the type `autogen` asks for a new
    secret: don't send back a `PushConfig` that the broker has shown unless you want one.

    Args:
        project: name of the project.
        subscription: short name of the subscription.
        push: where to, such as `PushConfig(push_endpoint="https://receiver.example.org")`; None
            to pull the messages.
    """
    body = msgspec.json.encode(_push_config(push))
    path = f"{_path(project, subscription)}:modifyPushConfig"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)


def verify_push_endpoint(project: str, subscription: str) -> Call[None]:
    """Has the broker ask the endpoint for the verification hash, and then begin to push.

    The endpoint must answer `GET /ams_verification_hash` with `push_config.verification_hash` of
    the subscription, and nothing more.
    """
    path = f"{_path(project, subscription)}:verifyPushEndpoint"
    return Call("POST", path, no_answer, Repeat.REFUSED)
