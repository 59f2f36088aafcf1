"""Schemas: what the messages of topics must look like (contract: ams-core 8)."""

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ams.api import fields
from ams.api.answers import Answer, schema_reference
from ams.api.bodies import Body, TextMap
from ams.api.calls import Call
from ams.api.compiled_schemas import CHECK_ERRORS
from ams.api.operations import PROJECT, BodyKind, operation
from ams.metadata import audit, schemas
from ams.metadata.records import SchemaRecord
from ams.schemas.schema import compile_schema
from ams.service.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    InvalidArgument,
    NotFound,
)
from ams.service.routes import NAME

SCHEMA: Final = f"{PROJECT}/schemas/<schema>"
#: What a reference is refused with that is none, or is to another project's (contract: O-12).
BAD_REFERENCE: Final = "wrong schema name declaration"
_REFERENCE: Final = re.compile(r"projects/([^/]+)/schemas/([^/]+)")

#: What is wrong with a definition is told in many words.
_UNSUITABLE: Final = InvalidArgument("{reason}")
_NO_DEFINITION: Final = "null"

# Any: a definition is whatever JSON its author writes, checked by what compiles it.
Definition = Annotated[
    Any, Meta(description="A JSON Schema of draft 4, 6 or 7, or an Avro schema.")
]
AttributesDefinition = Annotated[
    Any, Meta(description="A JSON Schema for the attributes, whose values are texts.")
]


class SchemaBody(Body):
    """A schema. What is absent stays as it is, where there is one."""

    type: Annotated[str, Meta(description="`json` or `avro`.", examples=["json"])] = ""
    schema: Definition = None
    attributes_schema: AttributesDefinition = msgspec.field(default=None, name="attributesSchema")
    name: Annotated[str, Meta(description="A new full name, in an update.")] = ""
    uuid: Annotated[str, fields.READ_ONLY] = ""


class PayloadBody(TextMap):
    """A message to try an Avro schema with; for a JSON schema the body is the document itself."""

    data: fields.Data | UnsetType = UNSET


class Schema(Answer):
    """A schema (contract: ams-core 8.1); the one for attributes is there if there is one."""

    uuid: str
    name: str
    type: str
    schema: Definition
    attributes_schema: AttributesDefinition | UnsetType = msgspec.field(
        default=UNSET, name="attributesSchema"
    )

    @classmethod
    def of(cls, record: SchemaRecord) -> "Schema":
        attributes = record.attributes_definition
        return cls(
            uuid=record.uuid,
            name=schema_reference(record.project, record.name),
            type=record.type,
            schema=msgspec.json.decode(record.definition),
            attributes_schema=UNSET if attributes is None else msgspec.json.decode(attributes),
        )


class Schemas(Answer):
    """A project's schemas, oldest first."""

    schemas: list[Schema]


class Validated(Answer):
    """That a message fits."""

    message: str


DEFINITION: Final = BodyKind(
    SchemaBody, InvalidArgument("Invalid Schema Arguments"), is_first_value=True
)
PAYLOAD: Final = BodyKind(PayloadBody, BadRequest(), is_map=True)


@operation("schemas:list", "GET", f"{PROJECT}/schemas")
async def list_schemas(call: Call) -> Schemas:
    """List a project's schemas, oldest first (contract: ams-core 8.3)."""
    records = await schemas.list_all(call.broker.store, call.project.id)
    return Schemas([Schema.of(record) for record in records])


@operation("schemas:show", "GET", SCHEMA, errors=[NotFound("Schema")])
async def show(call: Call) -> Schema:
    """Show a schema (contract: ams-core 8.3)."""
    return Schema.of(await _get(call))


@operation(
    "schemas:create", "POST", SCHEMA, body=DEFINITION, errors=[AlreadyExists("Schema"), _UNSUITABLE]
)
async def create(call: Call) -> Schema:
    """Create a schema (contract: ams-core 8.2).

    With `attributesSchema` it says what attributes a message may and must have; then `type` and
    `schema` may be absent, and data may be anything.
    """
    body = _checked(await call.read(DEFINITION))
    await _require_unused(call, call.names["schema"])
    _compile(call, body.type, body.schema, body.attributes_schema)
    given = {"schema": body.schema, "attributesSchema": body.attributes_schema}
    audit.note(type=body.type, fields=[key for key, value in given.items() if value is not None])
    record = await schemas.create(
        call.broker.store,
        call.project,
        call.names["schema"],
        type=body.type,
        definition=_text(body.schema) or _NO_DEFINITION,
        attributes_definition=_text(body.attributes_schema),
    )
    return Schema.of(record)


