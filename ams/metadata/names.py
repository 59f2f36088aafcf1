"""Which texts can be names at all."""

from __future__ import annotations

from ams.metadata.models import TEXT_LENGTH


def can_exist(name: str, most: int = TEXT_LENGTH) -> bool:
    """Whether something of this name may be in the database; if not, it need not be asked.

    The database would refuse the question rather than answer that there is none. `most` is the
    length of its column, in characters.
    """
    if len(name) > most:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
