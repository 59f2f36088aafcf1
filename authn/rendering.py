"""JSON as AuthN's clients know it (contract: authn 1.4)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

#: What could end a script or a line where JSON is pasted into a page.
_ESCAPES: Final = str.maketrans(
    {char: f"\\u{ord(char):04x}" for char in ("<", ">", "&", "\u2028", "\u2029")}
)


def pretty(value: Mapping[str, object] | None) -> bytes:
    """A document with one space a level, and no line end behind it."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.translate(_ESCAPES).encode("utf-8", "replace")


def time_text(when: datetime | None) -> str:
    """A time in whole seconds, UTC; empty for none."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""
