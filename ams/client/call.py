"""One request of the HTTP API as a value: what is sent, and how its answer is read.

Every route has a function that builds its `Call`; the functions do no input or output, so that
any transport can share them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec

from ams.client.errors import InvalidName

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how to read the body of a successful answer to it.

    Attributes:
        method: HTTP method.
        path: path below the broker's URL; all names in it were checked.
        read: turns the body into the result; raises msgspec.DecodeError if it is something else.
        query: query parameters.
        body: request body, or None for none.
        may_wait_seconds: how long the broker may hold the answer back on purpose.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    may_wait_seconds: float = 0.0


class Send(Protocol):
    """Sends a call, and returns what its answer holds."""

    def __call__(self, call: Call[T], /) -> T:
        """Raises ServiceError, ConnectionFailed or UnexpectedAnswer."""
        ...


def answer(kind: type[T]) -> Callable[[bytes], T]:
    """A reader of JSON answers of one type."""
    return msgspec.json.Decoder(kind).decode


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


def project_path(project: str) -> str:
    """Path of a project."""
    return f"/v1/projects/{checked_name('project', project)}"


def page_query(page_size: int, page_token: str) -> dict[str, str]:
    """Query parameters of one page of a list; no size means everything on one page."""
    query = {}
    if page_size:
        query["pageSize"] = str(page_size)
    if page_token:
        query["pageToken"] = page_token
    return query
