"""The broker's application: its routes, and what it opens and closes."""

from collections.abc import Awaitable, Callable
from typing import Final

from ams.api import (
    access_lists,
    messages,
    projects,
    service,
    subscriptions,
    topics,
    users,
)
from ams.api.broker import Broker
from ams.api.calls import Call, authorised
from ams.api.lifecycle import Lifecycle
from ams.service.database import DatabaseError
from ams.service.health import add_health
from ams.service.http import App, Handler, Request, make_app
from ams.service.logs import configure_logging
from ams.service.server import run
from ams.service.settings import Settings

Endpoint = Callable[[Call], Awaitable[bytes]]

#: Routes that check for themselves who calls (contract: ams-users-metrics 2.5).
OPEN_ROUTES: Final = frozenset({"ams:healthStatus", "version:list", "users:profile"})

#: path -> (method, verb after the colon) -> name of the route, as in the role table, and handler.
ROUTES: Final[dict[str, dict[tuple[str, str | None], tuple[str, Endpoint]]]] = {
    "/v1/version": {("GET", None): ("version:list", service.version)},
    "/v1/status": {("GET", None): ("ams:healthStatus", service.status)},
    "/v1/users": {("GET", None): ("users:list", users.list_users)},
    "/v1/users/profile": {("GET", None): ("users:profile", users.profile)},
    "/v1/users/<user>": {
        ("GET", None): ("users:show", users.show),
        ("POST", None): ("users:create", users.create),
        ("DELETE", None): ("users:delete", users.delete),
        ("POST", "refreshToken"): ("users:refreshToken", users.refresh_token),
    },
    "/v1/projects": {("GET", None): ("projects:list", projects.list_projects)},
    "/v1/projects/<project>": {
        ("GET", None): ("projects:show", projects.show),
        ("POST", None): ("projects:create", projects.create),
        ("DELETE", None): ("projects:delete", projects.delete),
    },
    "/v1/projects/<project>/topics": {("GET", None): ("topics:list", topics.list_topics)},
    "/v1/projects/<project>/topics/<topic>": {
        ("GET", None): ("topics:show", topics.show),
        ("PUT", None): ("topics:create", topics.create),
        ("DELETE", None): ("topics:delete", topics.delete),
        ("POST", "publish"): ("topics:publish", messages.publish),
        ("GET", "acl"): ("topics:acl", access_lists.topic_acl),
        ("POST", "modifyAcl"): ("topics:modifyAcl", access_lists.modify_topic_acl),
        ("POST", "modifyRetention"): ("topics:modifyRetention", topics.modify_retention),
    },
    "/v1/projects/<project>/topics/<topic>/subscriptions": {
        ("GET", None): ("subscriptions:listByTopic", topics.list_subscriptions),
    },
    "/v1/projects/<project>/subscriptions": {
        ("GET", None): ("subscriptions:list", subscriptions.list_subscriptions),
    },
    "/v1/projects/<project>/subscriptions/<subscription>": {
        ("GET", None): ("subscriptions:show", subscriptions.show),
        ("PUT", None): ("subscriptions:create", subscriptions.create),
        ("DELETE", None): ("subscriptions:delete", subscriptions.delete),
        ("POST", "pull"): ("subscriptions:pull", messages.pull),
        ("POST", "acknowledge"): ("subscriptions:acknowledge", messages.acknowledge),
        ("GET", "offsets"): ("subscriptions:offsets", messages.offsets),
        ("POST", "modifyOffset"): ("subscriptions:modifyOffset", messages.modify_offset),
        ("GET", "timeToOffset"): ("subscriptions:timeToOffset", messages.time_to_offset),
        ("POST", "modifyAckDeadline"): (
            "subscriptions:modifyAckDeadline",
            subscriptions.modify_ack_deadline,
        ),
        ("GET", "acl"): ("subscriptions:acl", access_lists.subscription_acl),
        ("POST", "modifyAcl"): (
            "subscriptions:modifyAcl",
            access_lists.modify_subscription_acl,
        ),
    },
}


def make_broker_app(settings: Settings, broker: Broker) -> App:
    """The application, with all routes of the broker."""
    app = make_app("ams", settings)
    for path, table in ROUTES.items():
        app.resource(
            path,
            {
                key: (route, _handler(broker, route, endpoint))
                for key, (route, endpoint) in table.items()
            },
        )
    return app


def _handler(broker: Broker, route: str, endpoint: Endpoint) -> Handler:
    if route in OPEN_ROUTES:

        async def handle(request: Request, **names: str) -> bytes:
            return await endpoint(Call(request=request, broker=broker, names=names))

    else:

        async def handle(request: Request, **names: str) -> bytes:
            return await endpoint(await authorised(broker, request, route, names))

    return handle


def serve(settings: Settings) -> int:
    """Runs the broker until it is told to stop; returns the exit status."""
    configure_logging(settings.log.level)
    lifecycle = Lifecycle(settings)
    app = make_broker_app(settings, lifecycle.broker)
    add_health(app, {"redis": lifecycle.check_redis, "database": lifecycle.broker.store.ping})
    return run(
        app,
        settings.server,
        on_start=lifecycle.start,
        on_drain=lifecycle.drain,
        on_stop=lifecycle.stop,
        refusals=(DatabaseError,),
    )
