"""How lists are filtered, sorted and shown in full, besides the contract's paging."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from ams.api import formats
from ams.api.calls import Call
from ams.api.operations import PAGE_SIZE, PAGE_TOKEN, Parameter
from ams.metadata.names import can_exist
from ams.metadata.paging import NEWEST_FIRST, Order
from ams.metadata.records import Page
from ams.service.errors import InvalidArgument

#: Most items of a page in the full view: what Redis is asked about them is one round trip.
MAX_FULL_PAGE: Final = 100
#: Most items of a list that is sorted by a counter: each page needs the counters of all of them.
MAX_SORTED: Final = 2000

_DESCENDING: Final = " desc"
_USUAL: Final = "created desc"
#: The orders that the database knows, by the names that clients use.
_COLUMNS: Final = {
    _USUAL: NEWEST_FIRST,
    "created": Order("id"),
    "name": Order("name"),
    "name desc": Order("name", descending=True),
}

VIEW: Final = Parameter(
    "view",
    f"`full` shows statistics, too, and {MAX_FULL_PAGE} items of a page at most; else `basic`.",
    choices=("basic", "full"),
)
FILTER: Final = Parameter("filter", "Only what has this in its name, in upper or lower case.")

_BAD_VIEW: Final = "Invalid view (needs basic or full)"
_BAD_ORDER: Final = "Invalid orderBy"
_NEEDS_FULL: Final = "Invalid orderBy: only the full view is sorted by counters"
_TOO_MANY: Final = f"Too many items to sort by a counter ({MAX_SORTED} at most): use a filter"

#: How a list fails.
ERRORS: Final = (
    *formats.PAGE_ERRORS,
    *map(InvalidArgument, (_BAD_VIEW, _BAD_ORDER, _NEEDS_FULL, _TOO_MANY)),
)

_IDS: Final = range(2**63)


class Record(Protocol):
    """What lists hold."""

    @property
    def id(self) -> int:
        """Its number in the database."""


RecordT = TypeVar("RecordT", bound=Record)
NumbersT = TypeVar("NumbersT")


class _Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a page begins that is not of the usual order.

    `key` is what the first item is sorted by; items that are alike there are sorted by `id`.
    """

    order: str
    key: str | int | float
    id: int


class Found(NamedTuple, Generic[RecordT, NumbersT]):
    """A page of a list; numbers are None in the basic view."""

    items: Sequence[tuple[RecordT, NumbersT | None]]
    next_page_token: str
    total: int


class Listing(Generic[RecordT, NumbersT]):
    """A kind of list.

    Args:
        read: reads part of a project's from the database, as `topics.list_page` does.
        measure: gives the numbers of some items, for the full view.
        counters: what the full view can be sorted by, by the names that clients use.
    """

    def __init__(
        self,
        read: Callable[..., Awaitable[Page[RecordT]]],
        measure: Callable[[Call, Sequence[RecordT]], Awaitable[Sequence[NumbersT]]],
        counters: Mapping[str, Callable[[NumbersT], float]],
    ) -> None:
        self._read = read
        self._measure = measure
        self._counters = counters
        downwards = (f"{name}{_DESCENDING}" for name in counters)
        self._order_by = Parameter(
            "orderBy",
            f"What sorts the list, upwards, or downwards with ` desc`; by default `{_USUAL}`."
            f" Counters sort the full view only, of a list of {MAX_SORTED} items at most.",
            choices=(*_COLUMNS, *counters, *downwards),
        )
        #: The parameters of the list.
        self.query = (PAGE_SIZE, PAGE_TOKEN, VIEW, self._order_by, FILTER)

    async def page(self, call: Call, acl_user_id: int | None) -> Found[RecordT, NumbersT]:
        """The page that a call asks for.

        Args:
            call: who asks, and how.
            acl_user_id: the user whose items only are shown: those that have them on their list.
        """
        size = formats.page_size(call.argument(PAGE_SIZE))
        is_full = _is_full(call)
        order = call.argument(self._order_by) or _USUAL
        token = call.argument(PAGE_TOKEN)
        if is_full and not 0 < size <= MAX_FULL_PAGE:
            size = MAX_FULL_PAGE
        read = partial(
            self._read,
            call.broker.store,
            call.project.id,
            acl_user_id=acl_user_id,
            name=call.argument(FILTER) or None,
        )
        if order in _COLUMNS:
            page, next_token = await _by_column(read, order, size, token)
            if not is_full:
                return Found([(record, None) for record in page.items], next_token, page.total)
            numbers = await self._measure(call, page.items)
            return Found(list(zip(page.items, numbers, strict=True)), next_token, page.total)
        counter = self._counters.get(order.removesuffix(_DESCENDING))
        if counter is None:
            raise InvalidArgument(_BAD_ORDER)
        if not is_full:
            raise InvalidArgument(_NEEDS_FULL)
        place = _place(token, order)
        page = await read(page_size=MAX_SORTED)
        if page.next_id is not None:
            raise InvalidArgument(_TOO_MANY)
        numbers = await self._measure(call, page.items)
        items = list(zip(page.items, numbers, strict=True))
        return _cut(items, counter, order, place, size)


def _is_full(call: Call) -> bool:
    view = call.argument(VIEW) or VIEW.choices[0]
    if view not in VIEW.choices:
        raise InvalidArgument(_BAD_VIEW)
    return view == "full"


async def _by_column(
    read: Callable[..., Awaitable[Page[RecordT]]], order: str, size: int, token: str
) -> tuple[Page[RecordT], str]:
    """A page as the database sorts it, and the token of the next one."""
    if order == _USUAL:
        page = await read(page_size=size, from_id=formats.page_start(token))
        return page, formats.page_token(page.next_id)
    place = _place(token, order)
    page = await read(
        page_size=size,
        from_id=None if place is None else place.id,
        from_name=None if place is None else place.key,
        order=_COLUMNS[order],
    )
    if page.next_id is None:
        return page, ""
    return page, _token(_Place(order, page.next_name or "", page.next_id))


def _cut(
    items: Sequence[tuple[RecordT, NumbersT]],
    counter: Callable[[NumbersT], float],
    order: str,
    place: _Place | None,
    size: int,
) -> Found[RecordT, NumbersT]:
    """Sorts items by a counter, and gives the page that begins at a place."""
    falling = order.endswith(_DESCENDING)
    keyed = [((counter(numbers), record.id), record, numbers) for record, numbers in items]
    keyed.sort(key=lambda each: each[0], reverse=falling)
    if place is not None:
        start = (place.key, place.id)
        keyed = [each for each in keyed if (each[0] <= start if falling else each[0] >= start)]
    token = _token(_Place(order, *keyed[size][0])) if len(keyed) > size else ""
    return Found([(record, numbers) for _, record, numbers in keyed[:size]], token, len(items))


def _token(place: _Place) -> str:
    return base64.b64encode(msgspec.json.encode(place)).decode()


def _place(token: str, order: str) -> _Place | None:
    """What a page token says, None for the first page; it must be one of this order."""
    if not token:
        return None
    try:
        place = msgspec.json.decode(base64.b64decode(token, validate=True), type=_Place)
    except (binascii.Error, ValueError):  # Both of msgspec's errors are values', too.
        raise InvalidArgument(formats.BAD_PAGE_TOKEN) from None
    is_text = order in _COLUMNS
    if (
        place.order != order
        or place.id not in _IDS
        or isinstance(place.key, str) is not is_text
        or (isinstance(place.key, str) and not can_exist(place.key))
    ):
        raise InvalidArgument(formats.BAD_PAGE_TOKEN)
    return place
