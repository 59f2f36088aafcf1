"""The audit trail: no change without an entry, no entry without a change."""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ams.metadata import audit, nodes, projects, users
from ams.metadata.audit import Origin
from ams.metadata.models import AuditRow
from ams.metadata.records import AuditEntry, ProjectRecord
from ams.metadata.store import Changes, Store
from ams.service.database import Database
from ams.service.errors import AlreadyExists, Unavailable
from ams.service.failures import Failure
from tests.metadata.conftest import Statements
from tests.metadata.make import make_project, make_topic, make_user

START = datetime(2024, 1, 1, tzinfo=UTC)


def origin_of(action: str = "topics:create", resource: str = "/projects/P/topics/T") -> Origin:
    return Origin(
        action=action,
        resource=resource,
        project_uuid="project-uuid",
        actor_uuid="actor-uuid",
        actor_name="admin",
        source="192.0.2.1",
        trace_id="trace",
    )


@pytest.fixture
def origin() -> Iterator[Origin]:
    made = origin_of()
    token = audit.origin.set(made)
    yield made
    audit.origin.reset(token)


async def entries(store: Store) -> tuple[AuditEntry, ...]:
    return (await audit.list_page(store, page_size=100)).items


async def insert(store: Store, count: int, **columns: object) -> None:
    """Entries a second apart; the names of their actors and resources differ by turns."""

    async def work() -> None:
        given = {
            "action": "a",
            "source": "s",
            "trace_id": "t",
            "detail": {},
            "actor_uuid": "u",
            **columns,
        }
        await AuditRow.bulk_create(
            [
                AuditRow(
                    at=START + timedelta(seconds=number),
                    **{
                        "actor_name": f"user-{number % 10}",
                        "resource": f"/projects/P/topics/t{number % 10}",
                        "project_uuid": f"project-{number % 10}",
                        **given,
                    },
                )
                for number in range(count)
            ],
            batch_size=2000,
        )

    await store.database.transaction(work)


async def test_without_an_origin_nothing_is_written(store: Store, project: ProjectRecord) -> None:
    audit.note(nobody="hears")
    await make_topic(store, project)
    assert await entries(store) == ()


@pytest.mark.usefixtures("origin")
async def test_a_change_leaves_an_entry(store: Store) -> None:
    audit.note(name="news", size=1)
    audit.note(size=2)
    project = await make_project(store)
    (entry,) = await entries(store)
    assert abs(datetime.now(UTC) - entry.at) < timedelta(minutes=1)
    assert (entry.action, entry.resource) == ("topics:create", "/projects/P/topics/T")
    assert (entry.project_uuid, entry.source, entry.trace_id) == (
        project.uuid,
        "192.0.2.1",
        "trace",
    )
    assert (entry.actor_uuid, entry.actor_name) == ("actor-uuid", "admin")
    assert entry.detail == {"name": "news", "size": 2}


