"""Going over values in Avro's binary encoding without building them.

A library that decodes takes what no reader should get (a negative index into a union or an enum),
builds objects a hundred times as large as what they were sent in, and can be made to loop for ever
by an array of empty items. Here every step passes at least a byte, and nothing is kept.

A `Skip` gets data and the position of a value, and returns the position after it. It raises
`ValueError` for what is no such value, `IndexError` at the end of the data, and `RecursionError` if
values are nested too deeply.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Skip: TypeAlias = Callable[[bytes, int], int]

#: Bytes of the longest encoding of 32 and of 64 bits, 7 bits a byte.
_INT_BYTES: Final = 5
_LONG_BYTES: Final = 10
#: What the last byte of these may be at most, as it has room for more bits.
_INT_LAST_BYTE: Final = 0x0F
_LONG_LAST_BYTE: Final = 0x01


def skip_nothing(_data: bytes, at: int) -> int:
    """Null, and whatever else has no bytes."""
    return at


def skip_boolean(data: bytes, at: int) -> int:
    """A byte, 0 or 1."""
    if data[at] > 1:
        raise ValueError("a boolean is neither 0 nor 1")
    return at + 1


def skip_int(data: bytes, at: int) -> int:
    """An integer of 32 bits: 7 bits a byte, the last byte below 0x80."""
    if data[at] < 0x80:
        return at + 1
    start = at
    while data[at] > 0x7F:
        at += 1
    _check_length(data[at], at - start + 1, _INT_BYTES, _INT_LAST_BYTE)
    return at + 1


def skip_long(data: bytes, at: int) -> int:
    """An integer of 64 bits."""
    if data[at] < 0x80:
        return at + 1
    start = at
    while data[at] > 0x7F:
        at += 1
    _check_length(data[at], at - start + 1, _LONG_BYTES, _LONG_LAST_BYTE)
    return at + 1


def _check_length(last: int, length: int, most: int, most_last: int) -> None:
    if length > most or (length == most and last > most_last):
        raise ValueError("integer overflow")


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """A long, and the position after it."""
    value = data[at]
    end = at + 1
    if value > 0x7F:
        if data[end] < 0x80:  # two bytes: the length of most strings that are long
            value = data[end] << 7 | value & 0x7F
            end += 1
        else:
            end = skip_long(data, at)
            value = 0
            for byte in reversed(data[at:end]):
                value = value << 7 | byte & 0x7F
    return value >> 1 ^ -(value & 1), end


def skip_bytes(data: bytes, at: int) -> int:
    """Bytes, with their number before them."""
    length, at = read_long(data, at)
    if length < 0:
        raise ValueError("negative length")
    return _within(data, at + length)


def skip_string(data: bytes, at: int) -> int:
    """The same, which must be UTF-8."""
    length = data[at]
    if length < 0x80 and not length & 1:  # most strings, in a third of the time
        start = at + 1
        end = start + (length >> 1)
    else:
        length, start = read_long(data, at)
        end = start + length
        if length < 0:
            raise ValueError("negative length")
    if end > len(data):
        raise IndexError
    data[start:end].decode()
    return end


def _within(data: bytes, end: int) -> int:
    if end > len(data):
        raise IndexError
    return end


def fixed(size: int) -> Skip:
    """A value of so many bytes."""
    if not size:
        return skip_nothing

    def skip(data: bytes, at: int) -> int:
        return _within(data, at + size)

    return skip


def enum(symbols: int) -> Skip:
    """One of so many symbols."""

    def skip(data: bytes, at: int) -> int:
        index, at = read_long(data, at)
        if not 0 <= index < symbols:
            raise ValueError(f"enum index {index} is not in 0..{symbols - 1}")
        return at

    return skip


def union(branches: Sequence[Skip]) -> Skip:
    """A value of one of some types."""
    count = len(branches)

    def skip(data: bytes, at: int) -> int:
        index, at = read_long(data, at)
        if not 0 <= index < count:
            raise ValueError(f"union index {index} is not in 0..{count - 1}")
        return branches[index](data, at)

    return skip


def record(fields: Sequence[Skip]) -> Skip:
    """Values one after the other."""
    # Fields without bytes would let few bytes take much time, and so would records in records.
    used = tuple(field for field in fields if field is not skip_nothing)
    if len(used) < 2:
        return used[0] if used else skip_nothing

    def skip(data: bytes, at: int) -> int:
        for field in used:
            at = field(data, at)
        return at

    return skip


def blocks(items: Skip) -> Skip:
    """An array: blocks of items, each with their number before them, up to a block of none.

    The items of a map are records of a string and a value.
    """

    def skip(data: bytes, at: int) -> int:
        while True:
            count, at = read_long(data, at)
            if count < 0:  # the size of the block in bytes follows
                count, at = -count, skip_long(data, at)
            if not count:
                return at
            if items is not skip_nothing:
                for _ in range(count):
                    at = items(data, at)

    return skip


def later(find: Callable[[], Skip]) -> Skip:
    """A type that is not complete yet: that of a record inside of itself."""

    def skip(data: bytes, at: int) -> int:
        return find()(data, at)

    return skip
