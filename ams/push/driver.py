"""Pushes the messages of one subscription."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Final

from ams.messages.errors import PushLost, StaleMetadata
from ams.messages.log import Cursor, MessageLog, Run
from ams.messages.pushing import Accepted
from ams.metadata.records import PushConfig, SubscriptionRecord
from ams.push import activity, payload
from ams.push.membership import Membership
from ams.push.receivers import Outcome, Receivers, host_of
from ams.push.retries import policy_of, wait_seconds
from ams.push.room import Need, Room
from ams.service.errors import ServiceError
from ams.service.logs import get_logger

#: Longest wait for a message in one go, in seconds.
WAIT_SECONDS: Final = 3600.0
#: Wait after Redis did not do its part, in seconds; half of it to all of it.
PAUSE_SECONDS: Final = 1.0
#: Longest wait for newer metadata, in seconds, before Redis is asked again.
NEWS_SECONDS: Final = 1.0
#: How often it is tried to take a subscription that another worker has, in seconds. Usually that
#: one says when it has let go.
TAKE_SECONDS: Final = 2.0
#: A subscription's failures are logged once in this time, in seconds.
LOG_SECONDS: Final = 60.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What all drivers of a worker share.

    Args:
        log: where the messages are.
        membership: which workers are alive.
        receivers: by which requests are made.
        room: for them.
        look_again: has a subscription, named by its uuid, read again.
    """

    log: MessageLog
    membership: Membership
    receivers: Receivers
    room: Room
    look_again: Callable[[str], None]


class _Stopped(Exception):
    """It is over, and nothing is on its way."""


