"""How a statement on a database can fail, whichever database it is."""

from __future__ import annotations

from enum import Enum, auto


class Failure(Enum):
    """The kinds of failure that callers tell apart."""

    #: A unique value exists already.
    DUPLICATE = auto()
    #: The row that a new one refers to does not exist.
    NO_PARENT = auto()
    #: Lost against another transaction; the same may succeed now.
    CONTENTION = auto()
    #: A value does not fit its column.
    BAD_VALUE = auto()
    #: The database can't be reached, or can't work.
    UNAVAILABLE = auto()
