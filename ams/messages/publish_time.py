"""Publish times as receivers and clients read them."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=1024)
def second_text(second: int) -> str:
    """A second since 1970, without a zone: `2026-01-02T03:04:05`."""
    return datetime.fromtimestamp(second, UTC).isoformat()[: len("2026-01-02T03:04:05")]


def publish_time_text(microseconds: int) -> str:
    """A time since 1970 without trailing zeros: `2026-01-02T03:04:05.1234Z`."""
    second, fraction = divmod(microseconds, 1_000_000)
    if not fraction:
        return f"{second_text(second)}Z"
    return f"{second_text(second)}.{fraction:06}".rstrip("0") + "Z"
