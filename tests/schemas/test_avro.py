"""Avro schemas, and values in its binary encoding (contract: ams-core 8.2, 8.8, 8.9)."""

import io
import time
import tracemalloc
from base64 import b64encode
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ams.messages.entries import Message
from ams.schemas.avro_rules import AvroRules
from ams.schemas.process import ValidationProcess
from tests.schemas.checking import avro_schema, message, refusal, refused_definition

#: More than memory and time allow, if a claim to hold so many were believed.
HUGE = 2**62

NO_SYMBOLS = "enum must have symbols, which are names"
NO_SIZE = "fixed must have a size, which is not negative"

NODE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "next", "type": ["null", "Node"]}],
}
ENDLESS = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "R"}]}
PERSON: dict[str, Any] = {
    "type": "record",
    "name": "org.example.Person",
    "fields": [
        {"name": "name", "type": "string"},
        {"name": "born", "type": {"type": "int", "logicalType": "date"}},
        {"name": "height", "type": ["null", "double"], "default": None},
        {"name": "active", "type": "boolean"},
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 3}},
        {"name": "mood", "type": {"type": "enum", "name": "Mood", "symbols": ["good", "bad"]}},
        {"name": "moods", "type": {"type": "map", "values": "org.example.Mood"}},
        {"name": "friends", "type": {"type": "array", "items": "Person"}},
        {"name": "photo", "type": "bytes"},
        {"name": "seen", "type": "long"},
        {"name": "weight", "type": "float"},
        {"name": "nothing", "type": "null"},
    ],
}

persons: st.SearchStrategy[dict[str, object]] = st.deferred(
    lambda: st.fixed_dictionaries(
        {
            "name": st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
            "born": st.integers(-(2**31), 2**31 - 1),
            "height": st.none() | st.floats(allow_nan=False),
            "active": st.booleans(),
            "mark": st.binary(min_size=3, max_size=3),
            "mood": st.sampled_from(["good", "bad"]),
            "moods": st.dictionaries(st.text("abc"), st.sampled_from(["good", "bad"])),
            "friends": st.lists(persons, max_size=1),
            "photo": st.binary(max_size=20_000),
            "seen": st.integers(-(2**63), 2**63 - 1),
            "weight": st.floats(width=32, allow_nan=False),
            "nothing": st.none(),
        }
    )
)


def plain(schema: Any) -> Any:  # noqa: ANN401 (a schema as the library takes it)
    """The schema without logical types, which the library would convert."""
    if isinstance(schema, dict):
        return {name: plain(value) for name, value in schema.items() if name != "logicalType"}
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


def encode(schema: object, value: object) -> bytes:
    encoded = io.BytesIO()
    fastavro.schemaless_writer(encoded, plain(schema), value)
    return encoded.getvalue()


def long(value: int) -> bytes:
    return encode("long", value)


def is_valid(rules: AvroRules, raw: bytes) -> bool:
    try:
        return rules.accept([raw])
    except (ValueError, IndexError, RecursionError):
        return False


@given(persons)
def test_what_a_library_encodes_is_valid(person: dict[str, object]) -> None:
    assert AvroRules(PERSON).accept([encode(PERSON, person)])


@given(persons)
def test_what_is_cut_off_is_not_valid(person: dict[str, object]) -> None:
    raw = encode(PERSON, person)
    rules = AvroRules(PERSON)
    assert not any(
        is_valid(rules, raw[:length]) for length in range(max(0, len(raw) - 50), len(raw))
    )


@given(st.binary())
def test_what_is_valid_a_library_decodes(raw: bytes) -> None:
    rules = AvroRules(PERSON)
    if is_valid(rules, raw):
        fastavro.schemaless_reader(io.BytesIO(raw), plain(PERSON), None)


async def test_a_value_that_fits_is_accepted(shared_process: ValidationProcess) -> None:
    schema = avro_schema(shared_process, NODE)
    raw = encode(NODE, {"next": {"next": None}})
    await schema.check([message(raw), message(raw)])
    await schema.check_payload(b64encode(raw).decode())


