"""Numbers of a process that others can read, and that outlive it: a file in memory.

A worker that takes the place of one that died takes over its file, so counters go on from where
they were, and nothing has to be written when a process ends, however it ends.
"""

import mmap
import os
from collections.abc import Iterator
from struct import Struct, unpack_from
from typing import Final

#: Size of a file, in bytes; what is not used takes no memory.
FILE_BYTES: Final = 16 << 20

_WORD: Final = 8
#: Begin of a record: how many numbers, 1 if they are those of a gauge, length of the key in bytes.
#: The key follows, filled up to whole words, then the numbers.
_HEAD: Final = Struct("=HHI")


def new_file() -> int:
    """The descriptor of a new file; who has it may hand it to other processes."""
    descriptor = os.memfd_create("ams-numbers")
    os.truncate(descriptor, FILE_BYTES)
    return descriptor


class SharedNumbers:
    """Numbers in a file, found by a key; one process at a time writes.

    Args:
        descriptor: of the file; None for memory of this process's own.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._map = mmap.mmap(-1 if descriptor is None else descriptor, FILE_BYTES)
        words = memoryview(self._map)
        #: All of it, word by word, as numbers.
        self.view: Final = words.cast("d")
        # The first word says how many are used, itself included.
        self._used = words.cast("Q")
        self._used[0] = self._used[0] or 1
        # By key, and how many: a process of before may have had another version of this program.
        self._places = {(key, len(each)): at for key, _, at, each in _records(self._bytes())}

    def place(self, key: bytes, count: int, *, is_gauge: bool) -> int:
        """Where the `count` numbers of a key begin in the view, 0 at first.

        Raises:
            MemoryError: there is no room.
        """
        at = self._places.get((key, count))
        if at is None:
            begin = self._used[0] * _WORD
            at = self._used[0] + 1 + _words(len(key))
            if (at + count) * _WORD > FILE_BYTES:
                raise MemoryError("no room for more figures")
            record = bytearray((at + count) * _WORD - begin)
            # All of it: who was killed on writing here before may have left something.
            record[: _HEAD.size + len(key)] = _HEAD.pack(count, is_gauge, len(key)) + key
            self._map[begin : begin + len(record)] = bytes(record)
            # Last, so that nobody reads half a record.
            self._used[0] = at + count
            self._places[key, count] = at
        return at

    def forget_gauges(self) -> None:
        """Sets to 0 what was so of a process that is no more."""
        for _, is_gauge, at, numbers in _records(self._bytes()):
            if is_gauge:
                for place in range(at, at + len(numbers)):
                    self.view[place] = 0.0

    def read(self) -> Iterator[tuple[bytes, tuple[float, ...]]]:
        """All keys and their numbers."""
        return ((key, numbers) for key, _, _, numbers in _records(self._bytes()))

    def _bytes(self) -> bytes:
        return self._map[: self._used[0] * _WORD]


def _records(data: bytes) -> Iterator[tuple[bytes, bool, int, tuple[float, ...]]]:
    """Key, whether it is a gauge's, place and numbers of each record."""
    at = 1
    while at * _WORD < len(data):
        count, is_gauge, length = _HEAD.unpack_from(data, at * _WORD)
        key = (at + 1) * _WORD
        at += 1 + _words(length)
        yield (
            data[key : key + length],
            bool(is_gauge),
            at,
            unpack_from(f"={count}d", data, at * _WORD),
        )
        at += count


def _words(length: int) -> int:
    return -(-length // _WORD)
