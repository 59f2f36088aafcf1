"""The broker's application: its routes, and what it opens and closes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from ams.api import (
    access_lists,
    audit,
    explain,
    history,
    members,
    messages,
    metrics,
    offsets,
    peek,
    projects,
    purge,
    push,
    registrations,
    schemas,
    service,
    subscription_list,
    subscriptions,
    topic_list,
    topics,
    usage,
    users,
)
from ams.api.answers import encode
from ams.api.audit import audited
from ams.api.broker import Broker
from ams.api.calls import Call, authorised
from ams.api.documentation import add_documentation
from ams.api.lifecycle import Lifecycle
from ams.api.operations import Operation, operations_of
from ams.service.database import DatabaseError
from ams.service.health import add_health
from ams.service.http import App, Handler, Request, make_app
from ams.service.listeners import server_endpoints
from ams.service.logs import configure_logging
from ams.service.server import run
from ams.service.settings import Settings

#: All routes.
OPERATIONS: Final = operations_of(
    (
        service,
        users,
        members,
        registrations,
        projects,
        topic_list,
        topics,
        subscription_list,
        subscriptions,
        push,
        access_lists,
        schemas,
        messages,
        offsets,
        purge,
        peek,
        metrics,
        history,
        usage,
        explain,
        audit,
    )
)


def make_broker_app(settings: Settings, broker: Broker) -> App:
    """The application, with all routes of the broker."""
    app = make_app("ams", settings)
    resources: defaultdict[str, dict[tuple[str, str | None], tuple[str, Handler]]]
    resources = defaultdict(dict)
    for operation in OPERATIONS:
        actions = resources[operation.path]
        actions[operation.method, operation.verb] = (operation.name, _handler(broker, operation))
    for path, actions in resources.items():
        app.resource(path, actions)
    add_documentation(app, OPERATIONS)
    return app


def _handler(broker: Broker, operation: Operation) -> Handler:
    endpoint = operation.endpoint

    async def handle(request: Request, names: Mapping[str, str]) -> bytes:
        if operation.is_open:
            call = Call(operation=operation, request=request, broker=broker, names=names)
        else:
            call = await authorised(broker, request, operation, names)
        if operation.preview is not None and call.is_dry_run:
            answer = await operation.preview(call)
        elif operation.is_audited:
            with audited(call, operation):
                answer = await endpoint(call)
        else:
            answer = await endpoint(call)
        return answer if type(answer) is bytes else b"" if answer is None else encode(answer)

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
        endpoints=lambda: server_endpoints(settings.server),
        on_start=lifecycle.start,
        on_drain=lifecycle.drain,
        on_stop=lifecycle.stop,
        refusals=(DatabaseError,),
    )
