"""Reads DER, for what the certificate library keeps to itself or puts in other words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

INTEGER: Final = 0x02
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31

#: The bits of a tag that say the tag goes on in further bytes; nothing here has such tags.
_LONG_TAG: Final = 0x1F
#: First byte of a length that takes further bytes.
_LONG_LENGTH: Final = 0x80
#: Bytes that a length may take besides the first.
_MOST_LENGTH_BYTES: Final = 4


class MalformedDER(ValueError):
    """The bytes are no DER, or of another shape than expected."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its tag, as one byte, and what is in it."""

    tag: int
    content: bytes

    def parts(self, tag: int) -> "Iterator[Value]":
        """The values inside.

        Args:
            tag: what this value must be: `SEQUENCE` or `SET`.

        Raises:
            MalformedDER: it is something else, or its content is no DER.
        """
        if self.tag != tag:
            raise MalformedDER(f"tag {self.tag:#04x} instead of {tag:#04x}")
        return read(self.content)


def read(data: bytes) -> Iterator[Value]:
    """The values in `data`, one after the other.

    Raises:
        MalformedDER: the rest is no DER.
    """
    position = 0
    while position < len(data):
        start, length = _header(data, position)
        end = start + length
        if end > len(data):
            raise MalformedDER("a value is cut off")
        yield Value(data[position], data[start:end])
        position = end


def _header(data: bytes, position: int) -> tuple[int, int]:
    """Where the content of the value at `position` starts, and its length."""
    if data[position] & _LONG_TAG == _LONG_TAG or position + 1 >= len(data):
        raise MalformedDER("no tag and length")
    first = data[position + 1]
    start = position + 2
    if first < _LONG_LENGTH:
        return start, first
    size = first - _LONG_LENGTH
    if not 1 <= size <= _MOST_LENGTH_BYTES or start + size > len(data):
        raise MalformedDER("no length")
    return start + size, int.from_bytes(data[start : start + size], "big")
