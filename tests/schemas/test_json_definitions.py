"""Which JSON Schemas can be registered (contract: ams-core 8.2, 8.7, O-41)."""

import time
from typing import Any

import pytest

from ams.schemas.process import ValidationProcess
from ams.schemas.schema import MOST_DEFINITION_BYTES, compile_schema
from tests.schemas.checking import json_schema, message, refusal, refused_definition

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_6 = "http://json-schema.org/draft-06/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"

NO_TYPE = (
    "has a primitive type that is NOT VALID -- given: /strin/ "
    "Expected valid values are:[array boolean integer number null object string]"
)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"type": "strin"}, NO_TYPE),
        ({"properties": {"a": {"items": {"type": "strin"}}}}, NO_TYPE),
        ({"$schema": DRAFT_4, "type": "strin"}, NO_TYPE),
        ({"properties": 5}, "properties must be of type object"),
        ({"required": "a"}, "required must be of type array"),
        (None, "schema is invalid"),
        ([], "schema is invalid"),
        ("string", "schema is invalid"),
        (True, "schema is invalid"),
        ({"const": "\ud800"}, "schema is invalid"),
    ],
)
def test_what_is_no_json_schema_is_refused_with_the_known_text(
    definition: object, text: str
) -> None:
    assert refused_definition("json", definition) == text


def test_a_schema_is_json_or_avro() -> None:
    assert refused_definition("xml", {}) == "Schema type can only be 'json' or 'avro'"
    assert refused_definition("", None) == "Schema type can only be 'json' or 'avro'"


def test_the_empty_schema_is_valid() -> None:
    compile_schema("json", {}, None, ValidationProcess())


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:1/schema.json",
        "https://example.com/schema.json#/definitions/a",
        "file:///etc/passwd",
        "other.json",
        "//example.com/a",
        "",
        " #/definitions/a",
        5,
    ],
)
@pytest.mark.parametrize("where", ["root", "property", "unused definition", "target", "draft 4"])
def test_a_reference_to_something_else_is_refused(reference: object, where: str) -> None:
    """Contract: O-41."""
    remote = {"$ref": reference}
    definitions: dict[str, object] = {
        "root": remote,
        "property": {"properties": {"a": {"items": [remote]}}},
        "unused definition": {"definitions": {"unused": {"not": remote}}},
        "target": {"$ref": "#/unknown", "unknown": {"allOf": [remote]}},
        "draft 4": {"$schema": DRAFT_4, "additionalProperties": remote},
    }
    text = refused_definition("json", definitions[where])
    assert "not supported" in text or "must be of type" in text


@pytest.mark.parametrize(
    "definition",
    [
        {"$schema": "file:///etc/passwd"},
        {"$schema": "http://127.0.0.1:1/schema"},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"$dynamicRef": "http://127.0.0.1:1/"},
        {"items": {"$recursiveRef": "#"}},
        {"properties": {"a": {"$id": "http://127.0.0.1:1/", "items": {"$ref": "#/x"}}}, "x": {}},
    ],
)
def test_other_ways_to_refer_elsewhere_are_refused(definition: object) -> None:
    """Contract: O-41."""
    assert "not supported" in refused_definition("json", definition)


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", r"(a)\1", "[", r"\p{L}{1000}"])
@pytest.mark.parametrize("keyword", ["pattern", "patternProperties"])
def test_a_pattern_needs_to_match_in_linear_time(pattern: str, keyword: str) -> None:
    definition = {keyword: {pattern: {}} if keyword == "patternProperties" else pattern}
    text = refused_definition("json", {"items": definition})
    assert text.startswith(f"pattern '{pattern}' is not valid: ")


def nested(levels: int) -> dict[str, Any]:
    definition: dict[str, Any] = {}
    for _ in range(levels):
        definition = {"not": definition}
    return definition


def chain(length: int, *, forwards: bool) -> dict[str, Any]:
    step = 1 if forwards else -1
    links = {
        f"d{number:04}": {"items": {"$ref": f"#/definitions/d{number + step:04}"}}
        for number in range(1, length + 1)
    }
    return {"definitions": links | {"d0000": {}, f"d{length + 1:04}": {}}}


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (nested(150), "schema is nested too deeply"),
        (nested(200), "schema is nested too deeply"),
        (nested(300) | {"type": "x"}, "schema is nested too deeply"),
        (nested(12_000), "schema is invalid"),
        (chain(1500, forwards=True), "schema is nested too deeply"),
        (chain(1500, forwards=False), "schema is nested too deeply"),
        ({"enum": ["x" * MOST_DEFINITION_BYTES]}, "schema is too large"),
        ({"properties": {f"p{number}": {} for number in range(11_000)}}, "schema is too complex"),
        ({"allOf": [{"pattern": str(number)} for number in range(600)]}, "schema has too many"),
        ({"allOf": [{"pattern": "^.{1,256}$"}] * 17}, "schema has too many patterns"),
        ({"$ref": "#/definitions/none"}, "$ref '#/definitions/none' refers to nothing"),
        ({"$ref": "#none"}, "$ref '#none' refers to nothing"),
        ({"$ref": "#/definitions", "definitions": 5}, "definitions must be of type object"),
        ({"$ref": "#/enum/0", "enum": [5]}, "schema must be of type object"),
        ({"$ref": "#/const", "const": {"required": 5, "enum": 3}}, "3 is not of type"),
    ],
)
def test_what_is_too_complex_or_refers_to_nothing_is_refused_at_once(
    definition: object, text: str
) -> None:
    started = time.process_time()
    assert refused_definition("json", definition).startswith(text)
    assert time.process_time() - started < 1


