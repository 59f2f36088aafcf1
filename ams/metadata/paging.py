"""Cuts a list into pages (contract: ams-core 1.14, ams-users-metrics 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar, cast

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


class Order(NamedTuple):
    """How a list is sorted: by a column that has an index and no value twice."""

    column: Literal["id", "name"]
    descending: bool = False


#: The order of lists, unless somebody wants another one.
NEWEST_FIRST = Order("id", descending=True)


@dataclass(frozen=True, slots=True)
class Rows(Generic[ModelT]):
    """The rows of a page, where the next one begins, and how many rows there are.

    `next_id` is the id of the first row behind the page, `next_name` its name if the list is in
    the order of names.
    """

    rows: list[ModelT]
    next_id: int | None
    next_name: str | None
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


async def cut(
    query: QuerySet[ModelT],
    page_size: int,
    from_id: int | None,
    order: Order = NEWEST_FIRST,
    from_name: str | None = None,
) -> Rows[ModelT]:
    """Read one page.

    Args:
        query: All rows of the list.
        page_size: Most rows; 0 and less mean all.
        from_id: The first row's id, or None for the first page. If that row is gone, the next one
            is the first.
        order: Of the rows.
        from_name: The first row's name, in place of its id if the order is that of names.
    """
    total = await query.count()
    sign = "-" if order.descending else ""
    page = query.order_by(sign + order.column)
    start = from_id if order.column == "id" else from_name
    if start is not None:
        comparison = "lte" if order.descending else "gte"
        page = page.filter(**{f"{order.column}__{comparison}": start})
    if not 0 < page_size <= MAX_PAGE_SIZE:
        return Rows(await page, None, None, total)
    page = page.limit(page_size + 1)
    if page_size > BATCH:
        rows = await page
        behind = [(row.pk, getattr(row, order.column)) for row in rows[page_size:]]
        rows = rows[:page_size]
    else:
        # Ids first, because an index has them. Asked for whole rows, MariaDB may go through all
        # that come before the page.
        keys = cast("list[tuple[int, int | str]]", await page.values_list("id", order.column))
        behind, ids = keys[page_size:], [id_ for id_, _ in keys[:page_size]]
        rows = await query.filter(id__in=ids).order_by(sign + order.column) if ids else []
    next_id, key = behind[0] if behind else (None, None)
    return Rows(rows, next_id, key if isinstance(key, str) else None, total)
