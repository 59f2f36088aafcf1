"""Reading bodies by the rules that clients know (contract: authn 1.5).

The first JSON value counts, whatever follows it. Names of members match in any letter case, unknown
ones are ignored, and of several with one name the last counts. `null` leaves a text or a number as
it is, and empties a list or a table.
"""

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, NoReturn

from authn.errors import MalformedBody

#: Range of numbers.
_NUMBERS: Final = range(-(2**63), 2**63)


class Kind(Enum):
    """What a member may hold."""

    TEXT = "a text"
    NUMBER = "a whole number"
    TEXTS = "a list of texts"
    TABLE = "an object with texts"


#: An object's members in their order, with those that come twice.
_Pairs = list[tuple[str, Any]]  # Any: what JSON may hold.


class _Object:
    def __init__(self, pairs: _Pairs) -> None:
        self.pairs = pairs


def decode_into(target: object, body: bytes, kinds: Mapping[str, Kind]) -> None:
    """Sets the attributes of `target` that a body has members for.

    Args:
        target: has each of the attributes.
        body: of the request.
        kinds: the members that count, by name.

    Raises:
        MalformedBody: it is no JSON, or a member is of the wrong kind.
    """
    value = _first_value(body)
    if value is None:
        return
    if not isinstance(value, _Object):
        raise MalformedBody(f"json: cannot unmarshal {_kind_of(value)} into an object")
    for written, member in value.pairs:
        name = written.lower()
        if name in kinds:
            _set(target, name, member, kinds[name])


# Any: what JSON may hold.
def _first_value(body: bytes) -> Any:  # noqa: ANN401 (whatever JSON can say)
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise MalformedBody("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text):
            raise MalformedBody("unexpected EOF") from error
        raise MalformedBody(f"{error.msg}, at character {error.pos + 1}") from error
    except ValueError as error:
        raise MalformedBody("a number can't be read") from error
    except RecursionError as error:
        raise MalformedBody("exceeded max depth") from error
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"invalid character '{name[0]}' looking for beginning of value")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_Object, parse_constant=_refuse_constant)


def _set(target: object, name: str, value: object, kind: Kind) -> None:
    if value is not None:
        setattr(target, name, _READERS[kind](name, value))
    elif kind in (Kind.TEXTS, Kind.TABLE):
        setattr(target, name, None)


def _wrong(name: str, value: object, kind: Kind) -> MalformedBody:
    found = _kind_of(value)
    return MalformedBody(f"json: cannot unmarshal {found} into field {name}, which is {kind.value}")


def _text(name: str, value: object, kind: Kind = Kind.TEXT) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, value, kind)
    # Halves of a pair of surrogates are no text.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in _NUMBERS:
        raise _wrong(name, value, Kind.NUMBER)
    return value


def _texts(name: str, value: object) -> list[str]:
    if not isinstance(value, list):
        raise _wrong(name, value, Kind.TEXTS)
    return [_text(name, item, Kind.TEXTS) for item in value]


def _table(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, _Object):
        raise _wrong(name, value, Kind.TABLE)
    return {
        _text(name, key, Kind.TABLE): _text(name, item, Kind.TABLE) for key, item in value.pairs
    }


_READERS: Final[Mapping[Kind, Callable[[str, object], object]]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.TEXTS: _texts,
    Kind.TABLE: _table,
}


def _kind_of(value: object) -> str:
    match value:
        case _Object():
            return "object"
        case list():
            return "array"
        case str():
            return "string"
        case bool():
            return "bool"
        case _:
            return "number"
