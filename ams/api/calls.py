"""One request on its way: who calls, on which project, with what body."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ams.api.bodies import decode
from ams.api.broker import Broker
from ams.api.callers import required_caller
from ams.api.operations import DRY_RUN, BodyKind, Operation, Parameter, Shape
from ams.api.query import query_values
from ams.auth import access
from ams.messages.errors import StaleMetadata
from ams.metadata.records import Caller, ProjectRecord, SubscriptionRecord, TopicRecord
from ams.service.errors import Conflict, Forbidden, InvalidArgument, NotFound
from ams.service.http import Request, read_body

_T = TypeVar("_T")

#: Longest body of a request that carries no messages, bytes.
MOST_BODY_BYTES: Final = 1024 * 1024

#: How often a handler starts over because metadata changed under it, before it gives up.
ATTEMPTS: Final = 5

BAD_DRY_RUN: Final = "Invalid dryRun (needs true or false)"


@dataclass(slots=True, kw_only=True)
class Call:
    """An authorised request.

    `caller` and `roles` are absent on the routes that anyone may use; `project` where the path
    names none.
    """

    operation: Operation
    request: Request
    broker: Broker
    names: Mapping[str, str]
    caller: Caller = access.SERVICE_CALLER
    roles: frozenset[str] = frozenset()
    project_record: ProjectRecord | None = None
    _body: bytes | None = None

    async def body(self, most: int = MOST_BODY_BYTES) -> bytes:
        """The request's body, read at the first call; `TooLarge` if it is over `most` bytes."""
        if self._body is None:
            self._body = await read_body(self.request, most)
        return self._body

    async def read(self, kind: BodyKind[Shape]) -> Shape:
        """The request's body as the route takes it, or the error that says it is malformed."""
        if kind is not self.operation.body:
            raise LookupError(f"{self.operation.name} does not say that it reads this body")
        body = await self.body()
        return kind.shape() if kind.optional and not body else decode(body, kind)

    @property
    def project(self) -> ProjectRecord:
        """The project of the path."""
        if self.project_record is None:
            raise LookupError("this route has no project")
        return self.project_record

    def argument(self, parameter: Parameter) -> str:
        """The first value of a query parameter; empty if there is none."""
        return next(iter(self.arguments(parameter)), "")

    def arguments(self, parameter: Parameter) -> list[str]:
        """All values of a query parameter."""
        if parameter not in self.operation.query:
            raise LookupError(f"{self.operation.name} does not say that it reads {parameter.name}")
        return query_values(self.request, parameter.name)

    @property
    def is_dry_run(self) -> bool:
        """Whether the caller wants to know only what would be done.

        Raises InvalidArgument if that is not clear, as in `dryrun=true`: nobody may get the other.
        """
        values = self.arguments(DRY_RUN)
        if values and values[0] in DRY_RUN.choices:
            return values[0] == "true"
        if values or DRY_RUN.name.lower() in self.request.query_string.lower():
            raise InvalidArgument(BAD_DRY_RUN)
        return False

    def require_publisher(self, topic: TopicRecord) -> None:
        """Raises Forbidden if the caller is a publisher who is not on the topic's list."""
        self.require_listed(topic.acl)

    def require_consumer(self, subscription: SubscriptionRecord) -> None:
        """Raises Forbidden if the caller is a consumer who is not on the subscription's list."""
        self.require_listed(subscription.acl)

    def require_listed(self, acl: frozenset[int]) -> None:
        """Raises Forbidden if the caller has to be among these users: see `access.LIST_RULES`."""
        access.require_listed(
            self.broker.settings.auth, self.operation.name, self.caller, self.roles, acl
        )

    async def with_topic(self, use: Callable[[TopicRecord], Awaitable[_T]]) -> _T:
        """Calls `use` with the topic of the path; again with a fresh one if it was stale."""
        catalog, project, name = self.broker.catalog, self.project.id, self.names["topic"]
        for attempt in range(1, ATTEMPTS + 1):
            cached = catalog.topic_cached(project, name)
            try:
                return await use(cached or await catalog.topic(project, name))
            except StaleMetadata:
                if attempt == ATTEMPTS:
                    raise
            except (Forbidden, InvalidArgument) as error:
                # No script has looked at the epoch of what memory says against a request: an access
                # list, or a schema.
                by_memory = isinstance(error, Forbidden) or (cached and cached.schema)
                if cached is None or not by_memory or attempt == ATTEMPTS:
                    raise
            catalog.forget_topic(project, name)
        raise AssertionError("unreachable")

    async def with_subscription(self, use: Callable[[SubscriptionRecord], Awaitable[_T]]) -> _T:
        """Calls `use` with the subscription of the path; again with a fresh one if stale."""
        catalog, project, name = self.broker.catalog, self.project.id, self.names["subscription"]
        for attempt in range(1, ATTEMPTS + 1):
            cached = catalog.subscription_cached(project, name)
            if cached is not None and cached.topic_uuid is None:
                # It may have a topic again, and without one there is no epoch to compare.
                catalog.forget_subscription(project, name)
                cached = None
            try:
                return await use(cached or await catalog.subscription(project, name))
            except StaleMetadata:
                if attempt == ATTEMPTS:
                    raise
            except (Forbidden, Conflict) as error:
                # As for a topic: an access list, or push settings.
                by_memory = isinstance(error, Forbidden) or (cached and cached.push)
                if cached is None or not by_memory or attempt == ATTEMPTS:
                    raise
            catalog.forget_subscription(project, name)
        raise AssertionError("unreachable")


async def authorised(
    broker: Broker, request: Request, operation: Operation, names: Mapping[str, str]
) -> Call:
    """Lets a request in, or raises Unauthorized, NotFound("project") or Forbidden, in this order.

    The token comes first: only who has a valid one learns which projects exist (contract:
    decision 8).
    """
    caller = await required_caller(broker, request)
    request.ctx.requester = caller.uuid
    project = None
    name = names.get("project")
    if name is not None:
        catalog = broker.catalog
        try:
            project = catalog.project_cached(name) or await catalog.project(name)
        except NotFound:
            # Who creates a project needs none, but its admin is known by it if there is one.
            if operation.name != "projects:create":
                raise
    roles = access.authorise(
        await broker.roles(), operation.name, caller, project.id if project is not None else None
    )
    return Call(
        operation=operation,
        request=request,
        broker=broker,
        names=names,
        caller=caller,
        roles=roles,
        project_record=project,
    )
