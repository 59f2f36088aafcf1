"""The HTTP kit: an application that answers, logs and fails the same way in every service.

Sanic reads requests and keeps connections. Everything between a request that was read and the bytes
of its answer is done here, in one call, because Sanic's own way from the one to the other (router,
signals, middleware, response objects) costs more than the handlers of a broker do.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from random import getrandbits
from time import perf_counter
from types import SimpleNamespace
from typing import Final, TypeAlias, cast
from urllib.parse import quote
from uuid import uuid4

from sanic import Request as SanicRequest
from sanic import Sanic
from sanic.config import Config
from sanic.exceptions import RequestCancelled, SanicException

from ams.service.access_log import CLIENT_GONE, log_request
from ams.service.connection import Connection, RequestTimeout
from ams.service.cors import preflight
from ams.service.dialect import Dialect, Limits
from ams.service.errors import BadRequest, InternalError, ServiceError, TooLarge, Unavailable
from ams.service.instruments import Histogram
from ams.service.logs import get_logger, trace_id
from ams.service.responses import Response
from ams.service.routes import Action, Resource, Route, Routes, clean_path, decode_path
from ams.service.settings import Settings

#: Longest request line and headers together, in bytes; the most that Sanic allows.
MAX_HEADER_BYTES = 16_384

DURATION: Final = Histogram(
    "ams_http_request_duration_seconds",
    "Time from the headers of a request to the end of its answer, by route; a pull's wait counts.",
    ("route", "status"),
)
#: Stands for the route of a request that has none.
NO_ROUTE: Final = "none"

_TRACE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: What uuids made here end in, and what they begin with: numbers of requests, and an odd one times
#: which no two of them look alike.
_OF_THIS_PROCESS: Final = str(uuid4())[13:]
_REQUESTS: Final = count(getrandbits(48))
_SCATTER: Final = 0x9E3779B97F4B
_48_BITS: Final = 2**48 - 1

log = get_logger()


class Context(SimpleNamespace):
    """What is known of a request while it is answered; it is the request's `ctx`.

    Args:
        trace_id: what the request is called in the logs.
        action: the route name, once it is known.
        requester: uuid of the caller, once a handler has found it out.
        path: the decoded path. It may hold a secret: see `Routes.loggable`.
        started: when work on it began, of `time.perf_counter()`.
    """

    trace_id: str
    action: str
    requester: str
    path: str
    started: float


Request: TypeAlias = "SanicRequest[App, Context]"

#: Gets the request and its path variables. Bytes are the body of a 200.
Handler: TypeAlias = Callable[[Request, Mapping[str, str]], Awaitable[bytes | Response]]


class UriTooLong(ServiceError):
    """414: the request line is longer than `MAX_HEADER_BYTES`."""

    http_status = 414
    status = "INVALID_ARGUMENT"


class HeadersTooLarge(ServiceError):
    """431: request line and headers are longer than `MAX_HEADER_BYTES`."""

    http_status = 431
    status = "INVALID_ARGUMENT"


class ExpectationFailed(ServiceError):
    """417: the client expects what is not known here."""

    http_status = 417
    status = "INVALID_ARGUMENT"


class App(Sanic[Config, SimpleNamespace]):
    """A Sanic application with our own way from a request to its answer.

    Sanic's routes, middleware, signals and responses have no part in it: see `resource`.

    Args:
        name: of the service.
        limits: what one client may cost.
        dialect: forms that its clients know.
        log_requests: whether each request is logged.
        metrics_token: who has it may read `/metrics`; if it is empty, see `MetricsSettings`.
    """

    __slots__ = (
        "_dialect",
        "_log_requests",
        "_routes",
        "draining",
        "limits",
        "metrics_token",
    )

    def __init__(
        self,
        name: str,
        limits: Limits,
        dialect: Dialect,
        *,
        log_requests: bool,
        metrics_token: str,
    ) -> None:
        config = Config(
            {
                "AUTO_EXTEND": False,
                "KEEP_ALIVE_TIMEOUT": limits.keep_alive_seconds,
                "MOTD": False,
                "REQUEST_MAX_HEADER_SIZE": MAX_HEADER_BYTES,
                "REQUEST_MAX_SIZE": limits.request_bytes,
                "REQUEST_TIMEOUT": limits.request_seconds,
                "RESPONSE_TIMEOUT": limits.response_seconds,
            },
            env_prefix=None,
        )
        super().__init__(name, config=config, configure_logging=False)
        # Sanic keeps a register of applications by name, for ways to start that are not used here.
        Sanic.unregister_app(self)
        self.limits = limits
        self._dialect = dialect
        self._log_requests = log_requests
        self._routes: Routes[bytes | Response] = Routes()
        #: While true, every answer is the last of its connection.
        self.draining = False
        self.metrics_token = metrics_token

    def resource(
        self, path: str, actions: Mapping[tuple[str, str | None], tuple[str, Handler]]
    ) -> None:
        """Adds a path and all that can be done with it.

            app.resource("/v1/projects/<project>/topics/<topic>", {
                ("GET", None): ("topics:show", show),
                ("POST", "publish"): ("topics:publish", publish),
            })

        Args:
            path: with its variables in angle brackets.
            actions: route name and handler, by HTTP method and verb. The verb is what follows the
                colon of the last segment, None for nothing.
        """
        named = {key: Action(name, handler) for key, (name, handler) in actions.items()}
        self._routes.add(Resource(path, named, self._dialect.name))

    @property
    def routes(self) -> list[Route]:
        """All routes, for comparison with what is documented."""
        return self._routes.all()

    def finalize(self) -> None:
        """Leaves Sanic's router alone: it has no routes."""

    async def handle_request(self, request: SanicRequest) -> None:
        """Answers a request whose headers have been read. Called by Sanic."""
        context = self._begin(request)
        connection = Connection.of(request)
        message = ""
        try:
            try:
                response = await self._respond(request, context, connection)
            except ServiceError as error:
                response, message = self._dialect.render_error(error), error.message
            except Exception as error:  # noqa: BLE001  A fault of ours: no client sees more of it.
                fault = self._unexpected(error, context)
                response, message = self._dialect.render_error(fault), fault.message
            await self._send(request, connection, response, context)
        except asyncio.CancelledError:
            if connection.given_up:
                self._log(request, context, CLIENT_GONE, "")
            raise  # A time limit of Sanic's otherwise, which `handle_exception` answers.
        finally:
            connection.let_go_of_body()
        self._log(request, context, response.status, message)
        await connection.leave()

    def _begin(self, request: SanicRequest) -> Context:
        given = request.headers.get("x-request-id", "")
        name = given if _TRACE_ID.fullmatch(given) else _new_trace_id()
        context = Context(
            trace_id=name,
            action="",
            requester="",
            path=_path(request),
            started=perf_counter(),
        )
        request._ctx = context
        trace_id.set(name)
        return context

    async def _respond(
        self, request: SanicRequest, context: Context, connection: Connection
    ) -> Response:
        if request.method == "OPTIONS":
            status, headers = preflight(request.headers, self._dialect.cors_headers)
            return Response(status=status, headers=headers)
        if connection.body_is_too_large:
            raise TooLarge
        path = context.path
        try:
            action, variables = self._routes.choose(request.method, path)
        except ServiceError:
            if path.startswith("/") and (clean := clean_path(path)) != path:
                return _moved(request, clean)
            raise
        context.action = action.name
        answer = await action.handler(request, variables)
        return Response(answer) if isinstance(answer, bytes) else answer

    async def handle_exception(
        self, request: SanicRequest, exception: BaseException, run_middleware: bool = True
    ) -> None:
        """Answers a request that could not be read or took too long. Called by Sanic."""
        if isinstance(exception, RequestCancelled):
            return  # The client is gone.
        known = isinstance(request.ctx, Context)
        context = cast(Context, request.ctx) if known else self._begin(request)
        connection = Connection.of(request)
        fault = _protocol_fault(exception, connection) or self._unexpected(exception, context)
        connection.keep_alive = False
        await self._send(request, connection, self._dialect.render_error(fault), context)
        self._log(request, context, fault.http_status, fault.message)
        if not known:
            await connection.linger()

    async def _send(
        self, request: SanicRequest, connection: Connection, response: Response, context: Context
    ) -> None:
        head = response.head(
            context.trace_id,
            cross_origin="origin" in request.headers,
            keep_alive=connection.decide_whether_to_stay(draining=self.draining),
        )
        await connection.answer(head, b"" if connection.head_only else response.body)

    def _unexpected(self, error: BaseException, context: Context) -> ServiceError:
        path = self._routes.loggable(context.path)
        log.error("unexpected error", action=context.action, path=path, exc_info=error)
        return InternalError(f"Internal error, see trace id {context.trace_id} in the logs")

    def _log(self, request: SanicRequest, context: Context, status: int, message: str) -> None:
        seconds = perf_counter() - context.started
        DURATION.labels(context.action or NO_ROUTE, status).observe(seconds)
        if self._log_requests:
            log_request(
                context.trace_id,
                request.method,
                self._routes.loggable(context.path),
                context.action,
                context.requester,
                status,
                seconds,
                message,
            )


