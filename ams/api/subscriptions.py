"""Subscriptions (contract: ams-core 4)."""

import re
from typing import Final

from msgspec import field

from ams.api import answers, formats
from ams.api.bodies import Body, decode
from ams.api.calls import Call
from ams.auth import access
from ams.metadata import subscriptions, topics
from ams.service.errors import Conflict, InvalidArgument, NotFound

#: What a subscription gets whose creator says nothing else, seconds.
DEFAULT_ACK_DEADLINE: Final = 10
MAX_ACK_DEADLINE: Final = 600

_TOPIC: Final = re.compile(r"/?projects/([^/]+)/topics/([^/]+)")


class AuthorizationHeaderBody(Body, rename="camel"):
    """What a push delivery sends as `Authorization`."""

    type: str = ""
    value: str = ""


class RetryPolicyBody(Body, rename="camel"):
    """When a push delivery is tried again; `period` in milliseconds."""

    type: str = ""
    period: int = 0


class PushConfigBody(Body, rename="camel"):
    """Where messages are to be pushed to; all zero is the same as absent."""

    type: str = ""
    push_endpoint: str = ""
    max_messages: int = 0
    authorization_header: AuthorizationHeaderBody = field(default_factory=AuthorizationHeaderBody)
    retry_policy: RetryPolicyBody = field(default_factory=RetryPolicyBody)
    verification_hash: str = ""
    verified: bool = False
    mattermost_url: str = ""
    mattermost_username: str = ""
    mattermost_channel: str = ""
    base64_decode: bool = False


class SubscriptionBody(Body, rename="camel"):
    """Body of a subscription's creation; name, status and date are type-checked and ignored."""

    topic: str = ""
    ack_deadline_seconds: int = 0
    push_config: PushConfigBody = field(default_factory=PushConfigBody)
    name: str = ""
    push_status: str = ""
    created_on: str = ""


class AckDeadlineBody(Body, rename="camel"):
    """Body of `:modifyAckDeadline`."""

    ack_deadline_seconds: int = -1


async def create(call: Call) -> bytes:
    """PUT /v1/projects/{project}/subscriptions/{subscription} (contract: ams-core 4.3).

    It starts at the topic's end: only what is published from now on is delivered.
    """
    body = decode(
        await call.body(), SubscriptionBody, InvalidArgument("Invalid Subscription Arguments")
    )
    deadline = _deadline(body.ack_deadline_seconds or DEFAULT_ACK_DEADLINE)
    reference = _TOPIC.fullmatch(body.topic)
    if reference is None:
        raise InvalidArgument("Invalid Topic name")
    if reference[1] != call.project.name:
        raise NotFound("Topic")
    store, log = call.broker.store, call.broker.log
    topic = await topics.get(store, call.project.id, reference[2])
    if body.push_config != PushConfigBody():
        raise Conflict("Push functionality is currently disabled")
    record = await subscriptions.create(
        store,
        call.project,
        call.names["subscription"],
        topic,
        start_offset=await log.end(topic.uuid),
        ack_deadline_seconds=deadline,
    )
    return answers.encode(answers.subscription(record))


def _deadline(seconds: int) -> int:
    """An acknowledgement deadline, seconds (contract: ams-core 4.8, O-22)."""
    if not 0 <= seconds <= MAX_ACK_DEADLINE:
        raise InvalidArgument("Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments")
    return seconds


async def show(call: Call) -> bytes:
    """GET /v1/projects/{project}/subscriptions/{subscription} (contract: ams-core 4.4)."""
    record = await subscriptions.get(call.broker.store, call.project.id, call.names["subscription"])
    return answers.encode(answers.subscription(record))


async def list_subscriptions(call: Call) -> bytes:
    """GET /v1/projects/{project}/subscriptions (contract: ams-core 4.5)."""
    size = formats.page_size(call.argument("pageSize"))
    page = await subscriptions.list_page(
        call.broker.store,
        call.project.id,
        page_size=size,
        from_id=formats.page_start(call.argument("pageToken")),
        acl_user_id=access.subscriptions_of(call.caller, call.roles),
    )
    items = [answers.subscription(record) for record in page.items]
    return answers.page("subscriptions", items, page.next_id, page.total)


async def delete(call: Call) -> bytes:
    """DELETE /v1/projects/{project}/subscriptions/{subscription} (contract: ams-core 4.6)."""
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    await subscriptions.delete(store, record)
    return b""


async def modify_ack_deadline(call: Call) -> bytes:
    """POST .../subscriptions/{subscription}:modifyAckDeadline (contract: ams-core 4.8, O-26)."""
    message = "Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments"
    body = decode(await call.body(), AckDeadlineBody, InvalidArgument(message))
    deadline = _deadline(body.ack_deadline_seconds)
    store = call.broker.store
    record = await subscriptions.get(store, call.project.id, call.names["subscription"])
    call.require_consumer(record)
    await subscriptions.set_ack_deadline(store, record, deadline)
    return b""
