"""What operators' tools ask every service: `/healthz`, `/readyz` and `/metrics`."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Final, TypeAlias

import msgspec

from ams.service import instruments, process_figures
from ams.service.errors import ServiceError, Unauthorized
from ams.service.exposition import Block, page
from ams.service.http import App, Request
from ams.service.responses import Response

#: Longest wait for one check, in seconds. One that takes longer says no.
CHECK_SECONDS = 2.0

#: Raises if what it checks does not work.
Check: TypeAlias = Callable[[], Awaitable[object]]
#: Collects figures besides those that every service has.
Collect: TypeAlias = Callable[[], Awaitable[Sequence[Block]]]

_ALIVE: Final = msgspec.json.encode({"status": "ok"})
#: Headers by which proxies tell for whom they speak.
_PROXIED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def _nothing() -> Sequence[Block]:
    return ()


def add_health(app: App, checks: Mapping[str, Check], collect: Collect = _nothing) -> None:
    """Adds the health routes.

    Args:
        app: of the service.
        checks: by what they check; all must succeed for the service to be ready.
        collect: what else `/metrics` has to tell.
    """

    async def alive(_: Request, __: Mapping[str, str]) -> bytes:
        return _ALIVE

    async def ready(_: Request, __: Mapping[str, str]) -> Response:
        results = await asyncio.gather(*(_result(check) for check in checks.values()))
        if app.draining:
            status = "draining"
        else:
            status = "ok" if all(result == "ok" for result in results) else "unavailable"
        body = {"status": status, "checks": dict(zip(checks, results, strict=True))}
        return Response(msgspec.json.encode(body), 200 if status == "ok" else 503)

    async def metrics(request: Request, _: Mapping[str, str]) -> Response:
        if not _may_read(request, app.metrics_token):
            raise Unauthorized
        blocks = (*process_figures.collect(app.name), *instruments.collect(), *await collect())
        return page(blocks, request.headers.get("accept", ""))

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


def _may_read(request: Request, token: str) -> bool:
    """Whether a client may read figures: it has the token, or without one, is on this machine."""
    if token:
        given = request.headers.get("authorization", "")
        # What is no UTF-8 comes as surrogates.
        sent = given.encode(errors="surrogatepass")
        return hmac.compare_digest(sent, f"Bearer {token}".encode())
    if request.conn_info is None or any(name in request.headers for name in _PROXIED):
        return False
    return _is_loopback(str(request.conn_info.client_ip))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