def make_app(
    name: str, settings: Settings, limits: Limits | None = None, dialect: Dialect | None = None
) -> App:
    """An application without any path; see `App.resource`.

    Args:
        name: of the service.
        settings: of the service.
        limits: what one client may cost; None for what the broker allows.
        dialect: None for the broker's.
    """
    return App(
        name,
        limits or Limits(request_bytes=settings.server.max_request_bytes),
        dialect or Dialect(),
        log_requests=settings.log.requests,
        metrics_token=settings.metrics.token.get_secret_value(),
    )


async def read_body(request: Request, most: int | None = None) -> bytes:
    """The body of a request, whatever its Content-Type says (contract: ams-core 1.9).

    It is not read before a handler asks for it, so that nobody unknown fills the memory.

    Args:
        request: whose body.
        most: longest body that is accepted, in bytes; at most `server.max_request_bytes`.

    Raises:
        TooLarge: it is longer.
        BadRequest: it is not encoded as it should be.
        RequestTimeout: the client stopped sending.
        Unavailable: this process holds as many bytes of bodies as it may.
    """
    return await Connection.of(request).read_body(most)


def _path(request: SanicRequest) -> str:
    try:
        return decode_path(request.path)
    except AttributeError:
        return "/"  # `GET http://host HTTP/1.1` names none.


