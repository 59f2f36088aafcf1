"""What one route is: its name, what it takes, what it answers, how it fails.

The handlers are made routes by `operation`, and the OpenAPI document is made of what is said there.
What a handler takes it can only read through what is declared, so the two can't differ.
"""

from collections.abc import Awaitable, Callable, Iterable
from copy import copy
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, get_args, get_type_hints

from ams.service.errors import ServiceError

if TYPE_CHECKING:
    from ams.api.calls import Call

Shape = TypeVar("Shape")

#: Answers a call. Any: the type of the answer differs from route to route; bytes are JSON already.
Endpoint = Callable[["Call"], Awaitable[Any]]

#: Names of paths that several operations share.
PROJECT: Final = "/v1/projects/<project>"
TOPIC: Final = "/v1/projects/<project>/topics/<topic>"
SUBSCRIPTION: Final = "/v1/projects/<project>/subscriptions/<subscription>"


@dataclass(frozen=True, eq=False, slots=True)
class BodyKind(Generic[Shape]):
    """What a route takes as its body.

    Args:
        shape: the type it is decoded into.
        malformed: what is raised when it is something else.
        optional: whether an empty one will do.
        is_map: whether it is an object of texts: names count in their exact letter case, and one
            value that is no text fails it, under whatever name (contract: ams-core 1.9).
        is_first_value: whether what stands behind its first JSON value is ignored.
    """

    shape: type[Shape]
    malformed: ServiceError
    optional: bool = False
    is_map: bool = False
    is_first_value: bool = False

    def fault(self) -> ServiceError:
        """A new `malformed`: an error that is raised twice would keep the stacks of both."""
        return copy(self.malformed)


@dataclass(frozen=True, eq=False, slots=True)
class Parameter:
    """A query parameter.

    Args:
        name: as clients write it.
        description: what it does, and what it is when absent.
        choices: all that it may be, if it is one of a few.
        is_list: whether it may be there more than once.
    """

    name: str
    description: str
    choices: tuple[str, ...] = ()
    is_list: bool = False


PAGE_SIZE: Final = Parameter("pageSize", "Most items of a page; 0, or nothing, for all of them.")
PAGE_TOKEN: Final = Parameter("pageToken", "`nextPageToken` of the page before.")
#: Taken by every operation that has a preview.
DRY_RUN: Final = Parameter(
    "dryRun",
    "`true` does nothing, and answers what would be done; by default `false`.",
    choices=("true", "false"),
)


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """A route.

    Args:
        name: as the role table and the logs have it, such as `topics:publish`.
        method: HTTP method.
        path: with its variables in angle brackets.
        verb: what follows the colon of the last segment.
        endpoint: answers it.
        answer: type of the answer; None for an empty one.
        preview: answers in place of `endpoint` with what that would do, and does nothing. The
            caller asks for it by `DRY_RUN`. It makes the same checks, and fails in the same ways.
        preview_answer: type of the preview's answer.
        may_be_empty: whether an answer that has a type may be empty all the same.
        body: what it takes, if anything.
        query: the parameters that it reads.
        errors: how it fails, besides as all routes do. What differs from case to case in a message
            stands in braces: `invalid role: {role}`.
        is_open: whether anyone may call it; it checks for itself who does.
        is_audited: whether it is a change that goes into the audit trail.
    """

    name: str
    method: str
    path: str
    verb: str | None
    endpoint: Endpoint
    answer: Any  # a type, as `get_type_hints` gives it
    preview: Endpoint | None
    preview_answer: Any  # the same
    may_be_empty: bool
    body: BodyKind[Any] | None
    query: tuple[Parameter, ...]
    errors: tuple[ServiceError, ...]
    is_open: bool
    is_audited: bool

    @property
    def full_path(self) -> str:
        """The path with its verb."""
        return f"{self.path}:{self.verb}" if self.verb else self.path

    @property
    def resource(self) -> str:
        """What it is about: the path below the version, its variables in braces."""
        return self.path.removeprefix("/v1").replace("<", "{").replace(">", "}")

    @property
    def description(self) -> str:
        """What it does, in a sentence or some."""
        return (self.endpoint.__doc__ or "").strip()


def operation(
    name: str,
    method: str,
    path: str,
    *,
    verb: str | None = None,
    answer: object = None,
    preview: Endpoint | None = None,
    body: BodyKind[Any] | None = None,
    query: Iterable[Parameter] = (),
    errors: Iterable[ServiceError] = (),
    is_open: bool = False,
    is_audited: bool | None = None,
) -> Callable[[Endpoint], Operation]:
    """Makes a handler a route.

        @operation("topics:show", "GET", TOPIC, errors=[NotFound("Topic")])
        async def show(call: Call) -> answers.Topic:

    The parameters are those of `Operation`, but that `answer` is given for a handler only that
    returns bytes; for others it is the type that they return. Audited is by default what is no GET.
    """

    def decorate(endpoint: Endpoint) -> Operation:
        returned = _returned(endpoint)
        kinds = [kind for kind in get_args(returned) or (returned,) if kind is not type(None)]
        return Operation(
            name=name,
            method=method,
            path=path,
            verb=verb,
            endpoint=endpoint,
            answer=answer if returned is bytes else kinds[0] if kinds else None,
            may_be_empty=len(kinds) < len(get_args(returned)),
            preview=preview,
            preview_answer=None if preview is None else _returned(preview),
            body=body,
            query=(*query, *([] if preview is None else [DRY_RUN])),
            errors=tuple(errors),
            is_open=is_open,
            is_audited=method != "GET" if is_audited is None else is_audited,
        )

    return decorate


def _returned(endpoint: Endpoint) -> Any:  # noqa: ANN401 (a type)
    return get_type_hints(endpoint, localns={"Call": object})["return"]


def operations_of(modules: Iterable[ModuleType]) -> tuple[Operation, ...]:
    """All routes that these modules define, in their order."""
    return tuple(
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Operation)
    )
