"""What becomes of those who ask for a token, as `/metrics` tells."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from ams.service.errors import ServiceError
from ams.service.http import Request
from ams.service.instruments import Counter
from ams.service.responses import Response
from authn.api.parts import Parts
from authn.errors import NoCertificate, NotFound, TokenNotAccepted, Unsupported
from authn.x509 import refusals

OUTCOMES: Final = Counter(
    "ams_authn_mappings_total",
    "Requests for a token for a certificate or an access token, by route; `outcome` is `token`, or"
    " why there was none.",
    ("route", "outcome"),
)

#: What else goes wrong is `failed`: not the client's fault.
_NAMES: Final[dict[type[Exception], str]] = {
    refusals.AmbiguousSubject: "ambiguous_subject",
    refusals.HostMismatch: "host_mismatch",
    refusals.HostUnknown: "host_unknown",
    refusals.Expired: "expired",
    refusals.NotActive: "not_active",
    refusals.Untrusted: "untrusted",
    refusals.NoDistributionPoints: "no_distribution_points",
    refusals.Revoked: "revoked",
    refusals.RevocationUnknown: "revocation_unknown",
    NoCertificate: "no_certificate",
    TokenNotAccepted: "token_not_accepted",
    NotFound: "not_bound",
    Unsupported: "unsupported",
}

#: Gets what is running, the request, and the path variables.
_Endpoint: TypeAlias = Callable[..., Awaitable[bytes | Response]]


def counted(route: str, endpoint: _Endpoint) -> tuple[str, _Endpoint]:
    """A route's name, and its handler, which counts what comes of it."""

    async def handle(parts: Parts, request: Request, **names: str) -> bytes | Response:
        try:
            answer = await endpoint(parts, request, **names)
        except Exception as error:
            OUTCOMES.labels(route, _outcome(error)).inc()
            raise
        OUTCOMES.labels(route, "token").inc()
        return answer

    return route, handle


def _outcome(error: Exception) -> str:
    # What a client is told of a refusal, says less.
    cause = error.__cause__ if isinstance(error, ServiceError) else None
    return _NAMES.get(type(cause if isinstance(cause, refusals.Refusal) else error), "failed")
