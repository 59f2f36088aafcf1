"""The table of changes: what was committed, for the caches of all nodes.

Every transaction that changes something writes rows here, so a change can't be lost between the
commit and the moment when others hear of it: whoever missed the news finds it in the table.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from ams.metadata.models import ChangeRow
from ams.metadata.records import Change, ChangeKind
from ams.metadata.store import Store

#: How long changes are kept, in seconds.
RETENTION_SECONDS = 86_400.0
#: How long ids are looked at again after the first look, in seconds. Ids are given out in order,
#: but transactions may commit in another; none takes this long.
WINDOW_SECONDS = 15.0
#: How many ids are looked at again after the very first look, which does not know their age.
FIRST_WINDOW_IDS = 10_000
#: Most changes that are read or pruned by one statement.
BATCH = 1000


class ChangeFeed:
    """Reads what is committed, by whomever, each change once.

    Args:
        store: The database.
        clock: Seconds from any start.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._started = False
        # All ids up to here are done with; those of `_seen` are above it.
        self._floor = 0
        self._seen: set[int] = set()
        # When which id was the highest.
        self._highest: deque[tuple[float, int]] = deque()

    async def read_new(self) -> list[Change]:
        """The changes that were committed since the last call; a failed call did not count.

        The first call gives the deletions of the last day only: whoever starts has nothing
        cached, but may have to finish what a dead node began.

        Raises:
            Unavailable: The database can't be reached.
        """
        now = self._clock()
        ids = await self._ids()
        new_ids = [id_ for id_ in ids if id_ not in self._seen]
        if self._started:
            changes = await _read(self._store, new_ids)
        else:
            changes = await _read_deletions(self._store, ids[-1] if ids else 0)
            self._floor = max(0, ids[-1] - FIRST_WINDOW_IDS) if ids else 0
            self._started = True
        self._seen.update(new_ids)
        if ids:
            self._highest.append((now, ids[-1]))
        while self._highest and self._highest[0][0] <= now - WINDOW_SECONDS:
            self._floor = max(self._floor, self._highest.popleft()[1])
        self._seen = {id_ for id_ in self._seen if id_ > self._floor}
        return changes

    async def _ids(self) -> list[int]:
        async with self._store.database.reading():
            ids = await (
                ChangeRow.filter(id__gt=self._floor).order_by("id").values_list("id", flat=True)
            )
        return cast("list[int]", ids)


async def prune(store: Store) -> None:
    """Forget some of the changes that are older than `RETENTION_SECONDS`, if there are any.

    The latest one stays: some servers would give its id to the next change after a restart.

    Raises:
        Unavailable: The database can't be reached.
    """
    cutoff = datetime.now(UTC) - timedelta(seconds=RETENTION_SECONDS)
    async with store.database.reading():
        latest = await ChangeRow.all().order_by("-id").first()
        rows = await (
            ChangeRow.filter(at__lt=cutoff).order_by("id").limit(BATCH).values_list("id", flat=True)
        )
    doomed = [id_ for id_ in cast("list[int]", rows) if latest is not None and id_ < latest.id]

    async def delete() -> None:
        await ChangeRow.filter(id__in=doomed).delete()

    if doomed:
        await store.database.transaction(delete)


async def _read(store: Store, ids: Sequence[int]) -> list[Change]:
    rows: list[ChangeRow] = []
    for start in range(0, len(ids), BATCH):
        async with store.database.reading():
            rows += await ChangeRow.filter(id__in=ids[start : start + BATCH]).order_by("id")
    return [_change(row) for row in rows]


async def _read_deletions(store: Store, last: int) -> list[Change]:
    async with store.database.reading():
        rows = await ChangeRow.filter(id__lte=last, epoch__isnull=True).order_by("id")
    return [_change(row) for row in rows]


def _change(row: ChangeRow) -> Change:
    kind = cast("ChangeKind", row.kind)
    return Change(kind=kind, uuid=row.uuid, topic_uuid=row.topic_uuid, epoch=row.epoch)
