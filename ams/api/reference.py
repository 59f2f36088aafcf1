"""The page docs/api.md, made of what the routes declare: `make docs` writes it."""

from collections.abc import Iterator, Sequence
from typing import Final

from ams.api.app import OPERATIONS
from ams.api.openapi import errors_of, summary_of
from ams.api.operations import Operation
from ams.auth.roles import DEFAULT_ROLES

_INTRODUCTION: Final = """\
# API

<!-- Made from the code by `make docs`. -->

All routes, with the roles that may use them as long as no operator has decided otherwise
([operations.md](operations.md#roles)). A broker serves the whole document at `/v1/openapi.json`,
and a page to read and try it at `/docs`; both need no token.

A token goes into the header `x-api-key`, or into `Authorization: Bearer`, or into the query
parameter `key`. Bodies are JSON, whatever their `Content-Type` says. Every success is a 200, and
every error answers `{"error": {"code": 404, "message": "Topic doesn't exist", "status":
"NOT_FOUND"}}`. Every answer carries `X-Request-Id`, by which the broker's log knows the request; a
well-formed one that a client sends is taken over.

## Routes

| route | method | path | roles |
|---|---|---|---|"""

_ERRORS: Final = """
## What they do, and how they fail

Besides what stands here, every route may answer `503` while Redis or the database is away, and
`500` with a trace id where the fault is ours.
"""


def render_markdown(operations: Sequence[Operation] = OPERATIONS) -> str:
    """The page."""
    lines = [_INTRODUCTION, *map(_row, operations), _ERRORS]
    for each in operations:
        lines += _section(each)
    return "\n".join(lines)


def _path(operation: Operation) -> str:
    return operation.full_path.replace("<", "{").replace(">", "}")


def _row(operation: Operation) -> str:
    roles = ", ".join(sorted(DEFAULT_ROLES.get(operation.name, ())))
    who = "anyone" if operation.is_open else roles
    return f"| `{operation.name}` | {operation.method} | `{_path(operation)}` | {who} |"


def _section(operation: Operation) -> Iterator[str]:
    yield f"### {operation.name}\n"
    yield f"`{operation.method} {_path(operation)}`\n"
    yield f"{summary_of(operation)}\n"
    for parameter in operation.query:
        yield f"- query `{parameter.name}`: {parameter.description}"
    for error in sorted(errors_of(operation), key=lambda error: error.http_status):
        if error.http_status not in (500, 503) or error in operation.errors:
            yield f"- {error.http_status} `{error.status}`: {error.message}"
    yield ""


if __name__ == "__main__":
    print(render_markdown(), end="")  # noqa: T201 (what this is run for)
