"""What a worker does, as `/metrics` tells."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DRIVEN: Final = Gauge(
    "ams_push_subscriptions",
    "Subscriptions that are pushed now.",
    multiprocess_mode="livesum",
)

_REQUESTS: Final = Counter("ams_push_requests", "Requests to receivers.", ["outcome"])
_SECONDS: Final = Histogram("ams_push_request_seconds", "How long accepted requests took.")


def count(accepted: bool, seconds: float) -> None:
    """Counts a request to a receiver."""
    _REQUESTS.labels("accepted" if accepted else "failed").inc()
    if accepted:
        _SECONDS.observe(seconds)
