"""Cross-origin requests of browsers (contract: ams-users-metrics 1.4).

Any origin may read any answer; credentials of the browser are never involved, as a token comes in a
header that the page sets itself.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

ALLOW_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}

_METHODS: Final = frozenset({"OPTIONS", "POST", "GET", "PUT", "DELETE", "HEAD"})
#: Methods a browser asks nobody for.
_SIMPLE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_HEADERS: Final = {
    name.lower(): name
    for name in (
        "Accept",
        "Accept-Language",
        "Content-Language",
        "Content-Type",
        "Origin",
        "X-Api-Key",
        "X-Requested-With",
    )
}


class Headers(Protocol):
    """Request headers, found whatever the case of their names."""

    def get(self, name: str, default: str, /) -> str: ...

    def __contains__(self, name: str, /) -> bool: ...


class Preflight(NamedTuple):
    """The answer to an OPTIONS request; its body is empty."""

    status: int
    headers: dict[str, str]


def preflight(headers: Headers, also_allowed: Sequence[str] = ()) -> Preflight:
    """Answers an OPTIONS request for any path.

    Args:
        headers: of the request.
        also_allowed: request headers that may be sent, besides the usual ones.
    """
    allowed = _HEADERS | {name.lower(): name for name in also_allowed}
    if "origin" not in headers:
        return Preflight(200, {})
    if "access-control-request-method" not in headers:
        return Preflight(400, {})
    method = headers.get("access-control-request-method", "")
    if method not in _METHODS:
        return Preflight(405, {})
    asked = headers.get("access-control-request-headers", "").split(",")
    wanted = [name.strip().lower() for name in asked if name.strip()]
    if not all(name in allowed for name in wanted):
        return Preflight(403, {})
    answer = {}
    if wanted:
        answer["Access-Control-Allow-Headers"] = ",".join(allowed[name] for name in wanted)
    if method not in _SIMPLE_METHODS:
        answer["Access-Control-Allow-Methods"] = method
    return Preflight(200, answer)
