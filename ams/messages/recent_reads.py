"""What was read from logs time and again, for others that are to get the same.

A topic's subscriptions get the same messages, often at the same moment; and one gets its own again
until it acknowledges them. Redis need not send these bytes each time, nor need an answer be made of
them anew. What is read once is not kept: memory that is freed at once is used again while it is
still at hand, and that is worth a third of a pull.

Entries never change as long as they are there, and a script has said that they are. But a log may
lose its end: with a server whose replica takes over and lacks it, or one that is given an older
file. What is published then has the offsets of what was lost. So the script names the label of the
last entry that it means, and that one must be the one in memory. Those before it were read together
with it. A label has the time of the publish, so two are the same only where times stood still, with
a server whose clock is behind the log: what was read is forgotten when Redis fails.
"""

from bisect import bisect_right
from collections import OrderedDict
from operator import attrgetter
from typing import Final, NamedTuple

from ams.messages.records import Run

#: Bytes that an entry, and a message, takes in memory besides its own.
_PER_ENTRY: Final = 450
_PER_MESSAGE: Final = 200
#: Its own bytes are there twice once an answer has been made of them.
_COPIES: Final = 2
#: Reads that would take a larger part of the room than this are not kept.
_LARGEST_PART: Final = 1 / 4
#: Places that are remembered at which something was read once.
_PLACES: Final = 10_000

_OFFSET: Final = attrgetter("offset")


class _Read(NamedTuple):
    runs: list[Run]
    cost: int


class RecentReads:
    """Whole entries, by topic and by the offset at which they were read from.

    Args:
        most_bytes: of memory that they take, roughly; the read that was used last goes last.
    """

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._most = most_bytes * _LARGEST_PART
        self._reads: OrderedDict[tuple[str, int], _Read] = OrderedDict()
        self._once: OrderedDict[tuple[str, int], None] = OrderedDict()

    def find(self, topic: str, first: int, end: int, last: bytes) -> list[Run] | None:
        """Entries from one that begins at offset `first` to the one of label `last`.

        Returns:
            The entries, which hold the messages before offset `end`; None if not all are here.
        """
        key = (topic, first)
        read = self._reads.get(key)
        if read is None:
            return None
        runs = read.runs
        number = bisect_right(runs, end - 1, key=_OFFSET)
        if runs[number - 1].end < end or runs[number - 1].label != last:
            return None
        self._reads.move_to_end(key)
        return runs if number == len(runs) else runs[:number]

    def note(self, topic: str, runs: list[Run]) -> None:
        """Keeps entries that were read together, if others that began there were read before."""
        cost = sum(
            [_PER_ENTRY + _PER_MESSAGE * len(run.messages) + _COPIES * run.size for run in runs]
        )
        if cost > self._most or not runs:
            return
        key = (topic, runs[0].offset)
        before = self._reads.pop(key, None)
        if before is None and not self._is_known(key):
            return
        self._reads[key] = _Read(runs, cost)
        self._room += (before.cost if before else 0) - cost
        while self._room < 0:
            _, oldest = self._reads.popitem(last=False)
            self._room += oldest.cost

    def forget(self) -> None:
        """Keeps nothing of what has been read so far."""
        self._room += sum([read.cost for read in self._reads.values()])
        self._reads.clear()

    def _is_known(self, key: tuple[str, int]) -> bool:
        if key in self._once:
            del self._once[key]
            return True
        self._once[key] = None
        if len(self._once) > _PLACES:
            self._once.popitem(last=False)
        return False
