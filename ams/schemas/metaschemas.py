"""Checking a JSON Schema by the schema of its draft."""

from typing import TYPE_CHECKING, Any, Final

from jsonschema_rs import (
    Draft4Validator,
    Draft6Validator,
    Draft7,
    Draft7Validator,
    Registry,
    ValidationError,
    ValidationErrorKind,
    Validator,
)

from ams.service.errors import InvalidArgument

if TYPE_CHECKING:
    from jsonschema_rs import JsonValue

_URIS: Final = {
    4: "http://json-schema.org/draft-04/schema",
    6: "http://json-schema.org/draft-06/schema",
    7: "http://json-schema.org/draft-07/schema",
}
_DRAFTS: Final = {uri.partition(":")[2]: draft for draft, uri in _URIS.items()}

#: Characters of the library's own text that an answer repeats.
_MOST_CHARACTERS: Final = 500


def draft_of(definition: dict[str, Any]) -> int | None:
    """The draft that `$schema` names; None if there is none: keywords of all drafts may be mixed.

    Raises:
        InvalidArgument: it names something else (contract: ams-core 8.7).
    """
    uri = definition.get("$schema")
    if uri is None:
        return None
    scheme, _, rest = uri.partition(":") if isinstance(uri, str) else ("", "", "")
    draft = _DRAFTS.get(rest.removesuffix("#"))
    if draft is None or scheme not in {"http", "https"}:
        raise InvalidArgument("$schema is not supported: drafts 4, 6 and 7 of JSON Schema are")
    return draft


def check(definition: dict[str, Any], draft: int | None) -> None:
    """Checks a definition.

    Raises:
        InvalidArgument: it is not valid (texts: contract ams-core 8.2).
    """
    try:
        _METASCHEMAS[draft].validate(definition)
    except ValidationError as error:
        raise InvalidArgument(_text(_innermost(error))) from None


def _innermost(error: ValidationError) -> ValidationError:
    """What is wrong in `items` that are neither a schema nor a list of schemas."""
    while isinstance(error.kind, ValidationErrorKind.AnyOf):
        inner = [each for branch in error.kind.context for each in branch]
        deepest = max(inner, key=lambda each: len(each.instance_path), default=error)
        if len(deepest.instance_path) <= len(error.instance_path):
            break
        error = deepest
    return error


def _text(error: ValidationError) -> str:
    path = [str(part) for part in error.instance_path]
    match error.kind:
        case ValidationErrorKind.AnyOf() if path[-1:] == ["type"]:
            given = error.instance if isinstance(error.instance, list) else [error.instance]
            return (
                f"has a primitive type that is NOT VALID -- given: /{','.join(map(str, given))}/ "
                "Expected valid values are:[array boolean integer number null object string]"
            )[:_MOST_CHARACTERS]
        case ValidationErrorKind.Type(types=types) if path:
            return f"{path[-1]} must be of type {' or '.join(types)}"
    return f"{'.'.join(path) or '(root)'}: {error.message}"[:_MOST_CHARACTERS]


def _of_all_drafts() -> dict[str, Any]:
    """Draft 7, with the booleans that draft 4 has in two places."""
    registry = Registry([("urn:any", {"$ref": _URIS[7]})], draft=Draft7)
    metaschema = registry.resolver("").lookup(_URIS[7]).contents
    if not isinstance(metaschema, dict) or not isinstance(metaschema["properties"], dict):
        raise TypeError("the library has no metaschema of draft 7")
    either: JsonValue = {"type": ["number", "boolean"]}
    metaschema["properties"].update(exclusiveMinimum=either, exclusiveMaximum=either)
    del metaschema["$id"]  # its references are to itself, not to the original
    return metaschema


# Without formats: to compile a pattern may take long, and `ams.schemas.patterns` does it in bounds.
_METASCHEMAS: Final[dict[int | None, Validator]] = {
    4: Draft4Validator({"$ref": _URIS[4]}, validate_formats=False, offline=True),
    6: Draft6Validator({"$ref": _URIS[6]}, validate_formats=False, offline=True),
    7: Draft7Validator({"$ref": _URIS[7]}, validate_formats=False, offline=True),
    None: Draft7Validator(_of_all_drafts(), validate_formats=False, offline=True),
}
