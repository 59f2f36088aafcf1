"""Shows the warnings and errors that children write to their logs, shortly."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

#: How often a log is looked at, in seconds.
POLL_SECONDS = 0.5
#: Lines that are shown of what came between two looks.
MOST_LINES = 5
#: Longest line that is shown, in characters.
LINE_LENGTH = 200
#: Most that is read at a time, in bytes; what comes on top is passed over.
READ_BYTES = 1 << 20
#: How much of a log's end is read for its last line, in bytes.
END_BYTES = 4096

_SHOWN_LEVELS = ("warning", "error", "critical")
_REDIS_SPACES = 4
_REDIS_ROUTINE = (
    "oO0OoO0OoO0Oo",
    "Redis version=",
    "Configuration loaded",
    "Server initialized",
    "WARNING Memory overcommit",
    "WARNING overcommit_memory",
    "User requested shutdown",
    "Redis is now ready to exit",
)
_COMMON_FIELDS = frozenset({"time", "level", "msg", "type", "trace_id", "logger", "exception"})


class LogTail:
    """Follows a log from its present end on."""

    def __init__(
        self, file: Path, digest: Callable[[str], str], show: Callable[[str], None]
    ) -> None:
        """Prepares to follow a log.

        Args:
            file: the log.
            digest: turns a line into what to show; empty for nothing.
            show: shows it.
        """
        self._file = file
        self._digest = digest
        self._show = show
        self._position = file.stat().st_size
        self._rest = b""

    async def run(self) -> None:
        """Follows the log until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self.look()

    def look(self) -> None:
        """Shows what has come since the last look."""
        lines = [shown for line in self._new_lines() if (shown := self._digest(line))]
        for line in lines[:MOST_LINES]:
            self._show(line[:LINE_LENGTH])
        if len(lines) > MOST_LINES:
            self._show(f"... and {len(lines) - MOST_LINES} more, in {self._file}")

    def _new_lines(self) -> list[str]:
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:
            return []  # An operator has moved it away.
        if size < self._position:
            self._position, self._rest = 0, b""
        if size - self._position > READ_BYTES:
            self._position, self._rest = size - READ_BYTES, b""
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            text = stream.read(size - self._position)
        self._position += len(text)
        *lines, self._rest = (self._rest + text).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def digest_json(line: str) -> str:
    """What to show of a JSON log line: its message and fields, if it is a warning or worse."""
    # Most lines are about requests, and not worth the decoding.
    if not any(f'"{level}"' in line for level in _SHOWN_LEVELS):
        return ""
    try:
        fields = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(fields, dict) or fields.get("level") not in _SHOWN_LEVELS:
        return ""
    details = [f"{name}={value}" for name, value in fields.items() if name not in _COMMON_FIELDS]
    # The last line of a stack says what went wrong.
    stack = str(fields.get("exception", "")).strip().splitlines()
    parts = [f"{fields['level']}: {fields.get('msg', '')}", *details, *stack[-1:]]
    return "  ".join(parts)


def digest_redis(line: str) -> str:
    """What to show of a line of Redis's log, such as `1:M 23 Nov 2026 23:54:14.123 # text`.

    Those that Redis itself marks as warnings, less what it says at every start and stop.
    """
    before, mark, text = line.partition(" # ")
    if not mark or before.count(" ") != _REDIS_SPACES or text.startswith(_REDIS_ROUTINE):
        return ""
    return text


def last_line(file: Path) -> str:
    """The last line of a log, shortened; of a JSON line, its message."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - END_BYTES))
        lines = stream.read().decode(errors="replace").strip().splitlines()
    if not lines:
        return ""
    try:
        fields = json.loads(lines[-1])
        return str(fields["msg"])[:LINE_LENGTH]
    except (ValueError, KeyError, TypeError):
        return lines[-1][:LINE_LENGTH]
