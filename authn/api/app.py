"""AuthN's application: its routes, and what it opens and closes."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from ams.service.database import DatabaseError
from ams.service.dialect import Dialect, Limits
from ams.service.health import add_health
from ams.service.http import App, Handler, Request, make_app
from ams.service.logs import configure_logging
from ams.service.responses import Response
from ams.service.server import run
from ams.service.settings import Settings
from authn.api import (
    access_tokens,
    auth_methods,
    bindings,
    issuing,
    mapping,
    service,
    service_types,
)
from authn.api.lifecycle import Lifecycle
from authn.api.outcomes import counted
from authn.api.parts import Parts
from authn.errors import render_error

#: Longest body of a request, in bytes (contract: authn 8 B16).
MAX_REQUEST_BYTES: Final = 1_048_576

#: A segment of a path that is no step to another one (contract: authn 1.2).
_SEGMENT: Final = re.compile(r"(?!\.\.?\Z).+", re.DOTALL)

#: Gets what is running, the request, and the path variables, which differ from path to path.
_Endpoint: TypeAlias = Callable[..., Awaitable[bytes | Response]]
_Actions: TypeAlias = dict[tuple[str, str | None], tuple[str, _Endpoint]]

_TYPE: Final = "/v1/service-types/<service_type>"
_HOST: Final = f"{_TYPE}/hosts/<host>"

#: What only operators may do (contract: authn 1.2, routes 1 to 16).
_OPERATORS: Final[dict[str, _Actions]] = {
    "/v1/service-types": {
        ("POST", None): ("serviceTypes:create", service_types.create),
        ("GET", None): ("serviceTypes:list", service_types.list_all),
    },
    _TYPE: {
        ("GET", None): ("serviceTypes:show", service_types.show),
        ("PUT", None): ("serviceTypes:update", service_types.update),
        ("DELETE", None): ("serviceTypes:delete", service_types.delete),
    },
    f"{_TYPE}/authm": {("POST", None): ("authMethods:create", auth_methods.create)},
    f"{_HOST}/authm": {
        ("GET", None): ("authMethods:show", auth_methods.show),
        ("PUT", None): ("authMethods:update", auth_methods.update),
        ("DELETE", None): ("authMethods:delete", auth_methods.delete),
    },
    "/v1/authm": {("GET", None): ("authMethods:list", auth_methods.list_all)},
    f"{_HOST}/bindings": {("GET", None): ("bindings:listOfHost", bindings.list_of_host)},
    "/v1/bindings": {("GET", None): ("bindings:list", bindings.list_all)},
    "/v1/bindings/<name>": {
        ("POST", None): ("bindings:create", bindings.create),
        ("GET", None): ("bindings:show", bindings.show),
        ("PUT", None): ("bindings:update", bindings.update),
        ("DELETE", None): ("bindings:delete", bindings.delete),
    },
}
#: What anybody may ask; the first, by a certificate or an access token.
_EVERYBODY: Final[dict[str, _Actions]] = {
    _HOST: {
        ("GET", "authx509"): counted("certificates:map", mapping.map_certificate),
        ("GET", "authoidc"): counted("accessTokens:map", access_tokens.map_access_token),
        ("POST", "issue"): counted("tokens:issue", issuing.issue),
    },
    "/.well-known/jwks.json": {("GET", None): ("keys:list", issuing.list_keys)},
    "/v1/version": {("GET", None): ("version:show", service.version)},
    "/v1/health": {("GET", None): ("health:show", service.health)},
}


def make_authn_app(settings: Settings, parts: Parts) -> App:
    """The application, with all routes of AuthN."""
    own = settings.authn
    limits = Limits(
        request_bytes=MAX_REQUEST_BYTES,
        keep_alive_seconds=own.idle_seconds,
        request_seconds=own.header_seconds,
        response_seconds=own.answer_seconds,
        connections=own.max_connections,
    )
    dialect = Dialect(render_error=render_error, name=_SEGMENT, cors_headers=("Content-AuthModel",))
    app = make_app("authn", settings, limits, dialect)
    for resources, handler in ((_OPERATORS, _for_operators), (_EVERYBODY, _for_everybody)):
        for path, actions in resources.items():
            app.resource(
                path,
                {key: (name, handler(parts, do)) for key, (name, do) in actions.items()},
            )
    add_health(app, {"database": parts.store.ping})
    return app


def _for_operators(parts: Parts, endpoint: _Endpoint) -> Handler:
    async def handle(request: Request, names: Mapping[str, str]) -> bytes | Response:
        parts.service_token.require(request)
        return await endpoint(parts, request, **names)

    return handle


def _for_everybody(parts: Parts, endpoint: _Endpoint) -> Handler:
    async def handle(request: Request, names: Mapping[str, str]) -> bytes | Response:
        return await endpoint(parts, request, **names)

    return handle


def serve(settings: Settings) -> int:
    """Runs AuthN until it is told to stop; returns the exit status.

    Raises:
        SettingsError: the settings don't suffice.
    """
    configure_logging(settings.log.level)
    lifecycle = Lifecycle(settings)
    return run(
        make_authn_app(settings, lifecycle.parts),
        settings.authn,
        endpoints=lifecycle.endpoints,
        on_start=lifecycle.start,
        on_stop=lifecycle.stop,
        refusals=(DatabaseError,),
    )
