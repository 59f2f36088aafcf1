"""One request of the HTTP API as a value: what is sent, and how its answer is read.

Every route has a function that builds its `Call`; the functions do no input or output, so that
any transport can share them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from ams.client.errors import InvalidName

K = TypeVar("K")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Repeat(Enum):
    """What it means to send a call once more when nobody knows whether it was done."""

    #: Doing it twice is like doing it once.
    SAFE = "safe"
    #: If it was done, the second time is refused: a create would say 409 of its own success.
    REFUSED = "refused"
    #: What it made is there twice.
    DUPLICATES = "duplicates"
    #: The second time it does more than the first.
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A request, and how to read the body of a successful answer to it.

    Attributes:
        method: HTTP method.
        path: path below the broker's URL; all names in it were checked.
        read: turns the body into the result; raises msgspec.DecodeError if it is something else.
        repeat: what it means to send it once more.
        query: query parameters; those with several values are there several times.
        body: request body, or None for none.
        may_wait_seconds: how long the broker may hold the answer back on purpose.
        shown_path: what errors say instead of a path that holds a secret.
    """

    method: str
    path: str
    read: Callable[[bytes], T_co]
    repeat: Repeat
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    body: bytes | None = None
    may_wait_seconds: float = 0.0
    shown_path: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.shown_path or self.path}"


class Page(Protocol[T_co]):
    """Some of a list; an empty `next_page_token` ends it."""

    @property
    def items(self) -> Sequence[T_co]: ...

    @property
    def next_page_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Listing(Generic[T_co]):
    """A list that is asked for page by page.

    Attributes:
        page: builds the request for the page with a token; the first page's is empty.
    """

    page: Callable[[str], Call[Page[T_co]]]


def answer(kind: type[T]) -> Callable[[bytes], T]:
    """A reader of JSON answers of one type."""
    return msgspec.json.Decoder(kind).decode


def answer_part(kind: type[K], pick: Callable[[K], T]) -> Callable[[bytes], T]:
    """A reader of JSON answers of one type, of which one part is of interest."""
    decode = answer(kind)
    return lambda body: pick(decode(body))


def no_answer(_body: bytes) -> None:
    """The reader of answers that hold nothing of interest."""


def checked_name(what: str, name: str) -> str:
    """Returns a resource's short name if it is one (contract: ams-core 1.7).

    A name goes into a path, where anything else could turn the request into another one.

    Args:
        what: kind of resource, for the error.
        name: short name, without the project.

    Raises:
        InvalidName: it is empty, or has other than ASCII letters, digits, `_` and `-`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"Invalid {what} name {name!r}: it may have letters, digits, - and _ only"
        )
    return name


def checked_secret(what: str, secret: str) -> str:
    """Returns a secret that goes into a path, if it is like a name.

    Raises:
        InvalidName: it is not; the error does not show it.
    """
    if not _NAME.fullmatch(secret):
        raise InvalidName(f"Invalid {what}: it may have letters, digits, - and _ only")
    return secret


def project_path(project: str) -> str:
    """Path of a project."""
    return f"/v1/projects/{checked_name('project', project)}"


def time_text(when: datetime) -> str:
    """A time as the API takes it, to the millisecond; local time if it has no time zone."""
    # contract: ams-core 6.5 - exactly three digits of a second, and a literal Z.
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def page_query(page_size: int, page_token: str, **others: str) -> dict[str, str]:
    """Query parameters of one page of a list; no size means everything on one page.

    Others are left out if they are empty.
    """
    size = str(page_size) if page_size else ""
    query = {"pageSize": size, "pageToken": page_token, **others}
    return {name: value for name, value in query.items() if value}


#: Has the broker say what it would do, and do nothing.
DRY_RUN: Final = {"dryRun": "true"}
