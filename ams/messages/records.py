"""What callers of the log hand in and get back."""

from collections.abc import Sequence
from io import BytesIO
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
        messages: the JSON of each, as it was stored: a line with its line break.
        time: when they were published, microseconds since 1970.
    """

    offset: int
    messages: Sequence[bytes]
    time: int

    @classmethod
    def list_of(cls, offset: int, count: int, entries: Reply) -> list[Self]:
        """Messages that are in entries of the log.

        Args:
            offset: of the first message to take.
            count: how many to take.
            entries: as Redis returns them, each followed by its label: see prelude.lua.
        """
        runs = []
        end = offset + count
        first = int(entries[0][0].removesuffix(b"-0")) - 1 if entries else end
        for (_, (_, json)), (_, (_, label)) in zip(entries[::2], entries[1::2], strict=True):
            # Searches for line breaks many times faster than `split` does.
            messages = BytesIO(json).readlines()
            following = first + len(messages)
            if first < offset or following > end:
                messages = messages[max(0, offset - first) : end - first]
            runs.append(cls(max(first, offset), messages, int.from_bytes(label[:7])))
            first = following
        return runs


class Offsets(NamedTuple):
    """A subscription's position: `oldest` kept <= `current` <= `end` of the log."""

    current: int
    oldest: int
    end: int
