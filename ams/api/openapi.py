"""The OpenAPI document: made of what the routes declare, so that it says what the code does."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

import ams
from ams.api.calls import BAD_DRY_RUN
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
from ams.service.remote_keys import KEYS_AWAY

#: A JSON object. Any: the values of a document are of many types.
Object = dict[str, Any]

#: What a name in a path looks like (contract: ams-core 1.7).
NAME_PATTERN: Final = "^[A-Za-z0-9_-]{1,255}$"

#: What the resources are, in the order in which a reader should meet them. An operation belongs to
#: the one that its name begins with.
_RESOURCES: Final = {
    "projects": "A project holds topics and subscriptions of its own, and has members with roles.",
    "topics": "A topic is a log of messages: publishers add to its end.",
    "subscriptions": "A subscription is a place in a topic, which moves on as messages are "
    "acknowledged. Each subscription gets all messages.",
    "schemas": "A schema says what the messages of a topic must look like.",
    "users": "A user has a token, roles in projects, and maybe roles in all of them.",
    "registrations": "A registration is somebody's request to become a user.",
    "access": "Who may do what, and why.",
    "audit": "The audit trail says who changed what, when and from where.",
    "service": "What the broker says of itself.",
}
#: Resources of operations whose names begin otherwise.
_RESOURCE_OF: Final = {"ams": "service", "version": "service"}

#: Names that work with what `ams up` makes on its first start.
_EXAMPLE_NAMES: Final = {
    "project": "demo",
    "topic": "demo-topic",
    "subscription": "demo-sub",
    "user": "alice",
}

#: How every route may fail: a store is away, or who signs tokens, or a fault is ours.
EVERYWHERE: Final = (
    Unavailable("{store} is unavailable, try again later"),
    Unavailable("Message store has moved, try again"),
    Unavailable(KEYS_AWAY),
    InternalError("Internal error, see trace id {trace_id} in the logs"),
)

#: How a text from a client may fail that no database takes, or is asked for.
UNSTORABLE: Final = InvalidArgument("A value is too long, too large or not valid text")

#: How any body may fail, or its way here.
BODY_ERRORS: Final = (
    TooLarge(),
    TooLarge("Request body holds too many values"),
    BadRequest("{fault}"),
    RequestTimeout("Request Timeout"),
    Unavailable(BUSY),
)

_SECURITY: Final[Object] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "The usual way.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A signed token of AuthN; also for clients that can send nothing else.",
    },
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "For old clients only: addresses end up in the logs of proxies.",
    },
}

_ABOUT: Final = """\
Publish/subscribe over HTTP. A topic is a log of messages; a subscription is a place in it, which
moves on when messages are acknowledged.

Bodies are JSON, whatever their `Content-Type` says. Names of fields match in any letter case,
`null` is the same as absent, unknown fields are ignored. Fields of an answer that are not required
may be left out while they are empty.

