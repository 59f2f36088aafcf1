"""Reading the JSON documents that messages carry."""

from json import JSONDecoder
from typing import Any, Final

import msgspec

#: Reads a document that has nothing around it but white space: the usual, fast way.
#: Raises one of `UNREADABLE`.
#:
#: Integers keep their digits, up to 4300 of them; a number with a fraction or an exponent is a
#: double, and refused beyond a double's range. Of members with the same name the last one counts.
#: NaN, infinities and text that is no UTF-8 are refused, lone surrogates too.
parse: Final = msgspec.json.Decoder().decode

#: What `parse` raises.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_TRUNCATED: Final = "unexpected EOF"
_WHITE_SPACE: Final = " \t\r\n"
_find_end: Final = JSONDecoder().raw_decode


def parse_first(raw: bytes) -> Any:  # noqa: ANN401 (JSON can be anything)
    """The first JSON value; what follows it is ignored (contract: ams-core 8.6).

    Raises:
        ValueError: it is no JSON, and why not.
    """
    try:
        return parse(raw)
    except UNREADABLE as error:
        end = _end_of_first_value(raw)
        if end is None:
            raise ValueError(_reason(raw, error)) from None
    try:
        return parse(raw[:end])
    except UNREADABLE as error:
        reason = _reason(raw, error)
        # The value is complete. The parser misses the other half of a surrogate pair.
        raise ValueError("lone surrogate" if reason == _TRUNCATED else reason) from None


def _end_of_first_value(raw: bytes) -> int | None:
    """Where a first value ends, by a more tolerant parser; None if there is none."""
    # Each byte that is no UTF-8 becomes one character, and the same byte again afterwards.
    text = raw.decode(errors="surrogateescape")
    start = len(text) - len(text.lstrip(_WHITE_SPACE))
    try:
        _, end = _find_end(text, start)
    except (ValueError, RecursionError):
        return None
    return len(text[:end].encode(errors="surrogateescape"))


def _reason(raw: bytes, error: Exception) -> str:
    """Why a document can't be read; the first texts are those of the contract (ams-core 8.9)."""
    if not raw.strip(_WHITE_SPACE.encode()):
        return "EOF"
    if isinstance(error, RecursionError):
        return "exceeded max depth"
    if isinstance(error, UnicodeDecodeError):
        return "invalid UTF-8 in string"
    if "truncated" in str(error):
        return _TRUNCATED
    return str(error).removeprefix("JSON is malformed: ")
