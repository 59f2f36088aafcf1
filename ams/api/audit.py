"""The audit trail: who changed what, when and from where."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from ams.api import formats
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.operations import PAGE_TOKEN, PROJECT, Operation, Parameter, operation
from ams.metadata import audit
from ams.metadata.records import AuditEntry as AuditRecord
from ams.service.client_address import client_address
from ams.service.errors import InvalidArgument

#: Entries of a page, if the caller says nothing else.
PAGE_ENTRIES: Final = 100
#: Whom the trail names where the service token was used. No user can have this name.
SERVICE_TOKEN: Final = "service token"


class AuditEntry(Answer, rename="camel"):
    """A change. `detail` tells more, in a way that depends on the action."""

    time: str
    actor: str
    actor_uuid: str
    action: str
    resource: str
    source: str
    trace_id: str
    # Any: what there is to say differs from action to action.
    detail: dict[str, Any]

    @classmethod
    def of(cls, record: AuditRecord) -> "AuditEntry":
        return cls(
            time=formats.precise_time_text(record.at),
            actor=record.actor_name,
            actor_uuid=record.actor_uuid,
            action=record.action,
            resource=record.resource,
            source=record.source,
            trace_id=record.trace_id,
            detail=dict(record.detail),
        )


class AuditEntries(Answer, rename="camel"):
    """A page of changes, newest first."""

    entries: list[AuditEntry]
    next_page_token: str


PAGE_SIZE: Final = Parameter(
    "pageSize", f"Most entries of a page, {audit.MAX_PAGE_SIZE} at most; by default {PAGE_ENTRIES}."
)
ACTOR: Final = Parameter("actor", f"Only what this user did; `{SERVICE_TOKEN}` is one, too.")
ACTION: Final = Parameter("action", "Only this route, such as `topics:create`.")
RESOURCE: Final = Parameter(
    "resource",
    "Only what was done to this, such as `/projects/P/topics/T`; a `*` at the end stands for"
    " anything.",
)
SINCE: Final = Parameter("since", "Only what was done then or later: `2026-01-02T03:04:05Z`.")
UNTIL: Final = Parameter("until", "Only what was done before that time.")
_QUERY: Final = (PAGE_SIZE, PAGE_TOKEN, ACTOR, ACTION, RESOURCE, SINCE, UNTIL)
_ERRORS: Final = (*formats.PAGE_ERRORS, InvalidArgument(formats.BAD_TIME))


@operation("audit:list", "GET", "/v1/audit", query=_QUERY, errors=_ERRORS)
async def list_all(call: Call) -> AuditEntries:
    """List who changed what in the whole service, newest first."""
    return await _list(call, None)


@operation("projects:audit", "GET", f"{PROJECT}/audit", query=_QUERY, errors=_ERRORS)
async def list_of_project(call: Call) -> AuditEntries:
    """List who changed what in a project, newest first."""
    return await _list(call, call.project.uuid)


async def _list(call: Call, project_uuid: str | None) -> AuditEntries:
    resource = call.argument(RESOURCE)
    is_prefix = resource.endswith("*")
    page = await audit.list_page(
        call.broker.store,
        page_size=formats.page_size(call.argument(PAGE_SIZE)) or PAGE_ENTRIES,
        from_id=formats.page_start(call.argument(PAGE_TOKEN)),
        project_uuid=project_uuid,
        actor=call.argument(ACTOR) or None,
        action=call.argument(ACTION) or None,
        resource=None if is_prefix else resource or None,
        resource_prefix=resource[:-1] if is_prefix else None,
        since=_time(call, SINCE),
        until=_time(call, UNTIL),
    )
    entries = [AuditEntry.of(record) for record in page.items]
    return AuditEntries(entries, formats.page_token(page.next_id))


def _time(call: Call, parameter: Parameter) -> datetime | None:
    text = call.argument(parameter)
    if not text:
        return None
    return datetime.fromtimestamp(formats.microseconds_at(text) / 1_000_000, UTC)


@contextmanager
def audited(call: Call, operation: Operation) -> Iterator[None]:
    """Has what is changed meanwhile recorded as this call's doing."""
    settings = call.broker.settings.server
    origin = audit.Origin(
        action=operation.name,
        resource=operation.resource.format(**call.names),
        project_uuid=call.project_record.uuid if call.project_record is not None else None,
        actor_uuid=call.caller.uuid,
        actor_name=call.caller.name or SERVICE_TOKEN,
        source=client_address(call.request, settings.trusted_proxies),
        trace_id=call.request.ctx.trace_id,
    )
    token = audit.origin.set(origin)
    try:
        yield
    finally:
        audit.origin.reset(token)
