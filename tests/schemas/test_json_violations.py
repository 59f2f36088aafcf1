"""The words for what is wrong with a JSON document (contract: ams-core 8.9)."""

import pytest

from ams.schemas.process import ValidationProcess
from ams.schemas.violations import MOST_CHARACTERS, MOST_VIOLATIONS
from tests.schemas.checking import json_schema, message, refusal

STREET = {"properties": {"address": {"properties": {"street": {"type": "string"}}}}}
TEXTS = {"properties": {"items": {"items": {"type": "string"}}}}
COLOUR = {"properties": {"colour": {"enum": ["red", 5, None]}}}


@pytest.mark.parametrize(
    ("definition", "document", "violation"),
    [
        ({"required": ["a"]}, {}, "(root): a is required"),
        ({"properties": {"a": {"required": ["b"]}}}, {"a": {}}, "a: b is required"),
        ({"type": "string"}, 5, "(root): Invalid type. Expected: string, given: integer"),
        ({"type": "string"}, 5.0, "(root): Invalid type. Expected: string, given: integer"),
        ({"type": "string"}, 5.5, "(root): Invalid type. Expected: string, given: number"),
        ({"type": "string"}, None, "(root): Invalid type. Expected: string, given: null"),
        ({"type": "string"}, True, "(root): Invalid type. Expected: string, given: boolean"),
        ({"type": "string"}, [], "(root): Invalid type. Expected: string, given: array"),
        ({"type": "string"}, {}, "(root): Invalid type. Expected: string, given: object"),
        ({"type": "array"}, "a", "(root): Invalid type. Expected: array, given: string"),
        (
            STREET,
            {"address": {"street": 1}},
            "address.street: Invalid type. Expected: string, given: integer",
        ),
        (TEXTS, {"items": [1]}, "items.0: Invalid type. Expected: string, given: integer"),
        (
            COLOUR,
            {"colour": "blue"},
            'colour: colour must be one of the following: "red", 5, null',
        ),
        ({"const": {"a": 1}}, 2, '(root): (root) does not match: {"a":1}'),
        ({"additionalProperties": False}, {"x": 1}, "(root): Additional property x is not allowed"),
        ({"minLength": 3}, "é", "(root): String length must be greater than or equal to 3"),
        ({"maxLength": 1}, "éé", "(root): String length must be less than or equal to 1"),
        ({"minimum": 3}, 2, "(root): Must be greater than or equal to 3"),
        ({"maximum": 3.5}, 4, "(root): Must be less than or equal to 3.5"),
        ({"exclusiveMinimum": 3}, 3, "(root): Must be greater than 3"),
        ({"exclusiveMaximum": 3}, 3, "(root): Must be less than 3"),
        ({"multipleOf": 3}, 4, "(root): Must be a multiple of 3"),
        ({"pattern": "^a+$"}, "b", "(root): Does not match pattern '^a+$'"),
        ({"format": "email"}, "b", "(root): Does not match format 'email'"),
        ({"format": "uuid"}, "b", "(root): Does not match format 'uuid'"),
        ({"minItems": 1}, [], "(root): Array must have at least 1 items"),
        ({"maxItems": 0}, [1], "(root): Array must have at most 0 items"),
        ({"uniqueItems": True}, [3, 1, 2, 1], "(root): array items[1,3] must be unique"),
        ({"uniqueItems": True}, [1, 1.0], "(root): array items must be unique"),
        ({"minProperties": 1}, {}, "(root): Must have at least 1 properties"),
        ({"maxProperties": 0}, {"a": 1}, "(root): Must have at most 0 properties"),
        ({"anyOf": [False]}, 1, "(root): Must validate at least one schema (anyOf)"),
        ({"oneOf": [{}, {}]}, 1, "(root): Must validate one and only one schema (oneOf)"),
        ({"oneOf": [False]}, 1, "(root): Must validate one and only one schema (oneOf)"),
        ({"not": {}}, 1, "(root): Must not validate the schema (not)"),
        ({"contains": {"type": "string"}}, [1], "(root): At least one of the items must match"),
        (
            {"items": [{}], "additionalItems": False},
            [1, 2],
            "(root): No additional items allowed on array",
        ),
        (
            {"propertyNames": {"maxLength": 1}},
            {"abc": 1},
            '(root): Property name of "abc" does not match',
        ),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, "(root): Has a dependency on b"),
        ({"properties": {"a": False}}, {"a": 1}, "a: False always fails validation"),
    ],
)
async def test_a_violation_has_the_known_text(
    shared_process: ValidationProcess, definition: object, document: object, violation: str
) -> None:
    check = json_schema(shared_process, definition).check([message(document)])
    assert await refusal(check) == f"Message 0 data is not valid,{violation}"