@pytest.mark.usefixtures("origin")
async def test_an_attempt_that_lost_against_others_leaves_nothing_in_the_entry(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify = Database._failure
    contended = RuntimeError("contended")
    attempts = itertools.count()
    audit.note(asked="before")

    async def work(changes: Changes) -> None:
        del changes
        attempt = next(attempts)
        audit.has_made(f"name-{attempt}")
        audit.in_project(f"project-{attempt}")
        audit.note(**{f"attempt-{attempt}": "seen"})
        if attempt == 0:
            raise contended

    monkeypatch.setattr(
        Database,
        "_failure",
        lambda self, exc: Failure.CONTENTION if exc is contended else classify(self, exc),
    )
    await store.write(work)
    (entry,) = await entries(store)
    assert entry.resource == "/projects/P/topics/T/name-1"
    assert entry.project_uuid == "project-1"
    assert entry.detail == {"asked": "before", "attempt-1": "seen"}


@pytest.mark.usefixtures("origin")
async def test_a_write_of_which_nobody_hears_leaves_one_too(store: Store) -> None:
    async def work(changes: Changes) -> None:
        del changes

    await store.write(work)
    assert len(await entries(store)) == 1


@pytest.mark.usefixtures("origin")
async def test_what_is_refused_leaves_none(store: Store) -> None:
    await make_project(store)
    with pytest.raises(AlreadyExists):
        await make_project(store)
    assert len(await entries(store)) == 1


@pytest.mark.usefixtures("origin")
async def test_reports_and_uses_of_tokens_leave_none(store: Store) -> None:
    await nodes.report(store, "host", 1.0, 2.0)
    await users.token_used(store, [1], START)
    assert await entries(store) == ()


async def test_requests_at_the_same_time_do_not_mix(store: Store, other_store: Store) -> None:
    async def request(number: int, node: Store) -> None:
        audit.origin.set(origin_of(resource=f"/projects/P{number}"))
        audit.note(number=number)
        await make_project(node, f"P{number}")

    await asyncio.gather(*(request(turn, (store, other_store)[turn % 2]) for turn in range(10)))
    found = {entry.resource: entry.detail for entry in await entries(store)}
    assert found == {f"/projects/P{number}": {"number": number} for number in range(10)}
    assert audit.origin.get() is None


async def test_an_entry_outlives_what_it_is_about(store: Store, project: ProjectRecord) -> None:
    admin = await make_user(store, "admin")
    audit.origin.set(
        Origin("topics:create", "/projects/DEMO", project.uuid, admin.uuid, "admin", "", "")
    )
    await make_topic(store, project)
    await users.delete(store, admin.id)
    await projects.delete(store, project.id)
    audit.origin.set(None)
    page = await audit.list_page(store, page_size=10, project_uuid=project.uuid)
    assert [entry.actor_uuid for entry in page.items] == [admin.uuid] * 3


async def test_texts_that_are_too_long_do_not_stop_a_change(store: Store) -> None:
    long = Origin("a" * 300, "r" * 700, None, "u", "n" * 300, "s" * 300, "t" * 300)
    audit.origin.set(long)
    audit.note(text="x" * 15_000, names=["x" * 1000] * 100, size=1, more="x" * 5_000)
    await make_project(store)
    audit.origin.set(None)
    (entry,) = await entries(store)
    assert (len(entry.action), len(entry.resource), len(entry.source)) == (255, 600, 255)
    assert entry.detail == {"size": 1, "more": "x" * 5_000, "left_out": ["names", "text"]}


class TestRecord:
    """What is not in the database."""

    async def test_it_is_done_and_recorded(self, store: Store, origin: Origin) -> None:
        async def work() -> str:
            return "done"

        audit.note(offset=3)
        assert await audit.record(store, work) == "done"
        (entry,) = await entries(store)
        assert (entry.action, entry.detail) == (origin.action, {"offset": 3})

    @pytest.mark.usefixtures("origin")
    async def test_what_the_work_notes_is_in_the_entry(self, store: Store) -> None:
        async def work() -> None:
            audit.note(skipped=7)

        audit.note(offset=3)
        await audit.record(store, work)
        (entry,) = await entries(store)
        assert entry.detail == {"offset": 3, "skipped": 7}

    @pytest.mark.usefixtures("origin")
    async def test_an_entry_can_stand_for_itself(self, store: Store) -> None:
        audit.note(messages=10)
        await audit.add(store)
        (entry,) = await entries(store)
        assert entry.detail == {"messages": 10}

    @pytest.mark.usefixtures("origin")
    async def test_what_fails_is_not_recorded(self, store: Store) -> None:
        async def work() -> None:
            raise Unavailable("Redis is away")

        with pytest.raises(Unavailable, match="Redis is away"):
            await audit.record(store, work)
        assert await entries(store) == ()
        await make_project(store)
        assert len(await entries(store)) == 1

    async def test_what_nobody_asked_for_is_done_without_an_entry(self, store: Store) -> None:
        async def work() -> int:
            return 1

        assert await audit.record(store, work) == 1
        assert await entries(store) == ()


class TestList:
    async def test_pages_go_from_the_newest_to_the_oldest(self, store: Store) -> None:
        await insert(store, 5)
        seen, from_id = [], None
        for _ in range(3):
            page = await audit.list_page(store, page_size=2, from_id=from_id)
            seen.append([(entry.at - START).seconds for entry in page.items])
            from_id = page.next_id
        assert seen == [[4, 3], [2, 1], [0]]
        assert from_id is None

    async def test_what_nodes_wrote_in_another_order_is_sorted_by_time(self, store: Store) -> None:
        for seconds in (5, 1, 3, 3, 2, 4):
            await insert(store, 1, resource=str(seconds))
            await self.age(store, str(seconds), START + timedelta(seconds=seconds))
        seen: list[str] = []
        from_id = None
        while True:
            page = await audit.list_page(store, page_size=1, from_id=from_id)
            seen += [entry.resource for entry in page.items]
            if page.next_id is None:
                break
            from_id = page.next_id
        assert seen == ["5", "4", "3", "3", "2", "1"]

    async def age(self, store: Store, resource: str, at: datetime) -> None:
        async def work() -> None:
            await AuditRow.filter(resource=resource).update(at=at)

        await store.database.transaction(work)

    async def test_filters_match_exactly_and_together(self, store: Store) -> None:
        await insert(store, 30)
        await insert(store, 1, actor_name="Admin", action="b", actor_uuid="v", resource="/users/x")

        async def numbers(**filters: Any) -> list[int]:  # noqa: ANN401 - they differ
            page = await audit.list_page(store, page_size=100, **filters)
            return [(entry.at - START).seconds for entry in page.items]

        assert await numbers(actor="user-3") == [23, 13, 3]
        assert await numbers(actor="User-3") == []
        assert await numbers(project_uuid="project-3", since=START + timedelta(seconds=13)) == [
            23,
            13,
        ]
        assert await numbers(actor="user-3", until=START + timedelta(seconds=13)) == [3]
        assert await numbers(action="b") == [0]
        assert await numbers(actor_uuid="v") == [0]
        assert await numbers(action="b", actor="user-1") == []
        assert await numbers(resource="/projects/P/topics/t7") == [27, 17, 7]
        assert await numbers(resource="/projects/P/topics/") == []
        assert len(await numbers(resource_prefix="/projects/P/topics/")) == 30
        assert await numbers(resource_prefix="/users/") == [0]
        assert await numbers(resource_prefix="/projects/P/topics/%") == []

    async def test_the_size_of_a_page_is_bounded(self, store: Store) -> None:
        await insert(store, audit.MAX_PAGE_SIZE + 1)
        for size, expected in ((0, 1), (-1, 1), (10**9, audit.MAX_PAGE_SIZE)):
            page = await audit.list_page(store, page_size=size)
            assert len(page.items) == expected
            assert page.next_id is not None


class TestPrune:
    async def test_old_entries_go_and_paging_goes_on(self, store: Store) -> None:
        await insert(store, 2500)
        page = await audit.list_page(store, page_size=1000)
        cutoff = START + timedelta(seconds=2000)
        assert await audit.prune(store, cutoff) == 2000
        left = await audit.list_page(store, page_size=1000)
        assert (len(left.items), left.items[-1].at) == (500, cutoff)
        after = await audit.list_page(store, page_size=1000, from_id=page.next_id)
        assert (after.items, after.next_id) == ((), None)
        assert await audit.prune(store, cutoff) == 0


async def test_each_page_of_a_long_trail_takes_as_long_as_the_first(
    roomy_store: Store, statements: Statements
) -> None:
    store = roomy_store
    await insert(store, 100_000)
    loop = asyncio.get_running_loop()
    cases: tuple[dict[str, Any], ...] = (
        {},
        {"actor": "user-3"},
        {"project_uuid": "project-3"},
        {"action": "a"},
        {"resource": "/projects/P/topics/t3"},
        {"until": START + timedelta(seconds=50_000)},
        {"action": "a", "since": START + timedelta(seconds=10), "project_uuid": "project-3"},
    )
    for filters in cases:
        # Deep in: what lies between is skipped, as if it had been paged through.
        deep = {**filters, "until": START + timedelta(seconds=5_000)}
        found = (await audit.list_page(store, page_size=1, **deep)).items[0].id

        async def seconds(from_id: int | None, filters: dict[str, Any] = filters) -> float:
            times = []
            for _ in range(3):
                begun = loop.time()
                with statements:
                    page = await audit.list_page(store, page_size=20, from_id=from_id, **filters)
                times.append(loop.time() - begun)
                assert len(page.items) == 20
                assert statements.count <= 2
            return min(times)

        first, last = await seconds(None), await seconds(found)
        assert last < 5 * first + 0.05, filters