async def test_bytes_after_a_value_are_ignored(shared_process: ValidationProcess) -> None:
    """Contract: O-42."""
    schema = avro_schema(shared_process, {"type": "int"})
    await schema.check([message(long(5) + b"\xff\xff")])


@pytest.mark.parametrize(
    ("kind", "raw", "detail"),
    [
        ("int", b"", "unexpected EOF"),
        ("int", b"\xff", "unexpected EOF"),
        ("int", long(2**31), "integer overflow"),
        ("int", long(-(2**31) - 1), "integer overflow"),
        ("long", b"\xff" * 10 + b"\x01", "integer overflow"),
        ("long", b"\xff" * 9 + b"\x02", "integer overflow"),
        ("long", b"\xff" * 1_000_000, "unexpected EOF"),
        ("float", b"\0\0\0", "unexpected EOF"),
        ("double", b"\0" * 7, "unexpected EOF"),
        ("boolean", b"\2", "a boolean is neither 0 nor 1"),
        ("boolean", b"", "unexpected EOF"),
        ("string", long(HUGE) + b"a", "unexpected EOF"),
        ("string", long(-1) + b"a", "negative length"),
        ("string", long(-100) + b"a", "negative length"),
        ("string", long(1) + b"\xff", "a string is not valid UTF-8"),
        ("string", long(3) + b"\xed\xa0\x80", "a string is not valid UTF-8"),
        ("bytes", long(HUGE), "unexpected EOF"),
        ("bytes", long(-1), "negative length"),
        ({"type": "fixed", "name": "f", "size": 2**40}, b"a", "unexpected EOF"),
        ({"type": "enum", "name": "e", "symbols": ["a"]}, long(1), "enum index 1 is not in 0..0"),
        ({"type": "enum", "name": "e", "symbols": ["a"]}, long(-1), "enum index -1 is not in 0..0"),
        (["null", "string"], long(2), "union index 2 is not in 0..1"),
        (["null", "string"], long(-1), "union index -1 is not in 0..1"),
        ({"type": "array", "items": "int"}, long(2) + long(1), "unexpected EOF"),
        ({"type": "array", "items": "int"}, long(1) + long(1), "unexpected EOF"),
        ({"type": "array", "items": "int"}, long(HUGE) + b"\0" * 100, "unexpected EOF"),
        ({"type": "array", "items": "int"}, long(-(2**63)) + long(1) + b"\0", "unexpected EOF"),
        ({"type": "map", "values": "null"}, long(HUGE) + b"\0" * 100, "unexpected EOF"),
        (NODE, b"\2" * 100_000, "exceeded max depth"),
        (ENDLESS, b"", "exceeded max depth"),
    ],
)  # fmt: skip
async def test_a_value_that_does_not_fit_is_refused_at_once(
    shared_process: ValidationProcess, kind: object, raw: bytes, detail: str
) -> None:
    schema = avro_schema(shared_process, {"type": kind})
    started = time.monotonic()
    assert await refusal(schema.check([message(raw)])) == f"Message 0 is not valid.{detail}"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "items",
    [
        "null",
        {"type": "fixed", "name": "f", "size": 0},
        {"type": "record", "name": "r", "fields": []},
        {"type": "record", "name": "r", "fields": [{"name": "a", "type": "null"}]},
    ],
)
def test_an_array_of_items_without_bytes_takes_no_time(items: object) -> None:
    raw = long(HUGE) + b"\0"
    started = time.process_time()
    assert AvroRules({"type": "array", "items": items}).accept([raw])
    assert time.process_time() - started < 0.1


def test_types_that_double_take_no_time_without_bytes() -> None:
    fields = []
    kind: object = "null"
    for number in range(1000):
        record = {
            "type": "record",
            "name": f"R{number}",
            "fields": [{"name": "a", "type": kind}, {"name": "b", "type": kind}],
        }
        fields.append({"name": f"f{number}", "type": record})
        kind = f"R{number}"
    started = time.process_time()
    assert AvroRules({"type": "record", "name": "Top", "fields": fields}).accept([b""])
    assert time.process_time() - started < 1


def test_validating_takes_no_memory() -> None:
    pair = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
    rules = AvroRules({"type": "array", "items": pair})
    raw = long(100_000) + b"\2" * 100_000 + b"\0"
    tracemalloc.start()
    try:
        assert rules.accept([raw])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(raw)


