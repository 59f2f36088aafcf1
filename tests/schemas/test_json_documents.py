"""Which data is JSON, and how it is read (contract: ams-core 8.6, 8.9)."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ams.messages.entries import Message
from ams.schemas import base64_data
from ams.schemas.process import ValidationProcess
from ams.schemas.schema import Rules
from tests.schemas.checking import json_schema, message, refusal

NOT_JSON = "Message 0 data is not valid JSON format,"


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        (b"", "EOF"),
        (b" \r\n\t", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"a":', "unexpected EOF"),
        (b'"abc', "unexpected EOF"),
        (b"tru", "unexpected EOF"),
        (b"xyz", "invalid character (byte 0)"),
        (b"NaN", "invalid character (byte 0)"),
        (b"[Infinity]", "invalid character (byte 1)"),
        (b"1e400", "Number out of range"),
        (b"1" * 5000, "Integer value out of range"),
        (b'"\xff"', "invalid UTF-8 in string"),
        (b'"\\ud800"', "lone surrogate"),
        (b"\xef\xbb\xbf{}", "invalid character (byte 0)"),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
async def test_what_is_no_json_is_refused(
    shared_process: ValidationProcess, raw: bytes, detail: str
) -> None:
    schema = json_schema(shared_process, {})
    assert await refusal(schema.check([message(raw)])) == NOT_JSON + detail
    assert await refusal(schema.check_document(raw)) == NOT_JSON + detail


@pytest.mark.parametrize("rest", [b" {", b"garbage", b"\xff\xfe", b" {}{}", b"\n"])
async def test_what_follows_the_first_value_is_ignored(
    shared_process: ValidationProcess, rest: bytes
) -> None:
    """Contract: ams-core 8.6."""
    schema = json_schema(shared_process, {"required": ["é"]})
    raw = b' {"\xc3\xa9":1}' + rest
    await schema.check_document(raw)
    await schema.check([message(raw)])
    assert await refusal(schema.check_document(b"{}" + rest)) == (
        "Message 0 data is not valid,(root): é is required"
    )


async def test_of_members_with_the_same_name_the_last_counts(
    shared_process: ValidationProcess,
) -> None:
    schema = json_schema(shared_process, {"properties": {"a": {"type": "string"}}})
    await schema.check([message(b'{"a":1,"a":"x"}')])
    assert await refusal(schema.check([message(b'{"a":"x","a":1}')]))


async def test_integers_keep_their_digits(shared_process: ValidationProcess) -> None:
    schema = json_schema(shared_process, {"type": "integer", "maximum": 10**30})
    await schema.check([message(10**30), message(-(10**4000))])
    assert await refusal(schema.check([message(10**30 + 1)]))


async def test_a_document_is_nested_as_deep_as_may_be(shared_process: ValidationProcess) -> None:
    """Validation of a document that the library can't talk about still is a refusal."""
    schema = json_schema(shared_process, {"type": "array"})
    await schema.check([message(b"[" * 500 + b"]" * 500)])
    strings = json_schema(shared_process, {"type": "string"})
    assert await refusal(strings.check([message(b"[" * 500 + b"]" * 500)])) == (
        "Message 0 data is not valid,it is nested too deeply to say why"
    )


@pytest.mark.parametrize(
    ("data", "position"),
    [("!!!!", 0), ("YQ", 0), ("YWFh_QQ=", 4), ("YWFhYQ", 4), ("YQ==YQ==", 2), ("é", 0), ("YQ=", 2)],
)
async def test_what_is_no_base64_is_refused(
    shared_process: ValidationProcess, data: str, position: int
) -> None:
    """Contract: O-47, the misspelling included."""
    schema = json_schema(shared_process, {})
    text = f"is not in valid base64 enocding,illegal base64 data at input byte {position}"
    messages = [message(1), Message(data)]
    assert await refusal(schema.check(messages)) == f"Message 1 {text}"
    assert await refusal(schema.check_payload(data)) == f"Message 0 {text}"


async def test_base64_may_have_line_breaks(shared_process: ValidationProcess) -> None:
    data = b64encode(b'{"a":1}').decode()
    schema = json_schema(shared_process, {"required": ["a"]})
    await schema.check([Message(f"{data[:5]}\r\n{data[5:]}\n")])


@given(st.binary())
def test_base64_is_read_as_it_was_written(raw: bytes) -> None:
    text = b64encode(raw).decode()
    assert base64_data.decode(text) == raw
    assert list(base64_data.decode_all([text])) == [raw]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner),
)  # fmt: skip


@given(JSON)
def test_any_json_is_valid_without_keywords(document: object) -> None:
    assert Rules("json", b"{}", b"").accept([message(document)])


@given(JSON, st.binary(max_size=5))
def test_nothing_after_a_document_disturbs_it(document: object, rest: bytes) -> None:
    raw = json.dumps(document).encode() + b" "
    definition = json.dumps({"const": document}).encode()
    Rules("json", definition, b"").explain_document(raw + rest)
