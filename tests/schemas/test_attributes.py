"""Schemas for the attributes of messages (decision 14 of the contract)."""

import pytest

from ams.messages.entries import Message
from ams.schemas.process import ValidationProcess
from ams.schemas.schema import compile_schema
from ams.service.errors import InvalidArgument
from tests.schemas.checking import attributes_schema, message, refusal

ATTRIBUTES = {
    "properties": {"site": {"enum": ["GR", "FR"]}, "run": {"pattern": "^[0-9]+$"}},
    "required": ["site"],
    "additionalProperties": False,
}


async def test_attributes_that_fit_are_accepted(process: ValidationProcess) -> None:
    schema = attributes_schema(process, ATTRIBUTES)
    await schema.check([message(1, site="GR"), message(1, site="FR", run="12")])


async def test_data_is_not_looked_at_without_a_schema_for_it(process: ValidationProcess) -> None:
    schema = attributes_schema(process, ATTRIBUTES)
    await schema.check([Message("no base64", {"site": "GR"})])
    await schema.check_document(b"no JSON")


@pytest.mark.parametrize(
    ("attributes", "violation"),
    [
        ({}, "(root): site is required"),
        ({"site": "DE"}, 'site: site must be one of the following: "GR", "FR"'),
        ({"site": "GR", "run": "x"}, "run: Does not match pattern '^[0-9]+$'"),
        ({"site": "GR", "x": "1"}, "(root): Additional property x is not allowed"),
    ],
)
async def test_the_message_and_the_attribute_are_named(
    shared_process: ValidationProcess, attributes: dict[str, str], violation: str
) -> None:
    schema = attributes_schema(shared_process, ATTRIBUTES)
    messages = [message(1, site="GR"), message(1, **attributes)]
    assert await refusal(schema.check(messages)) == (
        f"Message 1 attributes are not valid,{violation}"
    )


async def test_several_violations_are_numbered(shared_process: ValidationProcess) -> None:
    schema = attributes_schema(shared_process, ATTRIBUTES)
    assert await refusal(schema.check([message(1, x="1")])) == (
        "Message 0 attributes are not valid."
        "1)(root): Additional property x is not allowed."
        "2)(root): site is required."
    )


async def test_data_and_attributes_can_both_have_rules(shared_process: ValidationProcess) -> None:
    schema = compile_schema("json", {"type": "string"}, ATTRIBUTES, shared_process)
    await schema.check([message("a", site="GR")])
    text = await refusal(schema.check([message("a", site="GR"), message("a"), message(1)]))
    assert text == "Message 1 attributes are not valid,(root): site is required"
    text = await refusal(schema.check([message(1)]))
    assert text.startswith("Message 0 data is not valid,")
    await schema.check_document(b'"a"')  # a document has no attributes


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"properties": 5}, "attributes schema: properties must be of type object"),
        ([], "attributes schema: schema is invalid"),
        ({"$ref": "http://example.com/"}, "attributes schema: $ref 'http://example.com/' is not"),
    ],
)
def test_a_schema_for_attributes_is_a_json_schema(definition: object, text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        compile_schema("avro", {"type": "string"}, definition, ValidationProcess())
    assert refused.value.message.startswith(text)
