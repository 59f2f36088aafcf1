"""How processes tell each other at once what they have changed.

Whoever misses an announcement finds the change in the table of changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ams.metadata.records import Change

#: What the announcements are sent on.
CHANNEL: Final = "ams:changes"

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(list[Change]).decode


def encode(changes: Sequence[Change]) -> bytes:
    """An announcement of changes."""
    return _ENCODE(changes)


def decode(announcement: bytes) -> list[Change]:
    """The changes that are announced."""
    return _DECODE(announcement)
