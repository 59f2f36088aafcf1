"""A bounded cache whose misses are loaded, once for all who wait for the same thing."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from ams.service.instruments import Counter

LOOKUPS: Final = Counter(
    "ams_cache_lookups_total",
    "Look-ups of metadata: found in memory (hit), or read from the database (miss).",
    ("cache", "result"),
)


class Record(Protocol):
    """What can be cached: it has an identity besides the key by which it is looked up."""

    @property
    def uuid(self) -> str:
        """The identity."""


KeyT = TypeVar("KeyT", bound=Hashable)
RecordT = TypeVar("RecordT", bound=Record)


class LoadingCache(Generic[KeyT, RecordT]):
    """Records by key, without an expiry: whoever changes a record says so with `forget`.

    Args:
        size: Most records that are kept; one that was not asked for for long goes first.
        load: Reads the record of a key from where it is kept.
        name: What it is called in figures.
    """

    def __init__(self, size: int, load: Callable[[KeyT], Awaitable[RecordT]], name: str) -> None:
        self._hits = LOOKUPS.labels(name, "hit")
        self._misses = LOOKUPS.labels(name, "miss")
        self._size = size
        self._load = load
        self._records: OrderedDict[KeyT, RecordT] = OrderedDict()
        self._keys: dict[str, KeyT] = {}
        self._loads: dict[KeyT, asyncio.Task[RecordT]] = {}
        #: Grows with each call of `forget` and the like.
        self.generation = 0

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: KeyT) -> RecordT | None:
        """The record, if it is here."""
        record = self._records.get(key)
        if record is not None:
            if len(self._records) * 2 >= self._size:  # Else nothing has to go soon.
                self._records.move_to_end(key)
            self._hits.inc()
        return record

    async def load(self, key: KeyT) -> RecordT:
        """Load a record, and keep it unless something is forgotten meanwhile.

        A caller that is cancelled takes nothing from others that wait for the same load.

        Raises:
            Whatever `load` raises.
        """
        self._misses.inc()
        task = self._loads.get(key)
        if task is None:
            task = asyncio.create_task(self._load_and_keep(key))
            self._loads[key] = task
            task.add_done_callback(partial(self._loaded, key))
        return await asyncio.shield(task)

    def forget(self, uuid: str) -> None:
        """Drop a record, and let nobody join or keep a load that may have read what it was."""
        key = self._keys.pop(uuid, None)
        if key is not None:
            del self._records[key]
        self._disown_loads()

    def forget_key(self, key: KeyT) -> None:
        """As `forget`, by key."""
        record = self._records.pop(key, None)
        if record is not None:
            del self._keys[record.uuid]
        self._disown_loads()

    def clear(self) -> None:
        """Drop everything."""
        self._records.clear()
        self._keys.clear()
        self._disown_loads()

    def _disown_loads(self) -> None:
        # All of them: which record a load will find is not known before it ends.
        self._loads.clear()
        self.generation += 1

    async def _load_and_keep(self, key: KeyT) -> RecordT:
        record = await self._load(key)
        if self._loads.get(key) is asyncio.current_task():
            self._keep(key, record)
        return record

    def _keep(self, key: KeyT, record: RecordT) -> None:
        for outdated in (self._keys.get(record.uuid), key):
            if outdated is not None and outdated in self._records:
                del self._keys[self._records.pop(outdated).uuid]
        if len(self._records) >= self._size:
            _, oldest = self._records.popitem(last=False)
            del self._keys[oldest.uuid]
        self._records[key] = record
        self._keys[record.uuid] = key

    def _loaded(self, key: KeyT, task: asyncio.Task[RecordT]) -> None:
        if self._loads.get(key) is task:
            del self._loads[key]
        if not task.cancelled():
            task.exception()  # Seen, even if all who waited for it have gone.
