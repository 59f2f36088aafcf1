"""Schemas that are made to take long, and what makes them do so."""

from typing import Any


def doubling(times: int) -> dict[str, Any]:
    """A chain of references in which each link has two to the next."""
    links = {
        f"d{number}": {"allOf": [{"$ref": f"#/definitions/d{number + 1}"}] * 2}
        for number in range(times)
    }
    end = {f"d{times}": {"type": "string"}}
    return {"$ref": "#/definitions/d0", "definitions": links | end}


#: Tries all paths through arrays in arrays: `nested` gives it two to the power of its levels.
BRANCHING = {"anyOf": [{"type": "array", "minItems": 1, "items": {"$ref": "#"}}] * 2}


def nested(levels: int) -> list[Any]:
    """Arrays in arrays, the innermost of which is empty."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value
