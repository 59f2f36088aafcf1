"""Reading a JSON Schema: it is checked, and rewritten to a plain one that has no surprises.

The plain schema is draft 7, whatever the draft of the original was. It has only keywords that
matter for validation, only references to its own `definitions`, and no ids. So whatever could be
done with `$schema`, `$id` or references, nothing of it reaches the library that validates.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote

from ams.schemas import metaschemas
from ams.schemas.cost import UNBOUNDED
from ams.schemas.patterns import Patterns
from ams.service.errors import InvalidArgument

#: A schema in a schema, as JSON: an object or a boolean.
Schema: TypeAlias = dict[str, Any] | bool

#: Levels of schemas in schemas; a reference counts as what it refers to.
MOST_LEVELS: Final = 100
#: Levels of JSON in JSON: the library can't tell what is wrong below some 255.
MOST_JSON_LEVELS: Final = 2 * MOST_LEVELS + 10

#: Schemas in one schema; one that is referred to counts twice.
MOST_SCHEMAS: Final = 10_000

#: Keywords whose schemas apply to the value itself.
_IN_PLACE: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies"}
)
#: Keywords of whose schemas only one applies to each value inside of the value.
_ONE_BELOW: Final = frozenset({"properties", "items"})
#: Keywords whose schemas may all apply to each value inside of the value.
_ALL_BELOW: Final = frozenset(
    {"patternProperties", "additionalProperties", "additionalItems", "contains", "propertyNames"}
)
_SUBSCHEMAS: Final = _IN_PLACE | _ONE_BELOW | _ALL_BELOW
#: Keywords that hold schemas by name.
_NAMED: Final = frozenset({"properties", "patternProperties", "dependencies"})

_BOUNDS: Final = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))

#: What comparing with a number costs: numbers of any length are compared exactly.
_COMPARE_NUMBERS: Final = 150
#: Cost of the other keywords; `required` and those that compare cost as much as they list.
_COSTS: Final = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), 20),
    **dict.fromkeys(("type", "minLength", "maxLength", "minItems", "maxItems"), 1),
    **dict.fromkeys(("minProperties", "maxProperties", "required", "enum", "const", "pattern"), 1),
    "multipleOf": 200,
    "format": 30,
    "uniqueItems": 1,
}
#: Keywords that newer drafts brought; for older ones they mean nothing.
_NEW_IN_6: Final = frozenset({"const", "contains", "propertyNames"})
_NEW_IN_7: Final = frozenset({"if", "then", "else"})


class Plain(NamedTuple):
    """A plain schema.

    Attributes:
        schema: the schema.
        cost: what validation takes at worst, as `ams.schemas.cost` has it.
        levels: levels of schemas in it.
    """

    schema: Schema
    cost: int
    levels: int


def read(definition: dict[str, Any]) -> Plain:
    """Checks a JSON Schema of draft 4, 6 or 7 and rewrites it.

    Raises:
        InvalidArgument: it is no such schema, refers to something outside of itself, or is too
            complex (contract: ams-core 8.2, O-41).
    """
    draft = metaschemas.draft_of(definition)
    reader = _Reader(definition, draft)
    metaschemas.check(definition, draft)
    return reader.read()


class _Cost:
    """What the keywords of one schema cost."""

    def __init__(self) -> None:
        self.own = 1
        self.in_place = 0
        self.below = 0
        self.levels = 0

    def add(self, keyword: str, schemas: Sequence[Plain]) -> None:
        costs = [each.cost for each in schemas]
        self.levels = max(self.levels, max((each.levels for each in schemas), default=0))
        if keyword in _IN_PLACE:
            self.in_place += sum(costs)
        elif keyword in _ONE_BELOW:
            self.below += max(costs, default=0)
        else:
            self.below += sum(costs)

    @property
    def total(self) -> int:
        # The schema's own keywords apply to the value, those below to the values inside of it.
        return min(max(self.own, self.below) + self.in_place, UNBOUNDED)


class _Reader:
    def __init__(self, root: dict[str, Any], draft: int | None) -> None:
        self._root = root
        self._schemas = 0
        self._patterns = Patterns()
        self._anchors: dict[str, Any] = {}
        self._definitions: dict[str, Schema] = {}
        self._names: dict[str, str] = {}
        self._targets: dict[str, Plain] = {}
        self._ignored: frozenset[str] = frozenset()
        if draft is not None and draft < 7:
            self._ignored = _NEW_IN_7 if draft == 6 else _NEW_IN_6 | _NEW_IN_7
        self._scan()

    def read(self) -> Plain:
        plain = self._read(self._root, 0, base="")
        if isinstance(plain.schema, bool) or not self._definitions:
            return plain
        return plain._replace(schema={**plain.schema, "definitions": self._definitions})

    def _scan(self) -> None:
        """Collects what `"$id": "#name"` gives a name, and refuses what is nested too deeply."""
        values: list[object] = [self._root]
        for _ in range(MOST_JSON_LEVELS):
            below: list[object] = []
            for value in values:
                match value:
                    case dict() as members:
                        for keyword in ("$id", "id"):
                            name = members.get(keyword)
                            if isinstance(name, str) and name.startswith("#"):
                                self._anchors.setdefault(name[1:], members)
                        below.extend(members.values())
                    case list() as items:
                        below.extend(items)
            values = below
        if values:
            raise _too_deep()

    def _read(self, schema: object, level: int, *, base: str) -> Plain:
        if isinstance(schema, bool):
            return Plain(schema, 1, 1)
        if not isinstance(schema, dict):
            raise InvalidArgument("schema must be of type object")
        if level > MOST_LEVELS:
            raise _too_deep()
        self._schemas += 1
        if self._schemas > MOST_SCHEMAS:
            raise InvalidArgument(f"schema is too complex: at most {MOST_SCHEMAS} schemas in it")
        for keyword in ("$dynamicRef", "$recursiveRef"):
            if keyword in schema:
                raise InvalidArgument(f"{keyword} is not supported")
        if level and not base:
            base = _base(schema)
        for unused in _members(schema.get("definitions")).values():
            self._read(unused, level + 1, base=base)
        if "$ref" in schema:
            return self._refer(schema["$ref"], level, base)
        return self._rewrite(schema, level, base)

    def _rewrite(self, schema: dict[str, Any], level: int, base: str) -> Plain:
        plain: dict[str, Any] = {}
        cost = _Cost()
        for keyword, argument in schema.items():
            if keyword in self._ignored:
                continue
            if keyword in _SUBSCHEMAS:
                plain[keyword] = self._subschemas(keyword, argument, cost, level, base)
            elif keyword in _COSTS:
                plain[keyword] = argument
                cost.own += self._assertion_cost(keyword, argument)
        _make_bounds_plain(plain)
        if plain.get("additionalProperties") is False:
            plain.setdefault("properties", {})  # else the library doesn't name what is too much
        return Plain(plain, cost.total, cost.levels + 1)

    def _subschemas(
        self, keyword: str, argument: object, cost: _Cost, level: int, base: str
    ) -> object:
        """The schemas of a keyword, rewritten; what they cost goes to `cost`."""
        if keyword in _NAMED:
            return self._named(keyword, _members(argument), cost, level, base)
        if isinstance(argument, list):
            plains = [self._read(each, level + 1, base=base) for each in argument]
            cost.add(keyword, plains)
            return [each.schema for each in plains]
        plain = self._read(argument, level + 1, base=base)
        cost.add(keyword, [plain])
        return plain.schema

    def _named(
        self, keyword: str, members: Mapping[str, object], cost: _Cost, level: int, base: str
    ) -> dict[str, object]:
        rewritten: dict[str, object] = {}
        plains = []
        for name, member in members.items():
            if keyword == "patternProperties":
                cost.own += self._patterns.cost(name)
            if keyword == "dependencies" and isinstance(member, list):
                cost.own += len(member)
                rewritten[name] = member
            else:
                plain = self._read(member, level + 1, base=base)
                rewritten[name] = plain.schema
                plains.append(plain)
        cost.add(keyword, plains)
        return rewritten

    def _assertion_cost(self, keyword: str, argument: Any) -> int:  # noqa: ANN401 (any JSON)
        match keyword, argument:
            case ("pattern", str()):
                return self._patterns.cost(argument)
            case ("uniqueItems", True):
                return UNBOUNDED
            case ("required", list()):
                return len(argument)
            case ("enum", list()):
                return _cost_of_comparing(argument)
            case ("const", _):
                return _cost_of_comparing([argument])
        return _COSTS[keyword]

    def _refer(self, reference: object, level: int, base: str) -> Plain:
        """What a reference becomes, and costs."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise InvalidArgument(
                f"$ref '{reference!s:.200}' is not supported: only references within the schema, "
                "which begin with '#', are"
            )
        if base:
            raise InvalidArgument(
                f"$ref '{reference:.200}' below the $id '{base:.200}' is not supported"
            )
        pointer = unquote(reference[1:])
        known = pointer in self._names
        name = self._names.setdefault(pointer, str(len(self._names)))
        if not known:
            target = self._read(self._target(pointer), level + 1, base="")
            self._targets[pointer] = target
            self._definitions[name] = target.schema
        # A target that is being read at present contains this reference: it is recursive.
        target = self._targets.get(pointer, Plain(True, UNBOUNDED, 0))
        if level + target.levels > MOST_LEVELS:
            raise _too_deep()
        return target._replace(schema={"$ref": f"#/definitions/{name}"}, levels=target.levels + 1)

    def _target(self, pointer: str) -> object:
        """What a reference refers to: a JSON Pointer or a name."""
        if pointer and not pointer.startswith("/"):
            if pointer not in self._anchors:
                raise InvalidArgument(f"$ref '#{pointer:.200}' refers to nothing")
            return self._anchors[pointer]
        target: object = self._root
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and key in target:
                target = target[key]
            elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
                target = target[int(key)]
            else:
                raise InvalidArgument(f"$ref '#{pointer:.200}' refers to nothing")
        return target


def _base(schema: dict[str, Any]) -> str:
    """The id from which references below it would have to start; empty if there is none."""
    for keyword in ("$id", "id"):
        base = schema.get(keyword)
        if isinstance(base, str) and not base.startswith("#"):
            return base
    return ""


def _members(argument: object) -> dict[str, Any]:
    if argument is None:
        return {}
    if not isinstance(argument, dict):
        raise InvalidArgument("schema is invalid")
    return argument


def _make_bounds_plain(plain: dict[str, Any]) -> None:
    """In draft 4 `exclusiveMinimum` says how `minimum` is meant; since draft 6 it is a bound."""
    for bound, exclusive in _BOUNDS:
        if isinstance(plain.get(exclusive), bool) and plain.pop(exclusive) and bound in plain:
            plain[exclusive] = plain.pop(bound)


def _cost_of_comparing(values: list[object]) -> int:
    if all(isinstance(value, str) for value in values):
        return 1  # one look into a table
    cost = 0
    rest = list(values)
    while rest:
        value = rest.pop()
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        cost += _COMPARE_NUMBERS if is_number else 10
        if isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return cost


def _too_deep() -> InvalidArgument:
    return InvalidArgument(f"schema is nested too deeply: at most {MOST_LEVELS} levels")