ALL_TEXT = {"allOf": [{"type": "string"}]}


@pytest.mark.parametrize(
    ("definition", "document", "where", "of"),
    [
        (ALL_TEXT, 5, "(root)", "(root)"),
        ({"properties": {"a": {"items": ALL_TEXT}}}, {"a": [5]}, "a.0", "a.0"),
        ({"items": [{}, {"dependencies": {"a": ALL_TEXT}}]}, [1, {"a": 1}], "1", "1"),
        ({"allOf": [{"additionalProperties": {"type": "string"}}]}, {"a": 5}, "a", "(root)"),
        ({"patternProperties": {"allOf": ALL_TEXT}}, {"allOf": 5}, "allOf", "allOf"),
        (
            {"$ref": "#/definitions/allOf", "definitions": {"allOf": ALL_TEXT}},
            5,
            "(root)",
            "(root)",
        ),
    ],
)
async def test_a_violation_in_all_of_names_both(
    shared_process: ValidationProcess, definition: object, document: object, where: str, of: str
) -> None:
    text = await refusal(json_schema(shared_process, definition).check([message(document)]))
    assert text.startswith(f"Message 0 data is not valid.1){where}: Invalid type. Expected: ")
    assert text.endswith(f".2){of}: Must validate all the schemas (allOf).")


async def test_several_violations_are_numbered(shared_process: ValidationProcess) -> None:
    check = json_schema(shared_process, {"required": ["a", "b"]}).check([message({})])
    assert await refusal(check) == (
        "Message 0 data is not valid.1)(root): a is required.2)(root): b is required."
    )


async def test_each_additional_property_is_a_violation(shared_process: ValidationProcess) -> None:
    schema = json_schema(shared_process, {"properties": {"a": {}}, "additionalProperties": False})
    assert await refusal(schema.check([message({"a": 1, "b": 1, "c": 1})])) == (
        "Message 0 data is not valid."
        "1)(root): Additional property b is not allowed."
        "2)(root): Additional property c is not allowed."
    )


async def test_the_first_message_that_is_not_valid_is_named(
    shared_process: ValidationProcess,
) -> None:
    schema = json_schema(shared_process, {"type": "string"})
    messages = [message("a"), message("b"), message(1), message("c"), message(2.5)]
    assert await refusal(schema.check(messages)) == (
        "Message 2 data is not valid,(root): Invalid type. Expected: string, given: integer"
    )


async def test_the_list_of_violations_has_an_end(shared_process: ValidationProcess) -> None:
    schema = json_schema(shared_process, {"items": {"type": "string"}})
    text = await refusal(schema.check([message([1] * 1000)]))
    assert f"{MOST_VIOLATIONS}){MOST_VIOLATIONS - 1}: Invalid type." in text
    assert f"{MOST_VIOLATIONS + 1})" not in text


async def test_the_text_of_a_violation_has_an_end(shared_process: ValidationProcess) -> None:
    schema = json_schema(shared_process, {"enum": ["x" * 100_000]})
    assert len(await refusal(schema.check([message(1)]))) < MOST_CHARACTERS + 100


async def test_of_a_large_document_the_first_violation_is_named(
    shared_process: ValidationProcess,
) -> None:
    schema = json_schema(shared_process, {"items": {"type": "string"}})
    assert await refusal(schema.check([message([1] * 200_000)])) == (
        "Message 0 data is not valid,0: Invalid type. Expected: string, given: integer"
    )
