"""JSON objects that can be read in one way only.

Usual readers take the last of several members with one name, others the first: what one part checks
need not be what another one uses.
"""

import json
from typing import Any, Final, NoReturn


class NotJson(ValueError):
    """Text that is no such object; the message says why, without the text."""


def read_object(text: bytes) -> dict[str, Any]:  # Any: what JSON may hold.
    """The members of a JSON object.

    Raises:
        NotJson: it is none, or has two members with one name, or numbers that JSON does not have.
    """
    try:
        value = _DECODER.decode(text.decode())
    except NotJson:
        raise
    except (ValueError, RecursionError):
        raise NotJson("it is no JSON") from None
    if not isinstance(value, dict):
        raise NotJson("it is no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson("a member is there twice")
    return members


def _refuse_constant(_: str) -> NoReturn:
    raise NotJson("it is no JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
