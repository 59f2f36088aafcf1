"""What a worker does, as `/metrics` tells."""

from typing import Final

from ams.service.instruments import Counter, Gauge, Histogram

DRIVEN: Final = Gauge("ams_push_subscriptions", "Subscriptions that are pushed now.").labels()

_DELIVERIES: Final = Counter(
    "ams_push_deliveries_total",
    "Requests to receivers; `outcome` is `accepted` or `failed`.",
    ("outcome",),
)
_ACCEPTED: Final = _DELIVERIES.labels("accepted")
_FAILED: Final = _DELIVERIES.labels("failed")
_SECONDS: Final = Histogram(
    "ams_push_delivery_seconds", "How long requests took that were accepted."
).labels()


def count(accepted: bool, seconds: float) -> None:
    """Counts a request to a receiver."""
    (_ACCEPTED if accepted else _FAILED).inc()
    if accepted:
        _SECONDS.observe(seconds)
