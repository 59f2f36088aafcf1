"""The OpenAPI document: made of what the routes declare, so that it says what the code does."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

import ams
from ams.api.operations import BodyKind, Operation, Parameter
from ams.auth.roles import DEFAULT_ROLES
from ams.service.connection import BUSY, RequestTimeout
from ams.service.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    InvalidArgument,
    NotFound,
    ServiceError,
    TooLarge,
    Unauthorized,
    Unavailable,
)

#: A JSON object. Any: the values of a document are of many types.
Object = dict[str, Any]

#: What a name in a path looks like (contract: ams-core 1.7).
NAME_PATTERN: Final = "^[A-Za-z0-9_-]{1,255}$"

#: How every route may fail: a store is away, or a fault is ours.
EVERYWHERE: Final = (
    Unavailable("{store} is unavailable, try again later"),
    Unavailable("Message store has moved, try again"),
    InternalError("Internal error, see trace id {trace_id} in the logs"),
)

#: How any body may fail, or its way here.
BODY_ERRORS: Final = (
    TooLarge(),
    TooLarge("Request body holds too many values"),
    BadRequest("{fault}"),
    RequestTimeout("Request Timeout"),
    Unavailable(BUSY),
)

_SECURITY: Final[Object] = {
    "token": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}

_ABOUT: Final = """\
Publish/subscribe over HTTP. A topic is a log of messages; a subscription is a place in it, which
moves on when messages are acknowledged. Errors have one shape: `{"error": {"code", "message",
"status"}}`. In the messages listed here, what differs from case to case stands in braces.
"""


class _Error(msgspec.Struct):
    code: int
    message: str
    status: str


class Error(msgspec.Struct):
    """What every error answers: its HTTP code, a text for people, and a word for programs."""

    error: _Error


def errors_of(operation: Operation) -> list[ServiceError]:
    """All ways in which a route may fail, its own first."""
    variables = re.findall(r"<(\w+)>", operation.path)
    errors = list(operation.errors)
    errors += [InvalidArgument(f"Invalid {variable} name") for variable in sorted(variables)]
    if operation.body is not None:
        errors += [operation.body.malformed, *BODY_ERRORS]
    if not operation.is_open:
        errors += [Unauthorized(), Forbidden()]
        if "project" in variables and operation.name != "projects:create":
            errors.append(NotFound("project"))
    errors += EVERYWHERE
    return list({(error.http_status, error.message): error for error in errors}.values())


def document(operations: Sequence[Operation]) -> Object:
    """The OpenAPI 3.1 document of some routes."""
    types = [each.answer for each in operations if each.answer is not None]
    types += [each.body.shape for each in operations if each.body is not None]
    shapes, components = msgspec.json.schema_components(
        [*types, Error], ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(map(str, [*types, Error]), shapes, strict=True))
    paths: defaultdict[str, Object] = defaultdict(dict)
    for each in operations:
        path = re.sub(r"<(\w+)>", r"{\1}", each.full_path)
        paths[path][each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AMS",
            "version": ams.__version__,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(paths),
        "components": {
            "schemas": {name: _as_clients_see(shape) for name, shape in components.items()},
            "securitySchemes": _SECURITY,
        },
    }


def _as_clients_see(shape: Object) -> Object:
    """A type without what is of interest to its authors only.

    Bodies are decoded by types that know all their fields, and then by looser rules: others are
    ignored (contract: ams-core 1.9).
    """
    kept = {
        key: value for key, value in shape.items() if key not in ("title", "additionalProperties")
    }
    return {**kept, "description": _without_source(shape.get("description", ""))}


def summary_of(operation: Operation) -> str:
    """What a route does, in a sentence."""
    return _without_source(operation.description.partition("\n\n")[0])


def _operation(operation: Operation, schemas: Object) -> Object:
    _, _, more = operation.description.partition("\n\n")
    described: Object = {
        "operationId": operation.name,
        "tags": [operation.name.partition(":")[0]],
        "summary": summary_of(operation),
        "description": _description(operation, more),
        "parameters": [
            *map(_path_parameter, re.findall(r"<(\w+)>", operation.path)),
            *map(_query_parameter, operation.query),
        ],
        "responses": {
            "200": _success(operation, schemas),
            **_failures(errors_of(operation), schemas),
        },
        "security": [{}] if operation.is_open else [{name: []} for name in _SECURITY],
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, schemas)
    return described


def _without_source(text: str) -> str:
    """A sentence without the reference to where its rule comes from, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"\s*\([^()]*\)\.$", ".", text.strip()))


def _description(operation: Operation, more: str) -> str:
    roles = sorted(DEFAULT_ROLES.get(operation.name, ()))
    who = f"Roles: {', '.join(roles)}." if roles and not operation.is_open else "Open to anyone."
    return "\n\n".join(filter(None, [_without_source(more), who]))


def _path_parameter(name: str) -> Object:
    schema = {"type": "string", "pattern": NAME_PATTERN}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(parameter: Parameter) -> Object:
    schema: Object = {"type": "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": schema,
    }


def _body(kind: BodyKind[Any], schemas: Object) -> Object:
    return {"required": not kind.optional, "content": _json(schemas[str(kind.shape)])}


def _json(schema: Object) -> Object:
    return {"application/json": {"schema": schema}}


def _success(operation: Operation, schemas: Object) -> Object:
    if operation.answer is None:
        return {"description": "Done; the body is empty."}
    return {"description": "Done.", "content": _json(schemas[str(operation.answer)])}


def _failures(errors: Iterable[ServiceError], schemas: Object) -> Object:
    """The error answers of a route by HTTP code, with the messages that each can have."""
    by_code: defaultdict[str, list[ServiceError]] = defaultdict(list)
    for error in errors:
        by_code[str(error.http_status)].append(error)
    return {
        code: {
            "description": "; ".join(f"`{error.message}`" for error in alike),
            "content": _json(schemas[str(Error)]),
        }
        for code, alike in sorted(by_code.items())
    }
