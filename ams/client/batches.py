"""Messages that wait to be sent, gathered into batches; no input or output."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

import msgspec

#: What a waiting message takes besides its data and attributes, roughly, in bytes.
MESSAGE_OVERHEAD_BYTES = 1024


class Result(Protocol):
    """A future, of threads or of an event loop."""

    def done(self) -> bool: ...

    def set_result(self, result: str, /) -> None: ...

    def set_exception(self, exception: BaseException, /) -> None: ...


F = TypeVar("F", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """When a publisher sends what it has gathered, and how much it holds at most.

    ```python
    at_once = BatchLimits(delay_seconds=0)
    ```

    Attributes:
        messages: most messages of a batch; as soon as it has them, it is sent.
        bytes: most bytes of a batch, as JSON; a larger message is a batch of its own.
        delay_seconds: longest wait of a message for others to join it.
        pending_bytes: most bytes that wait for their answer; publishing waits for room. Each
            message counts as 1 KiB more than its JSON.
    """

    messages: int = 500
    bytes: int = 1 << 20
    delay_seconds: float = 0.01
    pending_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        if min(self.messages, self.bytes, self.pending_bytes) < 1 or self.delay_seconds < 0:
            raise ValueError("limits are at least 1, and no delay is shorter than none")


@dataclass(slots=True)
class Batch(Generic[F]):
    """Messages that are sent together, and the futures of their ids.

    Attributes:
        due: when it is to be sent at the latest; on the clock of `time.monotonic`.
    """

    due: float
    messages: list[msgspec.Raw] = field(default_factory=list)
    futures: list[F] = field(default_factory=list)
    size: int = 0

    def resolve(self, ids: Sequence[str]) -> None:
        """Tells whoever waits the ids."""
        for future, message_id in zip(self.futures, ids, strict=True):
            if not future.done():
                future.set_result(message_id)

    def fail(self, error: BaseException) -> None:
        """Tells whoever waits what went wrong."""
        for future in self.futures:
            if not future.done():
                future.set_exception(error)

    def halves(self) -> tuple[Self, Self]:
        """The same messages in the same order, in two batches."""
        middle = len(self.messages) // 2
        first, second = slice(None, middle), slice(middle, None)
        return (
            type(self)(self.due, self.messages[first], self.futures[first]),
            type(self)(self.due, self.messages[second], self.futures[second]),
        )


class Batches(Generic[F]):
    """All that a publisher has to send, in order."""

    def __init__(self, limits: BatchLimits) -> None:
        self._limits = limits
        self._waiting: deque[Batch[F]] = deque()
        self._pending_bytes = 0
        #: How many messages were ever added, and how many of them have their answer.
        self.added = self.answered = 0

    def has_room(self, message: msgspec.Raw) -> bool:
        """Whether a message may be added; one that is too large for any rule may be alone."""
        size = len(message) + MESSAGE_OVERHEAD_BYTES
        return not self._pending_bytes or self._pending_bytes + size <= self._limits.pending_bytes

    def add(self, message: msgspec.Raw, future: F, now: float) -> bool:
        """Adds a message; returns whether that may change when to send next."""
        size = len(message)
        batch = self._waiting[-1] if self._waiting else None
        opened = batch is None or self._is_full(batch, size)
        if batch is None or opened:
            batch = Batch(now + self._limits.delay_seconds)
            self._waiting.append(batch)
        batch.messages.append(message)
        batch.futures.append(future)
        batch.size += size
        self._pending_bytes += size + MESSAGE_OVERHEAD_BYTES
        self.added += 1
        return opened or self._is_full(batch)

    def wait_seconds(self, now: float) -> float | None:
        """How long until the first batch is to be sent; None if there is none."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        if len(self._waiting) > 1 or self._is_full(first):
            return 0.0
        return max(0.0, first.due - now)

    def take(self) -> Batch[F]:
        """The first batch, which still takes up room until it is answered."""
        return self._waiting.popleft()

    def settle(self, batch: Batch[F]) -> None:
        """A batch has its answer."""
        self._pending_bytes -= batch.size + len(batch.messages) * MESSAGE_OVERHEAD_BYTES
        self.answered += len(batch.messages)

    def flush(self) -> None:
        """Makes everything that waits due now."""
        for batch in self._waiting:
            batch.due = 0.0

    def _is_full(self, batch: Batch[F], size: int = 0) -> bool:
        """Whether another message of so many bytes would not fit; with no size, any other."""
        return (
            len(batch.messages) >= self._limits.messages
            or batch.size >= self._limits.bytes
            or batch.size + size > self._limits.bytes
        )
