"""The regular expressions of a JSON Schema: what a linear-time engine takes, and at what cost."""

from typing import Final

from jsonschema_rs import Draft7Validator, RegexOptions, ValidationError

from ams.schemas.cost import UNBOUNDED
from ams.service.errors import InvalidArgument

#: Bytes of a compiled pattern. Matching takes a time that grows with the text's length times this:
#: up to here it is bounded by `SMALL_PATTERN_COST`.
SMALL_PATTERN_BYTES: Final = 64 * 1024
SMALL_PATTERN_COST: Final = 300

#: Bytes of the largest compiled pattern.
LARGE_PATTERN_BYTES: Final = 1024 * 1024

#: Patterns in one schema: each takes memory in every worker.
MOST_PATTERNS: Final = 500
MOST_LARGE_PATTERNS: Final = 16

#: How a validator compiles its patterns: by the engine that never goes back in the text.
LINEAR_TIME: Final = RegexOptions(size_limit=LARGE_PATTERN_BYTES)
_SMALL: Final = RegexOptions(size_limit=SMALL_PATTERN_BYTES)


class Patterns:
    """The patterns of one schema."""

    def __init__(self) -> None:
        self._costs: dict[str, int] = {}
        self._uses = 0
        self._large_uses = 0

    def cost(self, pattern: str) -> int:
        """What matching takes at worst for each byte; the pattern counts as used once more.

        Raises:
            InvalidArgument: it is no pattern that can be used, or one too many.
        """
        cost = self._costs.get(pattern)
        if cost is None:
            cost = self._costs[pattern] = _cost(pattern)
        self._uses += 1
        self._large_uses += cost == UNBOUNDED
        if self._uses > MOST_PATTERNS or self._large_uses > MOST_LARGE_PATTERNS:
            raise InvalidArgument(
                f"schema has too many patterns: at most {MOST_PATTERNS}, "
                f"of which {MOST_LARGE_PATTERNS} may be large"
            )
        return cost


def _cost(pattern: str) -> int:
    if _compiles(pattern, _SMALL):
        return SMALL_PATTERN_COST
    if _compiles(pattern, LINEAR_TIME):
        return UNBOUNDED
    raise InvalidArgument(
        f"pattern '{pattern:.200}' is not valid: it must be a regular expression without "
        "look-around and back-references, and not too large"
    )


def _compiles(pattern: str, options: RegexOptions) -> bool:
    try:
        Draft7Validator({"pattern": pattern}, pattern_options=options, offline=True)
    except ValidationError:
        return False
    return True
