"""Cuts a list into pages, newest first (contract: ams-core 1.14, ams-users-metrics 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from pypika_tortoise.terms import Function as SqlFunction
from pypika_tortoise.terms import Term
from tortoise.expressions import Function
from tortoise.functions import Lower
from tortoise.models import Model
from tortoise.queryset import QuerySet

ModelT = TypeVar("ModelT", bound=Model)

#: Most rows of one page; whoever asks for more means all of them.
MAX_PAGE_SIZE = 1_000_000
#: Most rows of a page that are read by their ids.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Rows(Generic[ModelT]):
    """The rows of a page, the id of the first one behind it, and how many rows there are."""

    rows: list[ModelT]
    next_id: int | None
    total: int


class _Position(Function):
    """Where a text begins in another one, from 1; 0 if it is not in it."""

    class _Instr(SqlFunction):
        def __init__(self, *terms: Term) -> None:
            super().__init__("INSTR", *terms)

    database_func = _Instr


def containing(query: QuerySet[ModelT], part: str | None) -> QuerySet[ModelT]:
    """Only rows with this in their name, in upper or lower case; None for all."""
    if part is None:
        return query
    # Not LIKE: its idea of case differs from database to database, as does how to escape in it.
    return query.annotate(position=_Position(Lower("name"), part.lower())).filter(position__gt=0)


async def cut(query: QuerySet[ModelT], page_size: int, from_id: int | None) -> Rows[ModelT]:
    """Read one page.

    Args:
        query: All rows of the list.
        page_size: Most rows; 0 and less mean all.
        from_id: The first row's id, or None for the newest. If that row is gone, the next older
            one is the first.
    """
    total = await query.count()
    page = query.order_by("-id")
    if from_id is not None:
        page = page.filter(id__lte=from_id)
    if not 0 < page_size <= MAX_PAGE_SIZE:
        return Rows(await page, None, total)
    page = page.limit(page_size + 1)
    if page_size > BATCH:
        rows = await page
        next_id = int(rows[page_size].pk) if len(rows) > page_size else None
        return Rows(rows[:page_size], next_id, total)
    # Ids first, because an index has them. Asked for whole rows, MariaDB may go through all that
    # are newer than the page.
    ids = cast("list[int]", await page.values_list("id", flat=True))
    next_id = ids[page_size] if len(ids) > page_size else None
    rows = await query.filter(id__in=ids[:page_size]).order_by("-id") if ids else []
    return Rows(rows, next_id, total)
