"""What operators' tools ask every service: `/healthz`, `/readyz` and `/metrics`."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ams.service.errors import ServiceError
from ams.service.http import App, Request
from ams.service.responses import Response
from ams.service.workers import METRICS_VARIABLE

#: Longest wait for one check, in seconds. One that takes longer says no.
CHECK_SECONDS = 2.0

#: Raises if what it checks does not work.
Check: TypeAlias = Callable[[], Awaitable[object]]

_ALIVE: Final = msgspec.json.encode({"status": "ok"})


def add_health(app: App, checks: Mapping[str, Check]) -> None:
    """Adds the health routes.

    Args:
        app: of the service.
        checks: by what they check; all must succeed for the service to be ready.
    """

    async def alive(_: Request) -> bytes:
        return _ALIVE

    async def ready(_: Request) -> Response:
        results = await asyncio.gather(*(_result(check) for check in checks.values()))
        if app.draining:
            status = "draining"
        else:
            status = "ok" if all(result == "ok" for result in results) else "unavailable"
        body = {"status": status, "checks": dict(zip(checks, results, strict=True))}
        return Response(msgspec.json.encode(body), 200 if status == "ok" else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)

    app.resource("/healthz", {("GET", None): ("health:alive", alive)})
    app.resource("/readyz", {("GET", None): ("health:ready", ready)})
    app.resource("/metrics", {("GET", None): ("health:metrics", metrics)})


async def _result(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except ServiceError as error:
        return error.message
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001  What fails is not ready, however it fails.
        return type(error).__name__
    return "ok"


def _registry() -> CollectorRegistry:
    """This process's metrics, or those of all workers, whichever of them was asked."""
    if METRICS_VARIABLE not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # It ships without types.
    return registry
