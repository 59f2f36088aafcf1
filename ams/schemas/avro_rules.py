"""Validating Avro's binary encoding against an Avro schema."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from ams.schemas import avro_binary
from ams.schemas.avro_binary import Skip
from ams.service.errors import InvalidArgument

#: What a byte takes at worst, as `ams.schemas.cost` has it.
COST: Final = 20

#: Levels of types in types as the schema is written. Deeper than this a type can be nested in
#: itself only by the data, which is refused where Python stops.
MOST_LEVELS: Final = 100

_PRIMITIVES: Final[dict[str, Skip]] = {
    "null": avro_binary.skip_nothing,
    "boolean": avro_binary.skip_boolean,
    "int": avro_binary.skip_int,
    "long": avro_binary.skip_long,
    "float": avro_binary.fixed(4),
    "double": avro_binary.fixed(8),
    "bytes": avro_binary.skip_bytes,
    "string": avro_binary.skip_string,
}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_SYMBOL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Characters of a value that an error repeats.
_MOST_CHARACTERS: Final = 100


class AvroRules:
    """An Avro schema, ready to validate with.

    Attributes:
        cost: what validation takes at worst, as `ams.schemas.cost` has it.
    """

    cost: Final = COST

    def __init__(self, definition: dict[str, Any]) -> None:
        """Compiles an Avro schema.

        Raises:
            InvalidArgument: it is not valid.
        """
        self._skip = _Types().compile(definition, "", 0)

    def accept(self, raws: Iterable[bytes]) -> bool:
        """Whether each begins with a value of the type; more may follow (contract: O-42).

        Raises:
            ValueError, IndexError, RecursionError: one does not.
        """
        skip = self._skip
        for raw in raws:
            skip(raw, 0)
        return True

    def explain(self, index: int, raw: bytes) -> None:
        """Refuses data that is not valid (texts: contract ams-core 8.9).

        Raises:
            InvalidArgument: with what is wrong with the message at `index`.
        """
        try:
            self._skip(raw, 0)
        except IndexError:
            reason = "unexpected EOF"
        except UnicodeDecodeError:
            reason = "a string is not valid UTF-8"
        except ValueError as error:
            reason = str(error)
        except RecursionError:
            reason = "exceeded max depth"
        else:
            return
        raise InvalidArgument(f"Message {index} is not valid.{reason}")


class _Types:
    """The named types of one schema, by their full names."""

    def __init__(self) -> None:
        self._named: dict[str, Skip] = {}
        self._kinds: dict[str, Callable[[dict[str, Any], str, int], Skip]] = {
            "array": self._array,
            "map": self._map,
            "enum": self._enum,
            "fixed": self._fixed,
            "record": self._record,
            "error": self._record,
        }

    def compile(self, schema: object, namespace: str, level: int) -> Skip:
        if level > MOST_LEVELS:
            raise InvalidArgument(f"schema is nested too deeply: at most {MOST_LEVELS} levels")
        match schema:
            case str():
                return self._by_name(schema, namespace)
            case list():
                return self._union(schema, namespace, level)
            case dict({"type": str(kind)} as complex_type) if kind in self._kinds:
                return self._kinds[kind](complex_type, namespace, level + 1)
            case {"type": kind}:
                return self.compile(kind, namespace, level + 1)
        raise InvalidArgument(f"schema is invalid: {_excerpt(schema)} is no type")

    def _by_name(self, name: str, namespace: str) -> Skip:
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        for full in (_full_name(name, namespace), name):
            if full in self._named:
                return self._named[full]
        raise InvalidArgument(f'unknown type name: "{_excerpt(name)}"')

    def _union(self, branches: list[object], namespace: str, level: int) -> Skip:
        kinds = [_kind_in_union(branch) for branch in branches]
        if not branches or None in kinds:
            raise InvalidArgument("union must hold types, and no union")
        if len(set(kinds)) < len(kinds):
            raise InvalidArgument("union holds the same type twice")
        return avro_binary.union([self.compile(each, namespace, level + 1) for each in branches])

    def _array(self, schema: dict[str, Any], namespace: str, level: int) -> Skip:
        return avro_binary.blocks(self.compile(schema.get("items"), namespace, level))

    def _map(self, schema: dict[str, Any], namespace: str, level: int) -> Skip:
        values = self.compile(schema.get("values"), namespace, level)
        return avro_binary.blocks(avro_binary.record((avro_binary.skip_string, values)))

    def _enum(self, schema: dict[str, Any], namespace: str, _level: int) -> Skip:
        symbols = schema.get("symbols")
        if not isinstance(symbols, list) or not symbols or not all(map(_is_symbol, symbols)):
            raise InvalidArgument("enum must have symbols, which are names")
        if len(set(symbols)) < len(symbols):
            raise InvalidArgument("enum has the same symbol twice")
        name = self._new_name(schema, namespace)
        self._named[name] = avro_binary.enum(len(symbols))
        return self._named[name]

    def _fixed(self, schema: dict[str, Any], namespace: str, _level: int) -> Skip:
        size = schema.get("size")
        if type(size) is not int or size < 0:
            raise InvalidArgument("fixed must have a size, which is not negative")
        name = self._new_name(schema, namespace)
        self._named[name] = avro_binary.fixed(size)
        return self._named[name]

    def _record(self, schema: dict[str, Any], namespace: str, level: int) -> Skip:
        name = self._new_name(schema, namespace)
        self._named[name] = avro_binary.later(lambda: self._named[name])
        inner, _, _ = name.rpartition(".")
        fields = schema.get("fields")
        if not isinstance(fields, list):
            raise InvalidArgument(f'record "{_excerpt(name)}" must have an array of fields')
        names: set[str] = set()
        skips = []
        for field in fields:
            match field:
                case {"name": str(field_name), "type": kind} if _is_symbol(field_name):
                    skips.append(self.compile(kind, inner, level))
                    names.add(field_name)
                case _:
                    raise InvalidArgument(
                        f'record "{_excerpt(name)}": each field must have a name and a type'
                    )
        if len(names) < len(fields):
            raise InvalidArgument(f'record "{_excerpt(name)}" has the same field twice')
        self._named[name] = avro_binary.record(skips)
        return self._named[name]

    def _new_name(self, schema: dict[str, Any], namespace: str) -> str:
        """The full name of a type that is defined here."""
        name = schema.get("name")
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise InvalidArgument(f"{schema['type']} must have a valid name")
        own = schema.get("namespace")
        full = _full_name(name, own if isinstance(own, str) else namespace)
        if full in self._named or full in _PRIMITIVES:
            raise InvalidArgument(f'type "{_excerpt(full)}" is defined twice')
        return full


def _full_name(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _is_symbol(text: object) -> bool:
    return isinstance(text, str) and _SYMBOL.fullmatch(text) is not None


def _kind_in_union(branch: object) -> str | None:
    """What may be only once in a union: a name, or a kind of type without one."""
    match branch:
        case str():
            return branch
        case {"type": "record" | "error" | "enum" | "fixed", "name": str(name)}:
            return name
        case {"type": str(kind)}:
            return kind
    return None


def _excerpt(value: object) -> str:
    return str(value)[:_MOST_CHARACTERS]
