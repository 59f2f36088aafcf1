"""Changing where a subscription's messages are pushed (contract: ams-core 7.4, 7.5)."""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from msgspec import field

from ams.api import fields, push_settings
from ams.api.bodies import Body
from ams.api.broker import Broker
from ams.api.calls import Call
from ams.api.operations import SUBSCRIPTION, BodyKind, operation
from ams.api.push_settings import PushConfigBody
from ams.api.push_workers import ERRORS, find_worker, require_worker, worker_stays
from ams.metadata import audit, subscriptions
from ams.metadata.records import PushConfig
from ams.service.errors import Conflict, InvalidArgument, NotFound, Unauthorized
from ams.service.outgoing import OutgoingError, TooLong, checked_url

#: Where a receiver shows that it wants the messages (contract: ams-core 7.5).
VERIFICATION_PATH: Final = "/ams_verification_hash"
#: Longest wait for what it shows, in seconds: a client waits as well.
VERIFICATION_SECONDS: Final = 10.0
#: What is read of it, in bytes; more than it can be.
VERIFICATION_BYTES: Final = 256

_NOT_HTTP: Final = "Subscription is not in http push mode"
_ALREADY: Final = "Push endpoint is already verified"
_FAILED: Final = "Endpoint verification failed."
_WRONG_STATUS: Final = f"{_FAILED}Wrong response status code"
_WRONG_HASH: Final = f"{_FAILED}Wrong verification hash"


class PushChangeBody(Body, rename="camel"):
    """A subscription of which only the push configuration counts; nothing turns push off."""

    push_config: PushConfigBody = field(default_factory=PushConfigBody)
    topic: fields.Ignored[str] = ""
    ack_deadline_seconds: fields.Ignored[int] = 0
    name: fields.ServerText = ""
    push_status: fields.ServerText = ""
    created_on: fields.ServerText = ""


CHANGE: Final = BodyKind(PushChangeBody, InvalidArgument(push_settings.MALFORMED))


@operation(
    "subscriptions:modifyPushConfig",
    "POST",
    SUBSCRIPTION,
    verb="modifyPushConfig",
    body=CHANGE,
    errors=[NotFound("Subscription"), *ERRORS, *push_settings.ERRORS],
)
async def modify_push_config(call: Call) -> None:
    """Change where messages are pushed, or have them pulled again (contract: ams-core 7.4).

    A new endpoint has to be verified before anything is pushed to it.
    """
    wanted = (await call.read(CHANGE)).push_config
    push_settings.check_numbers(wanted)
    broker = call.broker
    record = await subscriptions.get(broker.store, call.project.id, call.names["subscription"])
    if wanted == push_settings.NOTHING:
        audit.note(push="off")
        known_worker = await find_worker(broker)
        await subscriptions.set_push(broker.store, record, lambda _: None, worker_id=known_worker)
        return
    worker = await require_worker(broker)
    push_settings.check_changed(wanted)
    push_settings.note(wanted)

    def change(before: PushConfig | None) -> PushConfig:
        return push_settings.changed(wanted, before, broker.token_box)

    with worker_stays():
        await subscriptions.set_push(broker.store, record, change, worker_id=worker)


@operation(
    "subscriptions:verifyPushEndpoint",
    "POST",
    SUBSCRIPTION,
    verb="verifyPushEndpoint",
    errors=[
        *ERRORS,
        NotFound("Subscription"),
        Conflict(_NOT_HTTP),
        Conflict(_ALREADY),
        Unauthorized(f"{_FAILED}{{reason}}"),
    ],
)
async def verify_push_endpoint(call: Call) -> None:
    """Begin to push to an endpoint that shows the verification hash (contract: ams-core 7.5)."""
    broker = call.broker
    worker = await require_worker(broker)
    record = await subscriptions.get(broker.store, call.project.id, call.names["subscription"])
    asked = _unverified(record.push)
    await _ask(broker, asked)

    def confirm(now: PushConfig | None) -> PushConfig:
        # It may have another endpoint by now, which has shown nothing.
        if _unverified(now).verification_hash != asked.verification_hash:
            raise Unauthorized(_WRONG_HASH)
        return replace(_unverified(now), verified=True)

    with worker_stays():
        await subscriptions.set_push(broker.store, record, confirm, worker_id=worker)


def _unverified(push: PushConfig | None) -> PushConfig:
    if push is None or push.type != push_settings.HTTP_ENDPOINT:
        raise Conflict(_NOT_HTTP)
    if push.verified:
        raise Conflict(_ALREADY)
    return push


async def _ask(broker: Broker, push: PushConfig) -> None:
    """Has the endpoint show its hash; raises Unauthorized if it does not."""
    try:
        location = checked_url(push.push_endpoint, ("https",))
        answer = await broker.outgoing.fetch(
            "GET",
            f"https://{location.netloc.decode()}{VERIFICATION_PATH}",
            max_bytes=VERIFICATION_BYTES,
            timeout_seconds=VERIFICATION_SECONDS,
        )
    except TooLong as error:
        answer = error.answer
    except OutgoingError as error:
        raise Unauthorized(_FAILED + error.reason) from error
    if answer.status != HTTPStatus.OK:
        raise Unauthorized(_WRONG_STATUS)
    if answer.body != push.verification_hash.encode():
        raise Unauthorized(_WRONG_HASH)