class Driver:
    """Takes the right to push a subscription, pushes, and gives it back at the end.

    There is one request at a time: messages arrive in their order. What is not accepted is sent
    again, so a message may arrive more than once; what is acknowledged was accepted.

    Args:
        record: the subscription, which has a topic and is pushed.
        parts: shared ones.
        on_end: called when it is over.
    """

    def __init__(
        self, record: SubscriptionRecord, parts: Parts, on_end: Callable[[str], None]
    ) -> None:
        assert record.push is not None
        self.record = record
        self._push: PushConfig = record.push
        self._parts = parts
        self._host = host_of(self._push)
        self._policy = policy_of(self._push)
        self._pusher = ""
        self._failures = 0
        self._logged = float("-inf")
        self._news = asyncio.Event()
        self._chance = asyncio.Event()
        self._pushes = False
        self._stopping = False
        self._undisturbed = False
        self._ending = False
        self.task = asyncio.create_task(self._run())
        self.task.add_done_callback(lambda _: on_end(record.uuid))

    def serves(self, record: SubscriptionRecord) -> bool:
        """Whether it can go on with this record of its subscription."""
        return self.sends_where(record) and record.push == self._push

    def sends_where(self, record: SubscriptionRecord) -> bool:
        """Whether what is on its way goes where it should by this record, however it is sent."""
        old, new = self._push, record.push
        assert new is not None
        return (self.record.topic_uuid, old.push_endpoint, old.mattermost_url) == (
            record.topic_uuid,
            new.push_endpoint,
            new.mattermost_url,
        )

    def update(self, record: SubscriptionRecord) -> None:
        """Goes on with a newer record that it serves, or acknowledges by it what it has sent."""
        if record != self.record:
            self.record = record
            self._news.set()

    def try_to_take(self) -> None:
        """Whoever has the subscription may be known to be dead by now."""
        self._chance.set()

    def hear_release(self) -> None:
        """Another worker has let go of the subscription."""
        self._chance.set()
        if self._pushes and not self._ending:
            # So this one has lost the right. Who waits does not notice.
            self._parts.log.waiting.wake(self._cursor().topic)

    def stop(self, grace: float | None = None) -> None:
        """Has it end; a request on its way may take so many seconds more, or all that it needs."""
        self._stopping = True
        if not self._undisturbed:
            self._cut_off()
        elif grace is not None:
            asyncio.get_running_loop().call_later(grace, self._cut_off)

    def _cut_off(self) -> None:
        if not self._ending:
            self.task.cancel()

    @contextmanager
    def _to_its_end(self) -> Iterator[None]:
        """What is done here is not interrupted by a `stop`, at least not at once."""
        self._undisturbed = True
        try:
            yield
        finally:
            self._undisturbed = False
        if self._stopping:
            raise _Stopped

    async def _run(self) -> None:
        try:
            while not self._stopping:
                await self._take_and_deliver()
        except (_Stopped, asyncio.CancelledError):
            pass  # By `stop`: the end is the same.
        finally:
            self._ending = True
            await self._release()

    async def _take_and_deliver(self) -> None:
        """Goes on until something is in the way, and then for a while does nothing."""
        epoch = self.record.epoch
        try:
            await self._take()
            activity.DRIVEN.inc()
            self._pushes = True
            try:
                await self._deliver()
            finally:
                self._pushes = False
                activity.DRIVEN.dec()
        except PushLost:
            log.warning("another worker has taken over", subscription=self._name)
        except StaleMetadata:
            await self._newer_than(epoch)
        except _Stopped:
            raise
        except ServiceError:
            await self._pause()
        except Exception:
            log.exception("push failed", subscription=self._name)
            await self._pause()

    async def _take(self) -> None:
        """Waits for the right to push, and takes it."""
        parts = self._parts
        # The text of the settings themselves leaves out what is secret.
        settings = repr(astuple(self._push)).encode()
        digest = hashlib.blake2b(settings, digest_size=8).hexdigest()
        holder, seen = "", 0.0
        while True:
            self._chance.clear()
            if parts.membership.alive:
                dead = holder if parts.membership.is_dead(holder, seen) else ""
                with self._to_its_end():
                    found = await parts.log.take_push(
                        self._cursor(), parts.membership.worker, digest, dead
                    )
                if isinstance(found, Cursor):
                    self._pusher = found.pusher
                    return
                if found != holder:
                    holder, seen = found, asyncio.get_running_loop().time()
                    if not parts.membership.knows(holder):
                        parts.membership.look()
            await _wait(self._chance, TAKE_SECONDS)

    async def _release(self) -> None:
        """Gives the right back, whether it was taken or is not known to have been."""
        topic, uuid = self.record.topic_uuid, self.record.uuid
        assert topic is not None
        while True:
            try:
                await self._parts.log.release_push(topic, uuid, self._parts.membership.worker)
            except ServiceError:
                if self._parts.membership.retired:
                    return  # When the worker is gone, so is its right.
                await self._pause()
            else:
                return

    async def _deliver(self) -> None:
        while True:
            epoch = self.record.epoch
            try:
                wait = await self._cycle()
            except StaleMetadata:
                await self._newer_than(epoch)
                continue
            if wait:
                await asyncio.sleep(wait)

    async def _cycle(self) -> float:
        """Waits for messages and pushes a batch of them; returns how long to wait for the next."""
        parts, most = self._parts, self._push.max_messages
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        found = await parts.log.find(self._cursor(), most, until)
        if not found:
            return 0.0
        while True:
            size = payload.most_bytes(self._push, found.size)
            need = Need(self._host, size, failing=self._failures > 0)
            waits = not parts.room.try_enter(need)
            if waits:
                await parts.room.enter(need)
            with parts.room.entered(need):
                # After a wait all may be different.
                if waits or not found.runs:
                    found = await parts.log.take(self._cursor(), most, found)
                if not found.runs:
                    return 0.0
                if not parts.membership.alive:
                    return PAUSE_SECONDS
                if parts.room.try_grow(need, payload.most_bytes(self._push, found.size)):
                    with self._to_its_end():
                        return await self._send(found.runs)
            # More has come meanwhile than there is room for.

    async def _send(self, runs: Sequence[Run]) -> float:
        clock = asyncio.get_running_loop().time
        started = clock()
        outcome = await self._parts.receivers.send(self.record, runs)
        took = clock() - started
        activity.count(outcome.accepted, took)
        retry = self._failures > 0
        if not outcome.accepted:
            self._failures += 1
            self._log_failure(outcome)
            await self._note(outcome, retry)
            return wait_seconds(self._policy.failed(), outcome.wait)
        self._failures = 0
        self._policy.succeeded()
        last = runs[-1].offset + len(runs[-1].messages) - 1
        await self._acknowledge(Accepted(runs[0].offset, last, round(took * 1_000_000), retry))
        return 0.0

    async def _acknowledge(self, accepted: Accepted) -> None:
        """Acknowledges, however long Redis or the database are away: else all would come again."""
        while True:
            cursor = self._cursor()
            try:
                await self._parts.log.acknowledge_pushed(cursor, accepted)
            except PushLost:
                raise
            except StaleMetadata:
                await self._newer_than(cursor.epoch)
            except ServiceError:
                await self._pause()
            else:
                return

    async def _note(self, outcome: Outcome, retry: bool) -> None:
        try:
            await self._parts.log.note_push_failure(self._cursor(), outcome.detail, retry=retry)
        except PushLost:
            raise
        except ServiceError:
            pass  # It is a note only; what comes next meets the same trouble.

    def _log_failure(self, outcome: Outcome) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._logged + LOG_SECONDS:
            self._logged = now
            # Not what the receiver said: that may be anything.
            log.warning("receiver failed", subscription=self._name, why=outcome.why)

    async def _newer_than(self, epoch: int) -> None:
        """Waits for a record that is newer, at least for a while."""
        self._news.clear()
        if self.record.epoch <= epoch:
            self._parts.look_again(self.record.uuid)
            await _wait(self._news, NEWS_SECONDS)

    @staticmethod
    async def _pause() -> None:
        await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.0))

    @property
    def _name(self) -> str:
        return f"/projects/{self.record.project}/subscriptions/{self.record.name}"

    def _cursor(self) -> Cursor:
        record = self.record
        assert record.topic_uuid is not None
        return Cursor(
            record.topic_uuid, record.uuid, record.epoch, record.start_offset, self._pusher
        )


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