async def test_what_is_no_base64_is_refused(shared_process: ValidationProcess) -> None:
    schema = avro_schema(shared_process, {"type": "int"})
    text = "is not in valid base64 enocding,illegal base64 data at input byte 0"
    assert await refusal(schema.check([message(long(1)), Message("!")])) == f"Message 1 {text}"
    assert await refusal(schema.check_payload("!")) == f"Message 0 {text}"


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"type": "unknown"}, 'unknown type name: "unknown"'),
        (None, "schema is invalid"),  # contract: O-40
        ("string", "schema is invalid"),
        (["null", "string"], "schema is invalid"),
        ({}, "schema is invalid: {} is no type"),
        ({"type": None}, "schema is invalid: None is no type"),
        ({"type": {"type": "unknown"}}, 'unknown type name: "unknown"'),
        ({"type": "array"}, "schema is invalid: None is no type"),
        ({"type": "map", "values": 5}, "schema is invalid: 5 is no type"),
        ({"type": ["null", "null"]}, "union holds the same type twice"),
        ({"type": ["null", ["string"]]}, "union must hold types, and no union"),
        ({"type": []}, "union must hold types, and no union"),
        ({"type": "enum", "name": "e", "symbols": []}, NO_SYMBOLS),
        ({"type": "enum", "name": "e", "symbols": "ab"}, NO_SYMBOLS),
        ({"type": "enum", "name": "e", "symbols": ["1"]}, NO_SYMBOLS),
        ({"type": "enum", "name": "e", "symbols": ["a", "a"]}, "enum has the same symbol twice"),
        ({"type": "enum", "symbols": ["a"]}, "enum must have a valid name"),
        ({"type": "fixed", "name": "f"}, NO_SIZE),
        ({"type": "fixed", "name": "f", "size": -1}, NO_SIZE),
        ({"type": "fixed", "name": "f", "size": True}, NO_SIZE),
        ({"type": "fixed", "name": "int", "size": 1}, 'type "int" is defined twice'),
        ({"type": "record", "name": "1a", "fields": []}, "record must have a valid name"),
        ({"type": "record", "name": "a"}, 'record "a" must have an array of fields'),
        (
            {"type": "record", "name": "a", "fields": [{"name": "b"}]},
            'record "a": each field must have a name and a type',
        ),
        (
            {"type": "record", "name": "a", "fields": [{"name": "b", "type": "int"}] * 2},
            'record "a" has the same field twice',
        ),
        (
            {"type": "record", "name": "a", "fields": [{"name": "b", "type": "c"}]},
            'unknown type name: "c"',
        ),
        (
            {"type": "array", "items": {"type": "record", "name": "a", "fields": [
                {"name": "b", "type": {"type": "fixed", "name": "a", "size": 1}}]}},
            'type "a" is defined twice',
        ),
    ],
)  # fmt: skip
def test_what_is_no_avro_schema_is_refused(definition: object, text: str) -> None:
    assert refused_definition("avro", definition) == text


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    definition: dict[str, Any] = {"type": "string"}
    for _ in range(150):
        definition = {"type": "array", "items": definition}
    assert (
        refused_definition("avro", definition) == "schema is nested too deeply: at most 100 levels"
    )


def test_names_are_looked_up_in_their_namespace() -> None:
    inner = {"type": "fixed", "name": "F", "size": 1}
    fields = [
        {"name": "a", "type": inner},
        {"name": "b", "type": "F"},
        {"name": "c", "type": "x.F"},
        {"name": "d", "type": {"type": "fixed", "name": "F", "namespace": "y", "size": 2}},
        {"name": "e", "type": "y.F"},
        {"name": "f", "type": {"type": "fixed", "name": "z.F", "size": 3}},
    ]
    rules = AvroRules({"type": "record", "name": "R", "namespace": "x", "fields": fields})
    assert is_valid(rules, b"." * (1 + 1 + 1 + 2 + 2 + 3))
    assert not is_valid(rules, b"." * (1 + 1 + 1 + 2 + 2 + 2))
