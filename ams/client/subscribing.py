"""Consuming a subscription: what is the same for threads and for event loops.

There is no lease: whatever is not acknowledged comes again at the next pull, to whoever pulls. An
acknowledgement is cumulative, works once for each pull, and must come within the deadline, which
runs from the last pull (contract: ams-core 5.1, 6.2). So:

- When half of the deadline is over, what was handled is acknowledged and the rest pulled again.
- An acknowledgement that was too late, or whose answer was lost, is not repeated at once. If the
  next pull starts with the same message again, nobody has moved the subscription, and what was
  handled is acknowledged then, without handing it out a second time.
- All that fails is followed by a pause, which grows.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

import httpx

from ams.client import subscriptions
from ams.client.call import Call
from ams.client.errors import ClientError, ConnectionFailed, NotTrusted, ServiceError
from ams.client.objects import Message, ReceivedMessage
from ams.client.retries import Retries

T = TypeVar("T")

#: Most messages of a pull unless the caller says otherwise.
MAX_MESSAGES = 100
#: The part of the deadline after which what was handled is acknowledged.
DEADLINE_SHARE = 0.5
#: The deadline to reckon with if the user may not look at the subscription, in seconds.
ASSUMED_DEADLINE_SECONDS = 10
#: Least time between two pulls that found nothing, in seconds: a broker may answer at once.
IDLE_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Line(Protocol):
    """The connection to the broker, until someone stops the subscriber."""

    @property
    def stopped(self) -> bool: ...

    async def once(self, call: Call[T], /) -> T:
        """Sends a call once."""
        ...

    async def pull(self, call: Call[tuple[ReceivedMessage, ...]], /) -> tuple[ReceivedMessage, ...]:
        """Sends a call once; may return nothing at once when stopped."""
        ...

    async def pause(self, seconds: float, /) -> None:
        """Waits; ends at once when stopped."""
        ...


class CallbackFailed(Exception):
    """A callback has raised an error, which may be of this library as well."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Handled(NamedTuple):
    """Ack ids: of the first message of a batch, and of the last that was handled."""

    first: str
    last: str


class Subscribing:
    """Hands out the messages of one subscription."""

    def __init__(
        self,
        line: Line,
        project: str,
        subscription: str,
        handle: Callable[[tuple[Message, ...]], Awaitable[None]],
        on_error: Callable[[Exception], Awaitable[None]] | None,
        *,
        max_messages: int,
        at_once: int,
        retries: Retries,
    ) -> None:
        """Prepares; nothing is sent before `work` runs.

        Args:
            line: the connection.
            project: name of the project.
            subscription: short name of the subscription.
            handle: gets the messages.
            on_error: gets what `handle` raises; with None that ends the work.
            max_messages: most messages of a pull.
            at_once: most messages that `handle` gets together.
            retries: how long to pause after a failure.

        Raises:
            InvalidName: there can be no such subscription.
        """
        if max_messages < 1:
            raise ValueError("a pull asks for at least one message")
        self._line = line
        self._project = project
        self._subscription = subscription
        self._pull = subscriptions.pull(project, subscription, max_messages, wait=True)
        self._look = subscriptions.pull(project, subscription, max_messages)
        self._show = subscriptions.show(project, subscription)
        self._handle = handle
        self._on_error = on_error
        self._at_once = at_once
        self._retries = retries
        #: What was handled and is not known to be acknowledged.
        self._handled: _Handled | None = None
        #: Time there is for handling before acknowledging, in seconds; None if it is not known.
        self._budget: float | None = None

    async def work(self) -> None:
        """Pulls, hands out and acknowledges until stopped.

        Raises:
            CallbackFailed: `handle` has raised an error, and there is no `on_error`.
            ClientError: the broker refuses for good, or something else answers in its place.
        """
        failures = 0
        while not self._line.stopped:
            error: Exception
            try:
                await self._round()
                failures = 0
                continue
            except CallbackFailed as failed:
                if self._on_error is None:
                    await self._make_up_at_the_end()
                    raise
                error = failed.error
                await self._on_error(error)
            except ClientError as failed:
                if not _passes(failed):
                    raise
                error = failed
                _log.warning("%s/%s: %s", self._project, self._subscription, error)
            failures += 1
            await self._line.pause(self._retries.pause_seconds(failures, error))
        await self._make_up_at_the_end()

    async def _round(self) -> None:
        """One pull, and what comes of it."""
        if self._budget is None:
            self._budget = await self._deadline() * DEADLINE_SHARE
        started = time.monotonic()
        messages = await self._line.pull(self._pull)
        if self._line.stopped:
            return
        if not messages:
            await self._line.pause(started + IDLE_SECONDS - time.monotonic())
        elif not await self._make_up(messages):
            await self._hand_out(messages, time.monotonic() + self._budget)

    async def _make_up(self, messages: tuple[ReceivedMessage, ...]) -> bool:
        """Acknowledges what was handled before if these are the same messages again."""
        handled, self._handled = self._handled, None
        if handled is None or not messages or messages[0].ack_id != handled.first:
            return False
        # A broker may return fewer messages than before.
        ids = [received.ack_id for received in messages]
        last = handled.last if handled.last in ids else ids[-1]
        await self._acknowledge(_Handled(handled.first, last))
        return True

    async def _make_up_at_the_end(self) -> None:
        """Tries once more to acknowledge what was handled, before it is forgotten."""
        if self._handled is None:
            return
        try:
            await self._make_up(await self._line.once(self._look))
        except ClientError as error:
            _log.warning("%s/%s: %s", self._project, self._subscription, error)

    async def _deadline(self) -> int:
        try:
            return (await self._line.once(self._show)).ack_deadline_seconds
        except ServiceError as error:
            if error.code != httpx.codes.FORBIDDEN:
                raise
            return ASSUMED_DEADLINE_SECONDS

    async def _hand_out(self, messages: tuple[ReceivedMessage, ...], until: float) -> None:
        """Hands out messages, at most until some time, and acknowledges what was handled."""
        done = 0
        failure: BaseException | None = None
        while done < len(messages) and (done == 0 or time.monotonic() < until):
            part = messages[done : done + self._at_once]
            try:
                await self._handle(tuple(received.message for received in part))
            except BaseException as error:  # noqa: BLE001  # raised below
                failure = CallbackFailed(error) if isinstance(error, Exception) else error
                break
            done += len(part)
        try:
            if done:
                await self._acknowledge(_Handled(messages[0].ack_id, messages[done - 1].ack_id))
        except ClientError as error:
            if failure is None:
                raise
            _log.warning("%s/%s: %s", self._project, self._subscription, error)
        if failure:
            raise failure

    async def _acknowledge(self, handled: _Handled) -> None:
        self._handled = handled
        acknowledge = subscriptions.acknowledge(self._project, self._subscription, [handled.last])
        try:
            await self._line.once(acknowledge)
        except ServiceError as error:
            if error.code == httpx.codes.REQUEST_TIMEOUT:
                self._budget = None  # The deadline may have been changed.
            raise
        self._handled = None


def _passes(error: ClientError) -> bool:
    """Whether trying again after a while may help."""
    if isinstance(error, ServiceError):
        # contract: ams-core 6.1 - an acknowledgement that another one has overtaken is a 500.
        return error.code >= 500 or error.code == httpx.codes.REQUEST_TIMEOUT
    return isinstance(error, ConnectionFailed) and not isinstance(error, NotTrusted)