Every success is a 200. Errors have one shape: `{"error": {"code", "message", "status"}}`; in the
messages listed here, what differs from case to case stands in braces. Every answer carries
`X-Request-Id`, by which the broker's log knows the request. The roles are those that may use an
operation as long as no operator of the service has decided otherwise.
"""


class ErrorDetail(msgspec.Struct):
    """What is wrong."""

    code: Annotated[int, Meta(description="The HTTP code.", examples=[404])]
    message: Annotated[str, Meta(description="For people.", examples=["Topic doesn't exist"])]
    status: Annotated[str, Meta(description="For programs.", examples=["NOT_FOUND"])]


class Error(msgspec.Struct):
    """What every error answers."""

    error: ErrorDetail


def errors_of(operation: Operation) -> list[ServiceError]:
    """All ways in which a route may fail, its own first."""
    variables = re.findall(r"<(\w+)>", operation.path)
    errors = list(operation.errors)
    errors += [InvalidArgument(f"Invalid {variable} name") for variable in sorted(variables)]
    if operation.body is not None:
        errors += [operation.body.malformed, *BODY_ERRORS]
    if operation.body is not None or operation.query:
        errors.append(UNSTORABLE)
    if operation.preview is not None:
        errors.append(InvalidArgument(BAD_DRY_RUN))
    if not operation.is_open:
        errors += [Unauthorized(), Forbidden()]
        if "project" in variables and operation.name != "projects:create":
            errors.append(NotFound("project"))
    errors += EVERYWHERE
    return list({(error.http_status, error.message): error for error in errors}.values())


def document(operations: Sequence[Operation]) -> Object:
    """The OpenAPI 3.1 document of some routes."""
    types = [kind for each in operations for kind in _answers(each)]
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
        "tags": _tags(operations),
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
    properties = shape.get("properties", {})
    required = set(shape.get("required", ()))
    for name, field in properties.items():
        if field.pop("x-required", False):
            del field["default"]
            required.add(name)
    return {
        **kept,
        "description": _without_source(shape.get("description", "")),
        "required": [name for name in properties if name in required],
    }


def _resource(operation: Operation) -> str:
    prefix = operation.name.partition(":")[0]
    return _RESOURCE_OF.get(prefix, prefix)


def _tags(operations: Iterable[Operation]) -> list[Object]:
    """The resources of some operations; those without a description come last."""
    used = dict.fromkeys(map(_resource, operations))
    described = [name for name in _RESOURCES if name in used]
    return [
        {"name": name, "description": _RESOURCES.get(name, "")}
        for name in dict.fromkeys([*described, *used])
    ]


def summary_of(operation: Operation) -> str:
    """What a route does, in a sentence."""
    return _without_source(operation.description.partition("\n\n")[0])


def _operation(operation: Operation, schemas: Object) -> Object:
    _, _, more = operation.description.partition("\n\n")
    described: Object = {
        "operationId": operation.name,
        "tags": [_resource(operation)],
        "summary": summary_of(operation),
        "description": _without_source(more),
        "parameters": [
            *map(_path_parameter, re.findall(r"<(\w+)>", operation.path)),
            *map(_query_parameter, operation.query),
        ],
        "responses": {
            "200": _success(operation, schemas),
            **_failures(errors_of(operation), schemas),
        },
        # What is open may be told who asks.
        "security": [*([{}] if operation.is_open else []), *({name: []} for name in _SECURITY)],
        # Any of these roles will do. The standard's place for roles wants all of them.
        "x-roles": [] if operation.is_open else sorted(DEFAULT_ROLES.get(operation.name, ())),
    }
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, schemas)
    return described


def _without_source(text: str) -> str:
    """A sentence without the reference to where its rule comes from, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"\s*\([^()]*\)\.$", ".", text.strip()))


def _path_parameter(name: str) -> Object:
    schema: Object = {"type": "string", "pattern": NAME_PATTERN}
    if name in _EXAMPLE_NAMES:
        schema["examples"] = [_EXAMPLE_NAMES[name]]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"Name of the {name}: 1 to 255 letters, digits, `_` and `-`.",
        "schema": schema,
    }


def _query_parameter(parameter: Parameter) -> Object:
    schema: Object = {"type": "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.is_list:
        schema = {"type": "array", "items": schema}
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
    answer, preview = operation.answer, operation.preview_answer
    if answer is None and preview is None:
        return {"description": "Done; the body is empty."}
    kinds = _answers(operation)
    if not kinds:
        return {"description": "Done; the body is empty."}
    # An empty body is no JSON, and the document knows no body that is there now and then.
    described = "Done."
    if operation.answer is None:
        described = "Done; the body is empty. With `dryRun`: what would be done."
    elif operation.may_be_empty:
        described = "Done; the body may be empty."
    shapes = [schemas[str(kind)] for kind in kinds]
    schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    return {"description": described, "content": _json(schema)}


def _answers(operation: Operation) -> list[Any]:
    """The types of its answers."""
    kinds = (operation.answer, operation.preview_answer)
    return list(dict.fromkeys(kind for kind in kinds if kind is not None))


def _failures(errors: Iterable[ServiceError], schemas: Object) -> Object:
    """The error answers of a route by HTTP code, with the messages that each can have."""
    by_code: defaultdict[str, list[ServiceError]] = defaultdict(list)
    for error in errors:
        by_code[str(error.http_status)].append(error)
    return {
        code: {
            "description": "; ".join(f"`{error.message}`" for error in alike),
            "content": {
                "application/json": {
                    "schema": schemas[str(Error)],
                    "examples": {error.message: _example(error) for error in alike},
                }
            },
        }
        for code, alike in sorted(by_code.items())
    }


def _example(error: ServiceError) -> Object:
    return {"value": msgspec.json.decode(error.body())}
