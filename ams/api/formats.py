"""How values look on the wire: times, references, page tokens."""

import base64
import binascii
import re
from datetime import UTC, date, datetime
from typing import Final

from ams.messages import publish_time
from ams.service.errors import InvalidArgument

BAD_PAGE_TOKEN: Final = "Invalid page token"
#: How the paging of a list fails.
PAGE_ERRORS: Final = (InvalidArgument("Invalid page size"), InvalidArgument(BAD_PAGE_TOKEN))

#: As messages have it: `2026-01-02T03:04:05.1234Z`.
publish_time_text: Final = publish_time.publish_time_text

BAD_TIME: Final = "Time is not in valid Zulu format."

_SIZE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_PAGE_ID: Final = re.compile(r"[0-9a-f]{24}")
_ZULU: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{0,9}))?Z"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEVER: Final = "0001-01-01T00:00:00Z"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INT64: Final = range(-(2**63), 2**63)


def time_text(time: datetime) -> str:
    """Whole seconds, cut: `2026-01-02T03:04:05Z` (contract: ams-core 1.13)."""
    time = time.astimezone(UTC)
    return (
        f"{time.year:04}-{time.month:02}-{time.day:02}"
        f"T{time.hour:02}:{time.minute:02}:{time.second:02}Z"
    )


def second_text(microseconds: int | None) -> str:
    """A time since 1970 in whole seconds, cut; one that never was is in the year 1."""
    if microseconds is None:
        return _NEVER
    return publish_time.second_text(microseconds // 1_000_000) + "Z"


def number(value: float) -> int | float:
    """A number as clients know it: `7`, not `7.0` (contract: ams-users-metrics 1.5)."""
    whole = int(value)
    return whole if whole == value else value


def date_at(text: str) -> date:
    """The day that a client names; raises ValueError unless it is `2026-01-02` and exists."""
    if _DATE.fullmatch(text) is None:
        raise ValueError
    return date.fromisoformat(text)


def precise_time_text(time: datetime) -> str:
    """With microseconds: `2026-01-02T03:04:05.000678Z`."""
    return f"{time_text(time)[:-1]}.{time.microsecond:06}Z"


def event_time_text(microseconds: int | None) -> str:
    """When something last happened, in the form of a publish time; empty if it never did."""
    return "" if microseconds is None else publish_time_text(microseconds)


def microseconds_at(text: str) -> int:
    """The time a client asks for, rounded up to microseconds since 1970.

    A blank may stand for the `T`, and the fraction may have up to nine digits (contract: O-33).
    """
    match = _ZULU.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        *parts, fraction = match.groups()
        year, month, day, hour, minute, second = (int(part) for part in parts)
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    except ValueError:
        raise InvalidArgument(BAD_TIME) from None
    nanoseconds = int((fraction or "").ljust(9, "0"))
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + -(-nanoseconds // 1000)


def page_size(text: str) -> int:
    """Items a page holds; 0 or less is all of them (contract: ams-core 1.14)."""
    if not text:
        return 0
    if _SIZE.fullmatch(text) is None or int(text) not in _INT64:
        raise InvalidArgument("Invalid page size")
    return int(text)


def page_token(next_id: int | None) -> str:
    """Names the first item of the next page; empty after the last."""
    if next_id is None:
        return ""
    return base64.b64encode(f"{next_id:024x}".encode()).decode()


def page_start(token: str) -> int | None:
    """The id that a page token names, None for the first page."""
    if not token:
        return None
    try:
        text = base64.b64decode(token, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise InvalidArgument(BAD_PAGE_TOKEN) from None
    if _PAGE_ID.fullmatch(text.lower()) is None:
        raise InvalidArgument(BAD_PAGE_TOKEN)
    return min(int(text, 16), _INT64[-1])