def test_a_schema_that_is_quadratic_to_read_is_refused_at_once() -> None:
    definition: dict[str, Any] = {"properties": {f"p{number}": {} for number in range(4000)}}
    for _ in range(90):
        definition = {"properties": {"a": definition}}
    definition["allOf"] = [{"$ref": "#" + "/properties/a" * depth} for depth in range(1, 90)]
    started = time.process_time()
    assert refused_definition("json", definition).startswith("schema is too complex")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("schema", [None, DRAFT_4])
async def test_a_draft_4_bound_can_be_exclusive(
    shared_process: ValidationProcess, schema: str | None
) -> None:
    """Contract: ams-core 8.7; without `$schema` the drafts mix."""
    definition: dict[str, Any] = {"items": {"minimum": 3, "exclusiveMinimum": True}}
    if schema:
        definition["$schema"] = schema
    check = json_schema(shared_process, definition).check
    await check([message([4])])
    assert await refusal(check([message([3])])) == (
        "Message 0 data is not valid,0: Must be greater than 3"
    )


async def test_a_draft_4_bound_can_be_not_exclusive(shared_process: ValidationProcess) -> None:
    definition = {"$schema": DRAFT_4, "maximum": 3, "exclusiveMaximum": False}
    await json_schema(shared_process, definition).check([message(3)])


@pytest.mark.parametrize(
    ("schema", "definition", "valid"),
    [
        (DRAFT_4, {"const": 1}, True),
        (DRAFT_6, {"const": 1}, False),
        (DRAFT_6, {"if": {}, "then": {"type": "string"}}, True),
        (DRAFT_7, {"if": {}, "then": {"type": "string"}}, False),
        (DRAFT_7.removesuffix("#"), {"const": 1}, False),
        (None, {"if": {}, "then": {"const": 1}}, False),
    ],
)
async def test_a_keyword_means_something_from_its_draft_on(
    shared_process: ValidationProcess,
    schema: str | None,
    definition: dict[str, Any],
    valid: bool,
) -> None:
    if schema:
        definition = {"$schema": schema, **definition}
    check = json_schema(shared_process, definition).check([message(2)])
    if valid:
        await check
    else:
        await refusal(check)


@pytest.mark.parametrize("schema", [DRAFT_4, DRAFT_6, DRAFT_7, None])
async def test_a_number_without_fraction_is_an_integer_in_all_drafts(
    shared_process: ValidationProcess, schema: str | None
) -> None:
    """Contract: ams-core 8.9."""
    definition = {"type": "integer"} | ({"$schema": schema} if schema else {})
    await json_schema(shared_process, definition).check([message(b"1.0"), message(b"1e3")])


@pytest.mark.parametrize(
    "definition",
    [
        {"$ref": "#/definitions/a~1b%25", "definitions": {"a/b%": {"type": "string"}}},
        {"$ref": "#name", "definitions": {"a": {"$id": "#name", "type": "string"}}},
        {"$ref": "#name", "$schema": DRAFT_4, "definitions": {"a": {"id": "#name", "enum": ["a"]}}},
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": False}},
        {"allOf": [{}, {"$ref": "#/anyOf/0"}], "anyOf": [{"type": "string"}, {}]},
        {"$id": "http://example.com/a", "allOf": [{"$ref": "#/x"}], "x": {"type": "string"}},
        {"$ref": "#/x", "x": {"type": "string"}, "minimum": 0},
    ],
)
async def test_references_within_a_schema_hold(
    shared_process: ValidationProcess, definition: object
) -> None:
    assert await refusal(json_schema(shared_process, definition).check([message(1)]))


async def test_data_in_a_schema_that_looks_like_a_reference_is_data(
    shared_process: ValidationProcess,
) -> None:
    value = {"$ref": "http://127.0.0.1:1/"}
    for definition in ({"const": value}, {"enum": [value]}, {"default": value}):
        await json_schema(shared_process, definition).check([message(value)])
