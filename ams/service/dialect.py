"""What differs from one service to another in how it speaks HTTP."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ams.service.errors import ServiceError
from ams.service.responses import Response, error_response
from ams.service.routes import NAME

#: Seconds an idle connection is kept open.
KEEP_ALIVE_SECONDS: Final = 120.0
#: Seconds a client may take for the headers of a request; also for a TLS handshake, and for the
#: first byte after it.
REQUEST_SECONDS: Final = 60.0
#: Seconds an answer may take, its way to a slow reader included. Handlers have limits of their own.
RESPONSE_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost.

    Args:
        request_bytes: longest body of a request.
        keep_alive_seconds: how long an idle connection is kept open.
        request_seconds: how long a TLS handshake, the first byte after it, and the headers of a
            request may each take.
        response_seconds: how long an answer may take.
        connections: open connections to a listener with TLS at most; None for as many as the system
            allows. When there are more, those that wait for a handshake or a request make room.
    """

    request_bytes: int
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS
    request_seconds: float = REQUEST_SECONDS
    response_seconds: float = RESPONSE_SECONDS
    connections: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Forms that clients of a service know.

    Args:
        render_error: the answer that an error stands for.
        name: what a path variable may be.
        cors_headers: request headers that pages of other origins may send, besides the usual ones.
    """

    render_error: Callable[[ServiceError], Response] = error_response
    name: re.Pattern[str] = NAME
    cors_headers: tuple[str, ...] = ()
