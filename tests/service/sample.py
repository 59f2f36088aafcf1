"""A small service on the HTTP kit: `python -m tests.service.sample`.

Settings come from `AMS_` environment variables. With `SAMPLE_REFUSES` it refuses to start, with
`SAMPLE_BREAKS` it fails to; with `SAMPLE_STORE` it is ready while that file exists, and with
`SAMPLE_IMPATIENT` clients must not pause.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from ams.service import connection
from ams.service.dialect import Limits
from ams.service.errors import Forbidden, Unavailable
from ams.service.health import add_health
from ams.service.http import App, Request, make_app, read_body
from ams.service.instruments import Counter
from ams.service.listeners import server_endpoints
from ams.service.logs import configure_logging, get_logger
from ams.service.responses import Response
from ams.service.server import run
from ams.service.settings import load_settings

#: How long clients may pause, in seconds, of a service that is impatient.
IMPATIENT_SECONDS = 0.2

STATES = Counter("sample_states_total", "Times the state was asked for.")

log = get_logger()


class Sample:
    """Handlers, and what they share."""

    def __init__(self) -> None:
        self.drained = asyncio.Event()
        self.cancelled = 0

    async def names(self, request: Request, names: Mapping[str, str]) -> bytes:
        """Says which route was chosen, and its path variables."""
        request.ctx.requester = "somebody"
        return msgspec.json.encode({"action": request.ctx.action, **names})

    async def publish(self, request: Request, _: Mapping[str, str]) -> bytes:
        return msgspec.json.encode({"length": len(await read_body(request))})

    async def unread(self, request: Request, _: Mapping[str, str]) -> bytes:
        raise Forbidden

    async def empty(self, request: Request, _: Mapping[str, str]) -> bytes:
        return b""

    async def big(self, request: Request, names: Mapping[str, str]) -> Response:
        return Response(b"x" * int(names["size"]), headers={"X-Evil": "a\r\nb: c"})

    async def broken(self, request: Request, _: Mapping[str, str]) -> bytes:
        raise RuntimeError("nobody's business")

    async def wait(self, request: Request, _: Mapping[str, str]) -> bytes:
        """Waits until the service is drained, as a pull does for messages."""
        log.info("waiting")
        try:
            await self.drained.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b'"drained"'

    async def sleep(self, request: Request, names: Mapping[str, str]) -> bytes:
        log.info("sleeping")
        await asyncio.sleep(int(names["seconds"]))
        return b'"slept"'

    async def state(self, request: Request, _: Mapping[str, str]) -> bytes:
        STATES.inc()
        return msgspec.json.encode({"pid": os.getpid(), "cancelled": self.cancelled})

    async def start(self) -> None:
        if "SAMPLE_REFUSES" in os.environ:
            raise Unavailable("Store is away")
        if "SAMPLE_BREAKS" in os.environ:
            raise RuntimeError("nothing works")

    async def drain(self) -> None:
        self.drained.set()

    async def stop(self) -> None:
        log.info("let go of everything")

    async def check_store(self) -> None:
        if not os.access(os.environ.get("SAMPLE_STORE", "/"), os.F_OK):
            raise Unavailable("Store is away")


def make_sample(sample: Sample) -> App:
    settings = load_settings()
    limits = Limits(request_bytes=settings.server.max_request_bytes)
    if "SAMPLE_IMPATIENT" in os.environ:
        limits = replace(limits, request_seconds=IMPATIENT_SECONDS)
    app = make_app("sample", settings, limits)
    app.resource(
        "/v1/projects/<project>/topics/<topic>",
        {
            ("GET", None): ("topics:show", sample.names),
            ("PUT", None): ("topics:create", sample.names),
            ("POST", "publish"): ("topics:publish", sample.publish),
            ("GET", "acl"): ("topics:acl", sample.names),
        },
    )
    app.resource(
        "/v1/users/<user>",
        {
            ("GET", None): ("users:show", sample.names),
            ("POST", None): ("users:create", sample.names),
            ("POST", "refreshToken"): ("users:refreshToken", sample.names),
        },
    )
    app.resource("/v1/users/profile", {("GET", None): ("users:profile", sample.names)})
    app.resource("/v1/users:byToken/<token>", {("GET", None): ("users:byToken", sample.names)})
    app.resource("/v1/unread", {("POST", None): ("unread", sample.unread)})
    app.resource("/v1/empty", {("GET", None): ("empty", sample.empty)})
    app.resource("/v1/big/<size>", {("GET", None): ("big", sample.big)})
    app.resource("/v1/broken", {("GET", None): ("broken", sample.broken)})
    app.resource("/v1/wait", {("GET", None): ("wait", sample.wait)})
    app.resource("/v1/sleep/<seconds>", {("GET", None): ("sleep", sample.sleep)})
    app.resource("/v1/state", {("GET", None): ("state", sample.state)})
    add_health(app, {"store": sample.check_store})
    return app


def main() -> int:
    if "SAMPLE_IMPATIENT" in os.environ:
        connection.BODY_PAUSE_SECONDS = IMPATIENT_SECONDS
        connection.LINGER_SECONDS = IMPATIENT_SECONDS
    settings = load_settings()
    configure_logging(settings.log.level)
    sample = Sample()
    return run(
        make_sample(sample),
        settings.server,
        endpoints=lambda: server_endpoints(settings.server),
        on_start=sample.start,
        on_drain=sample.drain,
        on_stop=sample.stop,
    )


if __name__ == "__main__":
    sys.exit(main())
