"""The API's requests about schemas."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ams.client.call import (
    Call,
    Repeat,
    answer,
    answer_part,
    checked_name,
    no_answer,
    project_path,
)
from ams.client.objects import Schema, SchemaList

_schema = answer(Schema)
_schemas = answer_part(SchemaList, lambda answered: answered.schemas)

#: A JSON Schema or an Avro schema. Any: it is whatever JSON its author writes.
Definition = Mapping[str, Any]


def _path(project: str, schema: str) -> str:
    return f"{project_path(project)}/schemas/{checked_name('schema', schema)}"


def _body(kind: str, definition: Definition | None, attributes: Definition | None) -> bytes:
    body = {"type": kind or None, "schema": definition, "attributesSchema": attributes}
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


def create(
    project: str,
    schema: str,
    kind: str = "",
    definition: Definition | None = None,
    *,
    attributes: Definition | None = None,
) -> Call[Schema]:
    """Creates a schema: `kind` is `json` or `avro`; `attributes` is a JSON Schema for attributes.

    With `attributes` alone, data may be anything.
    """
    body = _body(kind, definition, attributes)
    return Call("POST", _path(project, schema), _schema, Repeat.REFUSED, body=body)


def show(project: str, schema: str) -> Call[Schema]:
    """One schema."""
    return Call("GET", _path(project, schema), _schema, Repeat.SAFE)


def list_all(project: str) -> Call[tuple[Schema, ...]]:
    """All schemas of a project, oldest first."""
    return Call("GET", f"{project_path(project)}/schemas", _schemas, Repeat.SAFE)


def update(
    project: str,
    schema: str,
    kind: str = "",
    definition: Definition | None = None,
    *,
    attributes: Definition | None = None,
) -> Call[Schema]:
    """Changes what is given; an empty `attributes` removes the rules for attributes."""
    body = _body(kind, definition, attributes)
    return Call("PUT", _path(project, schema), _schema, Repeat.SAFE, body=body)


def delete(project: str, schema: str) -> Call[None]:
    """Deletes a schema; its topics take any message from then on."""
    return Call("DELETE", _path(project, schema), no_answer, Repeat.SAFE)


def validate(project: str, schema: str, body: bytes) -> Call[None]:
    """Tries a message: a JSON document as it is, or for Avro `{"data": "base64"}`."""
    path = f"{_path(project, schema)}:validate"
    return Call("POST", path, no_answer, Repeat.SAFE, body=body)