def _new_trace_id() -> str:
    """A uuid of version 4. It is no secret, so that it need not cost as much as one.

    Its first 48 bits are different for each request of a process, its others for each process.
    """
    text = f"{next(_REQUESTS) * _SCATTER & _48_BITS:012x}"
    return f"{text[:8]}-{text[8:]}{_OF_THIS_PROCESS}"


def _moved(request: SanicRequest, path: str) -> Response:
    query = f"?{request.query_string}" if request.query_string else ""
    return Response(status=301, headers={"Location": quote(path, safe="/:@!$&'()*+,;=~") + query})


def _protocol_fault(exception: BaseException, connection: Connection) -> ServiceError | None:
    """What Sanic found wrong with a request, as an error of ours; None for anything else."""
    if not isinstance(exception, SanicException):
        return None
    match exception.status_code:
        case 400:
            # Sanic repeats a bad URL behind a colon, and it may hold a token.
            return BadRequest(str(exception).partition(":")[0])
        case 408:
            return RequestTimeout("Request Timeout")
        case 413 if b"\r\n" in connection.recv_buffer[:MAX_HEADER_BYTES]:
            return HeadersTooLarge("Request headers are too large")
        case 413 | 414:
            return UriTooLong("Request URL is too long")
        case 417:
            return ExpectationFailed(str(exception))
        case 503:
            return Unavailable("Response Timeout")
    return None
