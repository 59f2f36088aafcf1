"""Messages as they are stored: JSON, a line each, several to an entry of the stream."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

#: Bytes and messages after which an entry is full. Appending a full entry costs little more than
#: appending one message; but who pulls one message of it makes Redis read all of it. With its own
#: few bytes such an entry fits well into a block of Redis' allocator.
ENTRY_BYTES: Final = 15_500
ENTRY_MESSAGES: Final = 64

_encode_lines: Final = msgspec.json.Encoder().encode_lines


class Message(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A message as it is stored; a pull adds its id and publish time."""

    data: str
    attributes: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of data and attributes, UTF-8."""
        size = _bytes_in(self.data)
        for name, value in self.attributes.items():
            size += _bytes_in(name) + _bytes_in(value)
        return size


class Entry(NamedTuple):
    """An entry of the stream.

    Args:
        json: that of its messages, a line each.
        lengths: those of their data, in bytes: text, separated by blanks.
        number: how many messages they are.
        data: bytes of their data.
    """

    json: bytes
    lengths: bytes
    number: int
    data: int


def pack(messages: Sequence[Message], size: int) -> list[Entry]:
    """Packs messages into entries of about the bounds above.

    Args:
        messages: what to pack.
        size: bytes of all of them together, roughly; they are taken to be alike.
    """
    if len(messages) == 1:
        return [_entry_of_one(messages)]
    fit = len(messages) * ENTRY_BYTES // (size + 1)
    step = max(1, min(fit, ENTRY_MESSAGES))
    return [_entry(messages[at : at + step]) for at in range(0, len(messages), step)]


def _entry_of_one(messages: Sequence[Message]) -> Entry:
    """What `_entry` makes of a single message, in half the time: most publishes have no more."""
    json = _encode_lines(messages)
    data = messages[0].data
    length = len(data) if json.isascii() else _bytes_in(data)
    return Entry(json, b"%d" % length, 1, length)


def _entry(messages: Sequence[Message]) -> Entry:
    json = _encode_lines(messages)
    if json.isascii():
        lengths = [len(message.data) for message in messages]
    else:
        lengths = [_bytes_in(message.data) for message in messages]
    text = " ".join(map(str, lengths)).encode()
    return Entry(json, text, len(messages), sum(lengths))


def join(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Joins neighbours that have room in one entry: single messages of several publishers."""
    pending: list[Entry] = []
    size = count = 0
    for entry in entries:
        size += len(entry.json)
        count += entry.number
        if pending and (size > ENTRY_BYTES or count > ENTRY_MESSAGES):
            yield _joined(pending)
            pending, size, count = [], len(entry.json), entry.number
        pending.append(entry)
    if pending:
        yield _joined(pending)


def _joined(entries: Sequence[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    json = b"".join([entry.json for entry in entries])
    lengths = b" ".join([entry.lengths for entry in entries])
    number = sum([entry.number for entry in entries])
    return Entry(json, lengths, number, sum([entry.data for entry in entries]))


def _bytes_in(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
