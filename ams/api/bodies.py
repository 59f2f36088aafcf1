"""Request bodies: JSON into typed structs, by the rules clients rely on.

Field names match in any letter case, `null` is the same as absent, unknown fields are ignored, a
wrong type in a known field is refused (contract: ams-core 1.9). The usual body matches its struct
exactly and takes one pass; whatever does not is looked at field by field.
"""

import functools
import operator
import re
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Raw

from ams.api.operations import BodyKind, Shape
from ams.schemas.json_documents import parse_first
from ams.service.errors import TooLarge

#: Most values in one body. A few bytes of JSON can become a hundred bytes of objects: without a
#: limit a body within the size limit could take gigabytes.
MOST_VALUES: Final = 500_000

#: A body shorter than this can't hold too many values.
SMALL_BODY: Final = 2 * MOST_VALUES

#: Goes to the next place outside of strings where a value may begin, or to the end. It never tries
#: anything twice, and takes a string that is cut off for one, so that its time is linear.
_NEXT_VALUE: Final = re.compile(
    rb"""(?: [^",{\[]++ | "(?: [^"\\]++ | \\. )*+"? )*+ (?: [,{\[] | \Z )""", re.DOTALL | re.VERBOSE
)
_DECODERS: Final[dict[object, msgspec.json.Decoder[Any]]] = {}
_FAULTS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Base of all bodies. Every field has a default: what is required the handler checks."""


class TextMap(msgspec.Struct, gc=False):
    """Base of bodies that are objects of texts."""


def decode(body: bytes, kind: BodyKind[Shape]) -> Shape:
    """Reads a body, or raises its kind's error; `TooLarge` if it holds too many values."""
    check_number_of_values(body)
    shape = kind.shape
    if kind.is_first_value:
        body = _first_value(body, kind)
    if kind.is_map:
        return msgspec.convert(_texts(body, kind), shape)
    decoder = _DECODERS.get(shape)
    if decoder is None:
        decoder = _DECODERS[shape] = msgspec.json.Decoder(shape)
    try:
        value: Shape = decoder.decode(body)
    except _FAULTS:
        try:
            value = _lenient(body, msgspec.inspect.type_info(shape))
        except _FAULTS as error:
            raise kind.fault() from error
    return value


def _first_value(body: bytes, kind: BodyKind[Any]) -> bytes:
    try:
        return msgspec.json.encode(parse_first(body))
    except (ValueError, RecursionError) as error:
        raise kind.fault() from error


def _texts(body: bytes, kind: BodyKind[Any]) -> dict[str, str]:
    """The texts of an object of texts; nulls are left out."""
    try:
        texts = msgspec.json.decode(body, type=dict[str, str | None] | None) or {}
    except _FAULTS as error:
        raise kind.fault() from error
    return {name: text for name, text in texts.items() if text is not None}


def check_number_of_values(body: bytes) -> None:
    """Raises `TooLarge` if a body holds too many values."""
    if len(body) <= SMALL_BODY or sum(map(body.count, (b",", b"{", b"["))) <= MOST_VALUES:
        return
    values = sum(1 for _ in islice(_NEXT_VALUE.finditer(body), MOST_VALUES + 1))
    if values > MOST_VALUES:
        raise TooLarge("Request body holds too many values")


def _lenient(json: bytes | Raw, kind: msgspec.inspect.Type) -> Any:  # noqa: ANN401 (as `kind` says)
    """Reads a JSON value as `kind` with names in any case and nulls as absent.

    Any: the value is of the type that `kind` describes.
    """
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            by_name = {field.encode_name.lower(): field for field in fields}
            values = {}
            for name, raw in (msgspec.json.decode(json, type=dict[str, Raw] | None) or {}).items():
                field = by_name.get(name.lower())
                if field is not None and bytes(raw).strip() != b"null":
                    values[field.name] = _lenient(raw, field.type)
            return cls(**values)
        case msgspec.inspect.Metadata(type=described):
            return _lenient(json, described)
        case msgspec.inspect.ListType(item_type=item_type):
            raws = msgspec.json.decode(json, type=list[Raw] | None) or []
            return [_lenient(raw, item_type) for raw in raws]
        case msgspec.inspect.DictType():
            texts = msgspec.json.decode(json, type=dict[str, str | None] | None) or {}
            return {name: text or "" for name, text in texts.items()}
        case msgspec.inspect.StrType():
            return msgspec.json.decode(json, type=str | None) or ""
        case msgspec.inspect.IntType() | msgspec.inspect.BoolType() | msgspec.inspect.AnyType():
            return msgspec.json.decode(json, type=_PLAIN[type(kind)])
        case msgspec.inspect.UnionType(types=types):
            return _lenient_union(json, types)
    raise TypeError(f"no body has a field of {kind}")


def _lenient_union(json: bytes | Raw, types: tuple[msgspec.inspect.Type, ...]) -> Any:  # noqa: ANN401 (as `_lenient`)
    kinds = [each for each in types if not isinstance(each, msgspec.inspect.NoneType)]
    if len(kinds) == 1:
        return _lenient(json, kinds[0])
    union = functools.reduce(operator.or_, (_PLAIN[type(each)] for each in kinds))
    return msgspec.json.decode(json, type=union)


_PLAIN: Final[dict[type, Any]] = {
    msgspec.inspect.StrType: str,
    msgspec.inspect.IntType: int,
    msgspec.inspect.BoolType: bool,
    msgspec.inspect.AnyType: Any,
}