@operation(
    "schemas:update",
    "PUT",
    SCHEMA,
    body=DEFINITION,
    errors=[
        NotFound("Schema"),
        InvalidArgument(BAD_REFERENCE),
        AlreadyExists("Schema"),
        Conflict("Schema was changed by somebody else, try again"),
        _UNSUITABLE,
    ],
)
async def update(call: Call) -> Schema:
    """Change a schema; its topics follow at once (contract: ams-core 8.4).

    An empty `schema` leaves the old one, an empty `attributesSchema` removes it.
    """
    record = await _get(call)
    body = _checked(await call.read(DEFINITION))
    name = _new_name(call, body.name) if body.name else record.name
    if name != record.name:
        await _require_unused(call, name)
    definition = _text(body.schema or None) or record.definition
    attributes = record.attributes_definition
    if body.attributes_schema is not None:
        attributes = _text(body.attributes_schema or None)
    kind = body.type or record.type
    _compile(call, kind, msgspec.json.decode(definition), _decoded(attributes))
    _note_changes(record, name, kind, definition, attributes)
    changed = await schemas.update(
        call.broker.store,
        record,
        name=name,
        type=kind,
        definition=definition,
        attributes_definition=attributes or "",
    )
    return Schema.of(changed)


@operation("schemas:delete", "DELETE", SCHEMA, errors=[NotFound("Schema")])
async def delete(call: Call) -> None:
    """Delete a schema; its topics take any message from now on (contract: ams-core 8.5)."""
    await schemas.delete(call.broker.store, await _get(call))


@operation(
    "schemas:validateMessage",
    "POST",
    SCHEMA,
    verb="validate",
    body=PAYLOAD,
    errors=[
        NotFound("Schema"),
        InvalidArgument("Invalid Schema Payload Arguments"),
        *CHECK_ERRORS,
    ],
    is_audited=False,
)
async def validate(call: Call) -> Validated:
    """Try a message; for a JSON schema the body is its data as it is (contract: ams-core 8.6)."""
    record = await _get(call)
    compiled = call.broker.schemas.of(record)
    if record.type == "avro":
        data = (await call.read(PAYLOAD)).data
        if data is UNSET:
            raise InvalidArgument("Invalid Schema Payload Arguments")
        await compiled.check_payload(data)
    else:
        await compiled.check_document(await call.body())
    return Validated("Message validated successfully")


async def referenced(call: Call, reference: str) -> SchemaRecord | None:
    """The schema of the caller's project that a reference names; None for an empty one.

    Raises:
        InvalidArgument: It is none, or is to another project's (contract: O-12, O-13).
        NotFound: There is no such schema.
    """
    if not reference:
        return None
    match = _REFERENCE.fullmatch(reference)
    if match is None or match[1] != call.project.name:
        raise InvalidArgument(BAD_REFERENCE)
    return await schemas.get(call.broker.store, call.project.id, match[2])


async def _get(call: Call) -> SchemaRecord:
    return await schemas.get(call.broker.store, call.project.id, call.names["schema"])


def _checked(body: SchemaBody) -> SchemaBody:
    """The body, if its definitions are objects, with the type in small letters."""
    for definition in (body.schema, body.attributes_schema):
        if definition is not None and not isinstance(definition, dict):
            raise DEFINITION.fault()
    body.type = body.type.lower()
    return body


async def _require_unused(call: Call, name: str) -> None:
    """A taken name is told before faults in the rest; the database decides between two at once."""
    try:
        await schemas.get(call.broker.store, call.project.id, name)
    except NotFound:
        return
    raise AlreadyExists("Schema")


def _new_name(call: Call, reference: str) -> str:
    match = _REFERENCE.fullmatch(reference)
    if match is None or match[1] != call.project.name:
        raise InvalidArgument(BAD_REFERENCE)
    if NAME.fullmatch(match[2]) is None:
        raise InvalidArgument("Invalid schema name")
    return match[2]


def _note_changes(
    record: SchemaRecord, name: str, kind: str, definition: str, attributes: str | None
) -> None:
    if name != record.name:
        audit.note(name=name)
    if kind != record.type:
        audit.note(type=kind)
    is_new = {
        "schema": definition != record.definition,
        "attributesSchema": attributes != record.attributes_definition,
    }
    if any(is_new.values()):
        audit.note(fields=[key for key, changed in is_new.items() if changed])


def _compile(call: Call, kind: str, definition: object, attributes: object) -> None:
    """Raises InvalidArgument for a schema that is none."""
    if not kind and definition is not None:
        attributes = None  # Data that nothing says how to check: the type is missing.
    compile_schema(kind, definition, attributes, call.broker.schemas.process)


def _text(definition: object) -> str | None:
    return None if definition is None else msgspec.json.encode(definition).decode()


def _decoded(text: str | None) -> object:
    return None if text is None else msgspec.json.decode(text)
