"""What callers of the log hand in and get back."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from ams.messages import keys
from ams.messages.lane import Reply


class Cursor(NamedTuple):
    """A subscription, as the caller's metadata has it.

    Args:
        topic: uuid of its topic.
        subscription: its own uuid.
        epoch: version of that metadata.
        start: offset at which it begins when the log does not know it yet.
        pusher: the right to push by which it is used, see `Pushing`; empty for other uses.
    """

    topic: str
    subscription: str
    epoch: int
    start: int
    pusher: str = ""

    def keys(self) -> tuple[str, str, str]:
        return (
            keys.topic(self.topic),
            keys.subscription(self.topic, self.subscription),
            keys.subscriptions(self.topic),
        )

    def arguments(self) -> tuple[int, int, str]:
        return self.epoch, self.start, self.subscription


class Run(NamedTuple):
    """Messages that were appended together.

    Args:
        offset: offset of the first; the others follow it without a gap.
        messages: the JSON of each, as it was stored.
        time: when they were published, microseconds since 1970.
    """

    offset: int
    messages: Sequence[bytes]
    time: int

    @classmethod
    def list_of(cls, reply: Reply) -> list[Self]:
        """The messages that a script has read: see `read` in prelude.lua."""
        offset, count, *entries = reply
        runs = []
        for first, json, time in zip(entries[::3], entries[1::3], entries[2::3], strict=True):
            messages = json.split(b"\n")
            if first < offset or first + len(messages) > offset + count:
                messages = messages[max(0, offset - first) : offset + count - first]
            runs.append(cls(max(first, offset), messages, time))
        return runs


class Offsets(NamedTuple):
    """A subscription's position: `oldest` kept <= `current` <= `end` of the log."""

    current: int
    oldest: int
    end: int
