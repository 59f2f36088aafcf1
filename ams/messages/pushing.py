"""Who pushes which subscription, and how that fares.

A worker is alive as long as it says so in time (`meet_pushers`). To push a subscription it takes a
right to, which is a number that grows each time it is taken. The number is kept with the
subscription's offset, and compared in the very scripts that read messages and move that offset: so
a worker that was thought dead, and is not, can acknowledge nothing any more.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

from ams.messages import keys, scripts
from ams.messages.calls import ScriptCalls
from ams.messages.lane import Reply
from ams.messages.records import Cursor


class Pusher(NamedTuple):
    """A worker that pushes.

    Args:
        worker: its uuid.
        shares: whether it takes subscriptions; one that is about to end does not.
        endpoint: host and port where it can be asked for its health.
    """

    worker: str
    shares: bool
    endpoint: str

    @classmethod
    def list_of(cls, reply: Reply) -> list[Self]:
        """The workers of a reply, in an order of their own."""
        texts = [text.decode() for text in reply]
        workers = zip(texts[::3], texts[1::3], texts[2::3], strict=True)
        return sorted(cls(worker, shares == "1", endpoint) for worker, shares, endpoint in workers)


class PushState(NamedTuple):
    """How pushing a subscription fares; times in microseconds since 1970.

    Args:
        worker: uuid of the worker that pushes it; empty for none.
        messages: how many were accepted, and in how many
        requests.
        failures: requests that were not accepted.
        retries: requests that followed one that was not.
        latency: how long an accepted request takes, microseconds; the latest count most.
        last_success: when a request was last accepted; None if none was.
        error: why the last request was not accepted; empty if it was.
        error_time: when that was; None if it was accepted.
    """

    worker: str
    messages: int
    requests: int
    failures: int
    retries: int
    latency: int
    last_success: int | None
    error: str
    error_time: int | None


class Accepted(NamedTuple):
    """A batch that a receiver has accepted.

    Args:
        first: offset of its first message, and
        last: of its last one.
        took: how long the request took, microseconds.
        retry: whether it followed one that failed.
    """

    first: int
    last: int
    took: int
    retry: bool


class Pushing(ScriptCalls):
    """What workers that push share by way of Redis."""

    async def meet_pushers(
        self, worker: str, seconds: float, endpoint: str, *, shares: bool
    ) -> list[Pusher]:
        """Counts a worker as alive for so long, 0 for no longer; returns all that are."""
        reply = await self._call(
            scripts.MEET_PUSHERS,
            (keys.PUSHERS,),
            worker,
            round(seconds * 1000),
            int(shares),
            endpoint,
            keys.PUSH_CHANNEL,
        )
        return Pusher.list_of(reply)

    async def pushers(self) -> list[Pusher]:
        """The workers that are alive."""
        return Pusher.list_of(await self._call(scripts.PUSHERS, (keys.PUSHERS,)))

    async def take_push(
        self, cursor: Cursor, worker: str, settings: str, dead: str = ""
    ) -> Cursor | str:
        """The cursor with the right to push by it, or the uuid of the worker that has that right.

        Args:
            cursor: which subscription.
            worker: uuid of the worker that takes it.
            settings: a digest of the settings by which it pushes; with other ones than before,
                what went wrong with those is forgotten.
            dead: uuid of a worker from which it may be taken. It must have been found dead after it
                was seen to have the right: an older list of workers may not know it yet.
        """
        reply: bytes = await self._call_with_epoch(
            scripts.TAKE_PUSH, cursor.keys(), *cursor.arguments(), worker, settings, dead
        )
        found = reply.decode()
        return cursor._replace(pusher=found) if ":" in found else found

    async def release_push(self, topic: str, subscription: str, worker: str) -> None:
        """Gives the right to push back, if the worker has it, and tells the others."""
        await self._call(
            scripts.RELEASE_PUSH,
            (keys.subscription(topic, subscription),),
            worker,
            keys.PUSH_CHANNEL,
            subscription,
        )

    async def acknowledge_pushed(self, cursor: Cursor, accepted: Accepted) -> bool:
        """Acknowledges what a receiver has accepted; may be repeated.

        Returns whether it did: not if the subscription was moved meanwhile. Raises `PushLost` if
        the right to push is lost.
        """
        return bool(
            await self._call_with_epoch(
                scripts.ACKNOWLEDGE_PUSHED,
                cursor.keys(),
                *cursor.arguments(),
                cursor.pusher,
                accepted.first,
                accepted.last,
                accepted.took,
                int(accepted.retry),
            )
        )

    async def note_push_failure(self, cursor: Cursor, why: str, *, retry: bool) -> None:
        """Counts a request that was not accepted. Raises `PushLost` as `acknowledge_pushed`."""
        await self._call_with_epoch(
            scripts.NOTE_PUSH_FAILURE,
            (keys.subscription(cursor.topic, cursor.subscription),),
            cursor.pusher,
            why,
            int(retry),
        )

    async def push_states(self, subscriptions: Sequence[tuple[str, str]]) -> list[PushState]:
        """How pushing fares, by the uuids of topic and subscription, in their order."""
        replies = await self._call_each(
            scripts.PUSH_STATE,
            [((keys.subscription(topic, uuid),), ()) for topic, uuid in subscriptions],
        )
        return [_state(*reply) for reply in replies]


def _state(
    worker: bytes,
    messages: int,
    requests: int,
    failures: int,
    retries: int,
    latency: int,
    last_success: int,
    error: bytes,
    error_time: int,
) -> PushState:
    """As push_state.lua answers."""
    return PushState(
        worker.decode(),
        messages,
        requests,
        failures,
        retries,
        latency,
        last_success or None,
        error.decode(),
        error_time or None,
    )
