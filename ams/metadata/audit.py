"""The audit trail: who changed what, and when.

Whoever serves a request sets `origin`; what `Store.write` then changes leaves an entry, in the
same transaction, so there is no change without one and no entry without a change.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from ams.metadata.models import RESOURCE_LENGTH, TEXT_LENGTH, AuditRow
from ams.metadata.records import AuditEntry, AuditPage

if TYPE_CHECKING:
    from ams.metadata.store import Store

ResultT = TypeVar("ResultT")

#: Longest JSON of an entry's detail, in characters; of a longer one the largest parts are left out.
DETAIL_LENGTH = 16_384
#: Most entries that one statement deletes.
PRUNE_BATCH = 1000
#: Most entries of one page.
MAX_PAGE_SIZE = 1000
#: Behind every text that begins with the same ones: the last character there is.
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where changes come from: a request.

    `action` is the name of its route, `resource` a path such as `/projects/P/topics/T`, `source`
    the address of the client.
    """

    action: str
    resource: str
    project_uuid: str | None
    actor_uuid: str
    actor_name: str
    source: str
    trace_id: str
    # Any: what there is to say differs from action to action.
    detail: dict[str, Any] = field(default_factory=dict, compare=False)


#: The origin of what this task changes; None where nobody asked for it.
origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def note(**detail: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Add to the detail of what this request changes; without an origin, nothing."""
    current = origin.get()
    if current is not None:
        origin.set(replace(current, detail={**current.detail, **detail}))


def in_project(uuid: str) -> None:
    """Have what this request changes count as a change of this project, which it has just made."""
    current = origin.get()
    if current is not None:
        origin.set(replace(current, project_uuid=uuid))


def has_made(name: str) -> None:
    """Have the entry be about what this request has just made, not about all things of its kind."""
    current = origin.get()
    if current is not None:
        origin.set(replace(current, resource=f"{current.resource}/{name}"))


async def record(store: Store, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Do something that is not in the database, with an entry only if it succeeds.

    The entry is there first: if the trail can't be written, nothing is done. What `work` notes is
    added to it. `work` must not use the store, and must bear to be done again should the database
    ask for another attempt.

    Raises:
        Whatever `work` raises.
        Unavailable: The database can't be reached. If it was lost at the very end, the work is
            done all the same.
    """
    asked = origin.get()
    if asked is None:
        return await work()

    async def recorded_work() -> ResultT:
        origin.set(asked)
        row = await insert()
        result = await work()
        noted = origin.get()
        if row is not None and noted is not None and noted.detail != asked.detail:
            row.detail = _bounded(noted.detail)
            await row.save(update_fields=["detail"])
        return result

    return await store.database.transaction(recorded_work)


async def add(store: Store) -> None:
    """Write an entry for the current origin, if any; for what leaves nothing else to change.

    Raises:
        Unavailable: The database can't be reached.
    """
    await store.database.transaction(insert)


async def insert() -> AuditRow | None:
    """Write an entry for the current origin, if any, as a part of the caller's transaction."""
    current = origin.get()
    if current is None:
        return None
    return await AuditRow.create(
        at=datetime.now(UTC),
        actor_uuid=current.actor_uuid,
        actor_name=current.actor_name[:TEXT_LENGTH],
        action=current.action[:TEXT_LENGTH],
        resource=current.resource[:RESOURCE_LENGTH],
        project_uuid=current.project_uuid,
        source=current.source[:TEXT_LENGTH],
        trace_id=current.trace_id[:TEXT_LENGTH],
        detail=_bounded(current.detail),
    )


async def list_page(
    store: Store,
    *,
    page_size: int,
    from_id: int | None = None,
    project_uuid: str | None = None,
    actor_uuid: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    resource: str | None = None,
    resource_prefix: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AuditPage:
    """Part of the audit trail, newest first; what is given must match exactly.

    Args:
        store: The database.
        page_size: Most entries, at most `MAX_PAGE_SIZE`.
        from_id: Where the page begins: `next_id` of the one before it.
        project_uuid: Only what was done in this project.
        actor_uuid: Only what this user did.
        actor: Only what was done by whoever had this name then.
        action: Only this route.
        resource: Only what was done to this.
        resource_prefix: Only what was done to things whose path begins so. The one filter whose
            cost grows with what it finds.
        since: Only what was done then or later.
        until: Only what was done before.
    """
    size = min(max(page_size, 1), MAX_PAGE_SIZE)
    exact = _given(
        project_uuid=project_uuid,
        actor_uuid=actor_uuid,
        actor_name=actor,
        action=action,
        resource=resource,
    )
    bounds = _given(at__gte=since, at__lt=until)
    if resource_prefix is not None:
        bounds["resource__gte"] = resource_prefix
        bounds["resource__lt"] = resource_prefix + LAST_CHARACTER
    async with store.database.reading():
        rows = AuditRow.filter(**exact, **bounds)
        if len(exact) == 1 and resource_prefix is None:
            # MariaDB does not see that it has the order, too.
            rows = rows.force_index(*(f"audit_by_{column}" for column in exact))
        if from_id is not None:
            rows = await _from(rows, from_id)
        found = await rows.order_by("-at", "-id").limit(size + 1)
    next_id = found[size].id if len(found) > size else None
    return AuditPage(tuple(_entry(row) for row in found[:size]), next_id)


# Any: what Tortoise's filters take.
def _given(**filters: Any) -> dict[str, Any]:  # noqa: ANN401
    """The filters that are not None."""
    return {key: value for key, value in filters.items() if value is not None}


async def _from(rows: QuerySet[AuditRow], from_id: int) -> QuerySet[AuditRow]:
    """The entries from this one on. If it was pruned, so were nearly all behind it."""
    first = await AuditRow.get_or_none(id=from_id)
    if first is None:
        return rows.filter(id__lte=from_id)
    # The bound on the time alone is what an index can use.
    return rows.filter(at__lte=first.at).filter(Q(at__lt=first.at) | Q(id__lte=from_id))


async def prune(store: Store, older_than: datetime) -> int:
    """Delete the entries from before `older_than`; gives their number.

    Raises:
        Unavailable: The database can't be reached. Some may be deleted by then.
    """

    async def delete_some() -> int:
        rows = AuditRow.filter(at__lt=older_than).order_by("at", "id").limit(PRUNE_BATCH)
        ids = cast("list[int]", await rows.values_list("id", flat=True))
        await AuditRow.filter(id__in=ids).delete()
        return len(ids)

    pruned = 0
    while True:
        batch = await store.database.transaction(delete_some)
        pruned += batch
        if batch < PRUNE_BATCH:
            return pruned


def _bounded(detail: dict[str, Any]) -> dict[str, Any]:
    lengths = {key: len(json.dumps({key: value})) for key, value in detail.items()}
    left_out: list[str] = []
    while sum(lengths.values()) > DETAIL_LENGTH:
        largest = max(lengths, key=lengths.__getitem__)
        del lengths[largest]
        left_out.append(largest)
    kept = {key: detail[key] for key in lengths}
    return {**kept, "left_out": left_out} if left_out else kept


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor_uuid=row.actor_uuid,
        actor_name=row.actor_name,
        action=row.action,
        resource=row.resource,
        project_uuid=row.project_uuid,
        source=row.source,
        trace_id=row.trace_id,
        detail=row.detail,
    )
