"""What is wrong with a document, in the words clients know (contract: ams-core 8.9)."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

#: Violations that one answer lists.
MOST_VIOLATIONS: Final = 100
#: Characters of one violation.
MOST_CHARACTERS: Final = 1000

_ROOT: Final = "(root)"


def sentence(subject: str, errors: Sequence[ValidationError]) -> str:
    """All violations in one text.

    Args:
        subject: what is not valid, such as `Message 0 data is`.
        errors: what the library found, at least one error.
    """
    unique = dict.fromkeys(text for error in errors for text in _texts(error))
    unique |= dict.fromkeys(text for error in errors for text in _texts_of_all_of(error))
    texts = [text[:MOST_CHARACTERS] for text in islice(unique, MOST_VIOLATIONS)]
    if len(texts) == 1:
        return f"{subject} not valid,{texts[0]}"
    numbered = "".join(f"{number}){text}." for number, text in enumerate(texts, 1))
    return f"{subject} not valid.{numbered}"


def _texts(error: ValidationError) -> Iterator[str]:
    where = _where(error.instance_path)
    for what in _whats(error, where):
        yield f"{where}: {what}"


def _texts_of_all_of(error: ValidationError) -> Iterator[str]:
    for steps in _steps_to_all_of(error.schema_path):
        yield f"{_where(error.instance_path[:steps])}: Must validate all the schemas (allOf)"


def _where(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path)) or _ROOT


def _steps_to_all_of(schema_path: Sequence[str | int]) -> Iterator[int]:
    """For each `allOf` that contains a failed keyword, how deep in the document its value is."""
    steps = 0
    parts = iter(schema_path)
    for part in parts:
        match part:
            case "allOf":
                yield steps
                next(parts, None)  # which of them
            case "anyOf" | "oneOf" | "dependencies" | "definitions":
                next(parts, None)
            case "properties" | "patternProperties":
                steps += 1
                next(parts, None)
            case "items" | "additionalItems" | "additionalProperties" | "contains":
                steps += 1
            case _:  # the position in a list of `items`, or a keyword that stays at the value
                pass


def _whats(error: ValidationError, where: str) -> list[str]:
    match error.kind:
        case Kind.Required(property=name):
            if "dependencies" in error.schema_path[-2:]:
                return [f"Has a dependency on {name}"]
            return [f"{name} is required"]
        case Kind.Type(types=types):
            expected = types[0] if len(types) == 1 else f"[{','.join(types)}]"
            return [f"Invalid type. Expected: {expected}, given: {_type_of(error.instance)}"]
        case Kind.Enum(options=options):
            return [f"{where} must be one of the following: {', '.join(map(_json, options))}"]
        case Kind.Constant(expected_value=value):
            return [f"{where} does not match: {_json(value)}"]
        case Kind.AdditionalProperties(unexpected=names):
            return [f"Additional property {name} is not allowed" for name in names]
        case Kind.UniqueItems():
            return [_duplicates(error.instance)]
    return [_about_bounds(error.kind) or _about_schemas(error.kind) or error.message]


def _about_bounds(kind: Kind) -> str | None:
    match kind:
        case Kind.MinLength(limit=limit):
            return f"String length must be greater than or equal to {limit}"
        case Kind.MaxLength(limit=limit):
            return f"String length must be less than or equal to {limit}"
        case Kind.Minimum(limit=bound):
            return f"Must be greater than or equal to {bound}"
        case Kind.Maximum(limit=bound):
            return f"Must be less than or equal to {bound}"
        case Kind.ExclusiveMinimum(limit=bound):
            return f"Must be greater than {bound}"
        case Kind.ExclusiveMaximum(limit=bound):
            return f"Must be less than {bound}"
        case Kind.MultipleOf(multiple_of=factor):
            return f"Must be a multiple of {factor}"
    return _about_numbers(kind)


def _about_numbers(kind: Kind) -> str | None:
    match kind:
        case Kind.MinItems(limit=limit):
            return f"Array must have at least {limit} items"
        case Kind.MaxItems(limit=limit):
            return f"Array must have at most {limit} items"
        case Kind.MinProperties(limit=limit):
            return f"Must have at least {limit} properties"
        case Kind.MaxProperties(limit=limit):
            return f"Must have at most {limit} properties"
        case Kind.Pattern(pattern=pattern):
            return f"Does not match pattern '{pattern}'"
        case Kind.Format(format=name):
            return f"Does not match format '{name}'"
    return None


def _about_schemas(kind: Kind) -> str | None:
    match kind:
        case Kind.AnyOf():
            return "Must validate at least one schema (anyOf)"
        case Kind.OneOfNotValid() | Kind.OneOfMultipleValid():
            return "Must validate one and only one schema (oneOf)"
        case Kind.Not():
            return "Must not validate the schema (not)"
        case Kind.Contains():
            return "At least one of the items must match"
        case Kind.AdditionalItems():
            return "No additional items allowed on array"
        case Kind.FalseSchema():
            return "False always fails validation"
        case Kind.PropertyNames(error=error):
            return f'Property name of "{error.instance}" does not match'
    return None


def _type_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case float() if not value.is_integer():
            return "number"
    return "integer"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _duplicates(items: Any) -> str:  # noqa: ANN401 (an array of any JSON)
    """Names the first two items that are the same as they are written."""
    first: dict[bytes, int] = {}
    for index, item in enumerate(items):
        earlier = first.setdefault(msgspec.json.encode(item, order="sorted"), index)
        if earlier != index:
            return f"array items[{earlier},{index}] must be unique"
    return "array items must be unique"
