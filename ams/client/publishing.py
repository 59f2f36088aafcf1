"""Publishing in batches: what is the same for threads and for event loops.

One batch is on its way at a time, which keeps the order, and lets the next one gather meanwhile.
"""

import time
from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

import httpx
import msgspec

from ams.client import topics
from ams.client.batches import Batch, Batches, BatchLimits, Result
from ams.client.call import Call
from ams.client.errors import ConnectionLost, NotConnected, ServiceError, UnexpectedAnswer
from ams.client.objects import OutgoingMessage

F = TypeVar("F", bound=Result)
T = TypeVar("T")


class Monitor(Protocol):
    """A lock, and word that something has changed: a Condition."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def wait(self, seconds: float | None = None, /) -> None:
        """Lets go of the lock until something changes, or until time is up."""
        ...

    def notify_all(self) -> None: ...


class Sending(Protocol):
    """Sends a call, again if need be."""

    async def __call__(self, call: Call[T], /) -> T: ...


class Publishing(Generic[F]):
    """The messages on their way to one topic."""

    def __init__(
        self,
        send: Sending,
        monitor: Monitor,
        new_future: Callable[[], F],
        claim: Callable[[F], bool],
        project: str,
        topic: str,
        limits: BatchLimits,
    ) -> None:
        """Prepares; nothing is sent before `work` runs.

        Args:
            send: sends a call.
            monitor: guards all that follows.
            new_future: makes a future of a message's id.
            claim: whether a future still wants its message sent: it was not cancelled.
            project: name of the project.
            topic: short name of the topic.
            limits: how batches are made.

        Raises:
            InvalidName: there can be no such topic.
        """
        topics.publish(project, topic, ())
        self._send = send
        self._monitor = monitor
        self._new_future = new_future
        self._claim = claim
        self._project = project
        self._topic = topic
        self._batches: Batches[F] = Batches(limits)
        self._closed = False

    async def publish(self, data: bytes, attributes: dict[str, str]) -> F:
        """Adds a message, as soon as there is room."""
        message = msgspec.Raw(msgspec.json.encode(OutgoingMessage(data, attributes)))
        async with self._monitor:
            while not self._closed and not self._batches.has_room(message):
                await self._monitor.wait()
            if self._closed:
                raise RuntimeError("the publisher is closed")
            future = self._new_future()
            if self._batches.add(message, future, time.monotonic()):
                self._monitor.notify_all()
            return future

    async def flush(self) -> None:
        """Sends what was published until now; returns when it is answered."""
        async with self._monitor:
            target = self._batches.added
            self._batches.flush()
            self._monitor.notify_all()
            while self._batches.answered < target:
                await self._monitor.wait()

    async def close(self) -> None:
        """Takes no more messages."""
        async with self._monitor:
            self._closed = True
            self._batches.flush()
            self._monitor.notify_all()

    async def work(self) -> None:
        """Sends batches until closed and empty."""
        try:
            while batch := await self._next():
                try:
                    await self._deliver(self._wanted(batch))
                finally:
                    await self._settle(batch)
        finally:
            # Nothing is left, unless this was cut short.
            await self.close()
            while self._batches.wait_seconds(0.0) is not None:
                batch = self._batches.take()
                batch.fail(NotConnected("The publisher was stopped before it sent this"))
                await self._settle(batch)

    async def _settle(self, batch: Batch[F]) -> None:
        async with self._monitor:
            self._batches.settle(batch)
            self._monitor.notify_all()

    async def _next(self) -> Batch[F] | None:
        async with self._monitor:
            while True:
                seconds = self._batches.wait_seconds(time.monotonic())
                if seconds == 0.0:
                    return self._batches.take()
                if seconds is None and self._closed:
                    return None
                await self._monitor.wait(seconds)

    def _wanted(self, batch: Batch[F]) -> Batch[F]:
        """Without the messages whose futures were cancelled."""
        pairs = [
            (message, future)
            for message, future in zip(batch.messages, batch.futures, strict=True)
            if self._claim(future)
        ]
        return Batch(batch.due, [message for message, _ in pairs], [future for _, future in pairs])

    async def _deliver(self, batch: Batch[F]) -> None:
        if not batch.messages:
            return
        try:
            ids = await self._send(topics.publish(self._project, self._topic, batch.messages))
            if len(ids) != len(batch.messages):
                raise UnexpectedAnswer(f"{len(batch.messages)} messages got {len(ids)} ids")
        except ServiceError as error:
            if error.code != httpx.codes.REQUEST_ENTITY_TOO_LARGE or len(batch.messages) == 1:
                batch.fail(error)
                return
            for half in batch.halves():
                await self._deliver(half)
        except Exception as error:  # noqa: BLE001  # whoever waits for the ids hears of it
            batch.fail(error)
        except BaseException:
            batch.fail(ConnectionLost("The publisher was stopped before the broker answered"))
            raise
        else:
            batch.resolve(ids)
