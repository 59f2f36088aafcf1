"""What callers of the log hand in and get back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import NamedTuple, Self, TypeVar, cast

from ams.messages import keys
from ams.messages.lane import Reply

Made = TypeVar("Made")


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


@dataclass(slots=True)
class Run:
    """Messages that were appended together: an entry of the log, or a part of one.

    Args:
        offset: offset of the first; the others follow it without a gap.
        messages: the JSON of each, as it was stored: a line with its line break.
        size: bytes of all of them.
        label: of the entry, see prelude.lua. No two are the same in a log.
    """

    offset: int
    messages: Sequence[bytes]
    size: int
    label: bytes
    _made: object = field(default=None, init=False, compare=False, repr=False)

    @property
    def end(self) -> int:
        """Offset after that of the last message."""
        return self.offset + len(self.messages)

    @property
    def time(self) -> int:
        """When the messages were published, microseconds since 1970."""
        return int.from_bytes(self.label[:7])

    def made_by(self, make: "Callable[[Run], Made]") -> Made:
        """What a function makes of it, for which it is called once: there should be but one."""
        if self._made is None:
            self._made = make(self)
        return cast(Made, self._made)

    def part(self, offset: int, end: int) -> "Run":
        """Its messages from one offset up to, but not including, another."""
        if offset <= self.offset and self.end <= end:
            return self
        messages = self.messages[max(0, offset - self.offset) : end - self.offset]
        return Run(max(offset, self.offset), messages, sum(map(len, messages)), self.label)

    @classmethod
    def entries(cls, reply: Reply) -> list[Self]:
        """All entries that Redis returns, each with its label or followed by it."""
        runs: list[Self] = []
        json = b""
        for id_, fields in reply:
            number, _, part = id_.partition(b"-")
            if part == b"0":
                json = fields[1]
            if part == b"1" or len(fields) > 2:
                # `readlines` searches for line breaks many times faster than `split` does.
                lines = BytesIO(json).readlines()
                runs.append(cls(int(number) - 1, lines, len(json), fields[-1]))
        return runs


def window(runs: Sequence[Run], offset: int, end: int) -> list[Run]:
    """The messages of entries from one offset up to, but not including, another."""
    return [run.part(offset, end) for run in runs if run.offset < end and offset < run.end]


class Offsets(NamedTuple):
    """A subscription's position: `oldest` kept <= `current` <= `end` of the log."""

    current: int
    oldest: int
    end: int
