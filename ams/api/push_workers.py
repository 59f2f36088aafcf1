"""Who pushes messages: the user in whose name it is done, and the processes that do it."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from ams.api import answers, fields, formats
from ams.api.broker import Broker
from ams.auth.tokens import digest
from ams.messages.publish_time import second_text
from ams.messages.pushing import Pusher, PushState
from ams.metadata.records import SubscriptionRecord
from ams.service.errors import Conflict, InternalError, NotFound, ServiceError

PUSH_DISABLED: Final = "Push functionality is currently disabled"
PUSH_UNAVAILABLE: Final = "Push functionality is currently unavailable"
#: What clients read where there is nobody to push (contract: ams-core 4.6, 7.7).
NO_SERVER: Final = "Push server is currently unavailable"

#: How a request may fail that needs somebody to push.
ERRORS: Final = (Conflict(PUSH_DISABLED), InternalError(PUSH_UNAVAILABLE))


async def find_worker(broker: Broker) -> int | None:
    """The id of the user who pushes; None if the token of the settings is nobody's."""
    token = broker.settings.push.worker_token.get_secret_value()
    if not token:
        return None
    key = digest(token)
    worker = broker.catalog.caller_cached(key) or await broker.catalog.caller(key)
    return None if worker is None else worker.user_id


async def require_worker(broker: Broker) -> int:
    """The id of the user who pushes, or the error that says why there is none."""
    if not broker.settings.push.enabled:
        raise Conflict(PUSH_DISABLED)
    worker = await find_worker(broker)
    if worker is None:
        raise InternalError(PUSH_UNAVAILABLE)
    return worker


@contextmanager
def worker_stays() -> Iterator[None]:
    """A worker who is removed meanwhile is as good as none."""
    try:
        yield
    except NotFound as missing:
        if missing.thing == "User":
            raise InternalError(PUSH_UNAVAILABLE) from missing
        raise


class PushStatistics(answers.Answer, rename="camel"):
    """How push delivery of a subscription fares."""

    deliveries: Annotated[int, Meta(description="Requests that the receiver has accepted.")]
    messages: Annotated[int, Meta(description="Messages in them; some may have come twice.")]
    failures: Annotated[int, Meta(description="Requests that it has not accepted.")]
    retries: Annotated[int, Meta(description="Requests that followed one of these.")]
    latency_seconds: Annotated[
        float | None, Meta(description="How long an accepted request takes of late.")
    ] = None
    last_success: fields.Time = ""
    seconds_since_success: Annotated[
        float | None, Meta(description="Since a request was last accepted.")
    ] = None

    @classmethod
    def of(cls, state: PushState) -> "PushStatistics":
        last = state.last_success
        return cls(
            deliveries=state.requests,
            messages=state.messages,
            failures=state.failures,
            retries=state.retries,
            latency_seconds=None if last is None else round(state.latency / 1e6, 6),
            last_success=formats.event_time_text(last),
            seconds_since_success=None if last is None else _seconds_since(last),
        )


def _seconds_since(moment: int) -> float:
    """Seconds since a time in microseconds; it is Redis' own, whose clock may be a little ahead."""
    return max(0.0, round(time.time() - moment / 1e6, 3))


class Fate(NamedTuple):
    """How push delivery of a subscription fares.

    Args:
        text: as `pushStatus` says it (contract: ams-core 7.7).
        driven: whether a worker pushes it.
        statistics: None if they can't be read.
    """

    text: str
    driven: bool
    statistics: PushStatistics | None


async def servers(broker: Broker) -> list[answers.PushServer]:
    """The workers that are alive, as `/v1/status` lists them (contract: ams-core 9.2)."""
    try:
        pushers = await broker.log.pushers()
    except ServiceError:
        return []
    return [
        answers.PushServer(pusher.endpoint, "SERVING" if pusher.shares else "NOT_SERVING")
        for pusher in pushers
    ]


async def fate_of(broker: Broker, record: SubscriptionRecord) -> Fate:
    """How push delivery of a verified subscription fares."""
    try:
        pushers, states = await asyncio.gather(broker.log.pushers(), states_of(broker, [record]))
    except ServiceError:
        return Fate(NO_SERVER, False, None)
    return _fate(record, states.get(record.uuid), pushers)


async def states_of(broker: Broker, records: Sequence[SubscriptionRecord]) -> dict[str, PushState]:
    """How push delivery of subscriptions fares, by uuid; of those that have a topic."""
    places = [(each.topic_uuid, each.uuid) for each in records if each.topic_uuid is not None]
    states = await broker.log.push_states(places)
    return {uuid: state for (_, uuid), state in zip(places, states, strict=True)}


def _fate(record: SubscriptionRecord, state: PushState | None, pushers: Sequence[Pusher]) -> Fate:
    name = answers.subscription_reference(record.project, record.name)
    statistics = None if state is None else PushStatistics.of(state)
    if not pushers:
        return Fate(NO_SERVER, False, statistics)
    if state is None or state.worker not in [pusher.worker for pusher in pushers]:
        return Fate(f"Error: Subscription {name} is not active", False, statistics)
    if state.error_time is not None:
        when = second_text(state.error_time // 1_000_000)
        return Fate(f"{when} - Could not send message, {state.error}", True, statistics)
    return Fate(f"Subscription {name} is currently active", True, statistics)


def is_pushed(record: SubscriptionRecord) -> bool:
    """Whether its messages are pushed: its receiver is verified."""
    return record.push is not None and record.push.verified
