"""Quantities as they are given on the command line, and as they are shown there."""

import re
from datetime import UTC, date, datetime

from ams.cli.failure import CommandFailed, Exit

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def seconds(option: str, text: str) -> int:
    """A length of time in seconds: `90`, `90s`, `15m`, `12h` or `7d`.

    Args:
        option: name of the option, for the error.
        text: what was given.

    Raises:
        CommandFailed: it is no length of time.
    """
    match = re.fullmatch(r"([0-9]+)([smhd]?)", text)
    if not match:
        raise CommandFailed(
            f"{option} {text}: write a time such as 90s, 15m, 12h or 7d", Exit.USAGE
        )
    return int(match[1]) * _SECONDS[match[2]]


def size(option: str, text: str) -> int:
    """A number of bytes: `1000`, or `64K`, `64M`, `64G`, `64T` for multiples of 1024.

    Raises:
        CommandFailed: it is no number of bytes.
    """
    match = re.fullmatch(r"([0-9]+)([KMGT]?)", text)
    if not match:
        raise CommandFailed(f"{option} {text}: write bytes such as 1000, 64M or 2G", Exit.USAGE)
    return int(match[1]) * _BYTES[match[2]]


def format_seconds(seconds: int) -> str:
    """A length of time as `seconds` reads it, in the largest unit that it is whole in."""
    unit = max(
        (unit for unit, length in _SECONDS.items() if unit and seconds % length == 0),
        key=_SECONDS.__getitem__,
    )
    return f"{seconds // _SECONDS[unit]}{unit}"


def format_age(seconds: float) -> str:
    """How long something has been, in two units at most: `1m 30s`, `3d 4h`."""
    left = int(seconds)
    parts: list[str] = []
    for unit in "dhms":
        number, left = divmod(left, _SECONDS[unit])
        if number or parts:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0s"


def format_number(number: float) -> str:
    """A number with a comma after the thousands, and a fraction only where it matters."""
    if isinstance(number, int) or number >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def format_size(size: int) -> str:
    """A number of bytes, about: `16 B`, `1.2 MiB`."""
    number, unit = float(size), "B"
    for prefix in "KMGT":
        if number < 1 << 10:
            break
        number, unit = number / (1 << 10), f"{prefix}iB"
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"


def day(option: str, text: str) -> date:
    """A day such as `2026-11-23`.

    Raises:
        CommandFailed: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(
            f"{option} {text}: write a day such as 2026-11-23", Exit.USAGE
        ) from error


def instant(option: str, text: str) -> datetime:
    """A point in time, RFC 3339 or a part of it; UTC if it has no zone.

    Raises:
        CommandFailed: it is no point in time.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(
            f"{option} {text}: write a time such as 2026-11-23T10:30:00Z", Exit.USAGE
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)
