"""No message keeps a worker from its other work for long, whatever its schema."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from ams.schemas.cost import AT_ONCE, UNBOUNDED
from ams.schemas.schema import Rules
from tests.schemas.attacks import BRANCHING, doubling
from tests.schemas.checking import message

#: What the most that is validated at once may take, in seconds; a busy machine adds to it.
MOST_SECONDS = 0.5


def cost(definition: object) -> int:
    payload = rules(definition).payload
    assert payload is not None
    return payload.cost


def rules(definition: object) -> Rules:
    return Rules("json", json.dumps(definition).encode(), b"")


@pytest.mark.parametrize(
    "definition",
    [
        BRANCHING,
        {"items": {"$ref": "#"}},
        {"$ref": "#"},
        {"definitions": {"a": {"not": {"$ref": "#/definitions/a"}}}, "$ref": "#/definitions/a"},
        {"items": {"uniqueItems": True}},
        {"pattern": "^.{1,256}$"},
        doubling(40),
    ],
)
def test_what_has_no_bound_has_the_highest_cost(definition: object) -> None:
    assert cost(definition) >= UNBOUNDED


def test_references_count_as_what_they_refer_to() -> None:
    assert cost(doubling(10)) > 1000
    assert cost(doubling(11)) > 1.9 * cost(doubling(10))


def test_each_value_in_an_object_costs_what_its_own_schema_does() -> None:
    properties = {f"p{number}": {"type": "integer", "minimum": 0} for number in range(1000)}
    assert cost({"properties": properties}) < 50


def numbers(size: int, digits: int) -> list[int]:
    return [random.Random(1).randrange(10 ** (digits - 1), 10**digits)] * (size // (digits + 2))


#: A schema, and a document of about so many bytes which takes it long to validate.
EXPENSIVE: dict[str, tuple[dict[str, Any], Callable[[int], object]]] = {
    "references that double": (
        {"items": {"$ref": "#/definitions/d0"}, "definitions": doubling(6)["definitions"]},
        lambda size: ["a"] * (size // 5),
    ),
    "one of many": (
        {"items": {"oneOf": [{"minimum": number} for number in range(100)]}},
        lambda size: [0] * (size // 3),
    ),
    "a number of many": (
        {"items": {"enum": [number + 0.5 for number in range(300)]}},
        lambda size: [299.5] * (size // 7),
    ),
    "an object of many": (
        {"items": {"enum": [{"v": number} for number in range(300)]}},
        lambda size: [{"v": 299}] * (size // 12),
    ),
    "multiples": ({"items": {"multipleOf": 1e-300}}, lambda size: [1e308] * (size // 8)),
    "long integers": (
        {"items": {"minimum": 1.5, "multipleOf": 7}},
        lambda size: numbers(size, 4000),
    ),
    "a pattern": ({"pattern": "[ab]*a[ab]{300}[cX]"}, lambda size: "a" * size),
    "names that match patterns": (
        {"patternProperties": {f"[ab]*a[ab]{{200}}[{n}X]": {} for n in range(10)}},
        lambda size: {"a" * (size - 10): 1},
    ),
    "names that match many patterns": (
        {"patternProperties": {f"p{number}x": {} for number in range(400)}},
        lambda size: {f"q{number}": 1 for number in range(size // 12)},
    ),
    "required": (
        {"items": {"required": [f"p{number}" for number in range(20)]}},
        lambda size: [{f"p{number}": 1 for number in range(20)}] * (size // 180),
    ),
    "patterns as values": (
        {"items": {"format": "regex"}},
        lambda size: [f"(a{{{n}}}){{9}}" for n in range(size // 14)],
    ),
    "formats": ({"items": {"format": "uuid"}}, lambda size: ["a"] * (size // 5)),
    "dates": (
        {"items": {"format": "date-time"}},
        lambda size: ["2020-01-01T00:00:00Z"] * (size // 24),
    ),
    "e-mail addresses": ({"format": "email"}, lambda size: "a@" + "b." * (size // 2)),
    "host names": ({"format": "idn-hostname"}, lambda size: "é." * (size // 3)),
    "nothing": ({}, lambda size: [[]] * (size // 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPENSIVE)
def test_what_is_validated_at_once_takes_no_longer_than_it_may(name: str) -> None:
    definition, document = EXPENSIVE[name]
    compiled = rules(definition)
    # Base64 takes four characters for three bytes.
    sent = [message(document(AT_ONCE // cost(definition) * 3 // 4))]
    started = time.process_time()
    compiled.accept(sent)
    assert time.process_time() - started < MOST_SECONDS
