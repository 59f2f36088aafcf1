"""Every change is read once, whenever it is committed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ams.metadata import changes
from ams.metadata.changes import RETENTION_SECONDS, WINDOW_SECONDS, ChangeFeed, prune
from ams.metadata.models import ChangeRow
from ams.metadata.records import Change
from ams.metadata.store import Changes, Store
from ams.service.errors import Unavailable
from tests.metadata.conftest import Clock


def change(uuid: str, epoch: int | None = 1) -> Change:
    return Change("topic", uuid, uuid, epoch)


async def commit(store: Store, *made: Change) -> None:
    async def work(gathered: Changes) -> None:
        gathered += made

    await store.write(work)


@pytest.fixture
def feed(store: Store, clock: Clock) -> ChangeFeed:
    return ChangeFeed(store, clock)


async def test_each_change_is_read_once_in_order(store: Store, feed: ChangeFeed) -> None:
    await feed.read_new()
    await commit(store, change("a"), change("b"))
    await commit(store, change("a", None))
    assert await feed.read_new() == [change("a"), change("b"), change("a", None)]
    assert await feed.read_new() == []
    await commit(store, change("c"))
    assert await feed.read_new() == [change("c")]


async def test_changes_of_all_kinds_are_read_as_they_were_made(
    store: Store, feed: ChangeFeed
) -> None:
    await feed.read_new()
    made = [
        Change("project", "p" * 36, None, 0),
        Change("topic", "t" * 36, "t" * 36, 2**40),
        Change("subscription", "s" * 36, None, 7),
        Change("user", "u" * 36, None, None),
    ]
    await commit(store, *made)
    assert await feed.read_new() == made


async def test_whoever_starts_reads_the_deletions_before_and_nothing_else(
    store: Store, feed: ChangeFeed
) -> None:
    await commit(store, change("a"), change("b", None), change("c"))
    assert await feed.read_new() == [change("b", None)]
    assert await feed.read_new() == []


# SQLite commits one transaction after the other.
@pytest.mark.parametrize("dialect", ["mariadb"], indirect=True)
async def test_a_change_that_is_committed_late_is_read_late(
    store: Store, other_store: Store, feed: ChangeFeed, clock: Clock
) -> None:
    """Ids are given out before the commit, so a lower one may appear after a higher one."""
    await feed.read_new()
    inserted, finish = asyncio.Event(), asyncio.Event()

    async def dawdle() -> None:
        await ChangeRow.create(
            kind="topic", uuid="late", topic_uuid="late", epoch=1, at=datetime.now(UTC)
        )
        inserted.set()
        await finish.wait()

    dawdling = asyncio.create_task(other_store.database.transaction(dawdle))
    await inserted.wait()
    await commit(store, change("early"))
    assert await feed.read_new() == [change("early")]
    for _ in range(3):
        clock.now += WINDOW_SECONDS / 4
        await commit(store, change("more"))
        assert await feed.read_new() == [change("more")]
    finish.set()
    await dawdling
    assert await feed.read_new() == [change("late")]
    assert await feed.read_new() == []


async def test_ids_that_are_old_are_not_looked_at_again(
    store: Store, feed: ChangeFeed, clock: Clock
) -> None:
    await feed.read_new()
    for _ in range(10):
        await commit(store, change("a"), change("b"))
        await feed.read_new()
        clock.now += WINDOW_SECONDS / 4
    assert len(feed._seen) <= 10
    assert len(feed._highest) <= 5


async def test_a_look_that_fails_loses_nothing(
    store: Store, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed.read_new()
    await commit(store, change("a"))

    async def fail(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as away:
        away.setattr(changes, "_read", fail)
        with pytest.raises(Unavailable):
            await feed.read_new()
    assert await feed.read_new() == [change("a")]


async def test_a_first_look_that_fails_is_still_the_first(
    store: Store, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commit(store, change("a"), change("b", None))

    async def fail(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as away:
        away.setattr(changes, "_read_deletions", fail)
        with pytest.raises(Unavailable):
            await feed.read_new()
    assert await feed.read_new() == [change("b", None)]


async def test_many_changes_at_once_are_all_read(store: Store, feed: ChangeFeed) -> None:
    await feed.read_new()
    made = [change(str(number)) for number in range(2500)]
    await commit(store, *made)
    assert await feed.read_new() == made


class TestPrune:
    async def age(self, store: Store, seconds: float) -> None:
        async def update() -> None:
            await ChangeRow.all().update(at=datetime.now(UTC) - timedelta(seconds=seconds))

        await store.database.transaction(update)

    async def left(self, store: Store) -> list[str]:
        async with store.database.reading():
            return [row.uuid for row in await ChangeRow.all().order_by("id")]

    async def test_changes_of_the_last_day_stay(self, store: Store) -> None:
        await commit(store, change("a"), change("b"))
        await self.age(store, RETENTION_SECONDS - 60)
        await prune(store)
        assert await self.left(store) == ["a", "b"]

    async def test_older_ones_go_except_the_latest(self, store: Store) -> None:
        await commit(store, change("a"), change("b"), change("c"))
        await self.age(store, RETENTION_SECONDS + 60)
        await prune(store)
        assert await self.left(store) == ["c"]
        await commit(store, change("d"))
        await prune(store)
        assert await self.left(store) == ["d"]

    async def test_an_empty_table_is_left_alone(self, store: Store) -> None:
        await prune(store)
        assert await self.left(store) == []
