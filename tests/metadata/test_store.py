"""What happens around a transaction: others are told, failures are sorted, time is bounded."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest
import structlog

from ams.metadata import projects, topics
from ams.metadata.models import ChangeRow, Project
from ams.metadata.records import Change, ProjectRecord
from ams.metadata.store import Changes, Store
from ams.service.database import Database, DatabaseError
from ams.service.errors import AlreadyExists, Forbidden, Unavailable
from ams.service.settings_sections import DatabaseSettings
from tests.eventually import eventually
from tests.metadata.conftest import Listener
from tests.metadata.make import make_project, make_topic


async def logged(store: Store) -> list[Change]:
    """What is in the table of changes."""
    async with store.database.reading():
        rows = await ChangeRow.all().order_by("id")
    return [Change(row.kind, row.uuid, row.topic_uuid, row.epoch) for row in rows]  # type: ignore[arg-type] # a kind


@contextlib.contextmanager
def log_of() -> Iterator[list[str]]:
    """The events that are logged meanwhile."""
    events: list[str] = []
    with structlog.testing.capture_logs() as entries:
        yield events
    events += [entry["event"] for entry in entries]


class TestAfterCommit:
    async def test_what_is_told_is_what_is_logged(self, store: Store, listener: Listener) -> None:
        project = await make_project(store)
        topic = await make_topic(store, project)
        await topics.delete(store, topic)
        await projects.delete(store, project.id)
        assert await logged(store) == [change for changes in listener.heard for change in changes]

    async def test_a_listener_that_fails_undoes_nothing(
        self, store: Store, listener: Listener
    ) -> None:
        listener.error = OSError("no Redis")
        with log_of() as events:
            project = await make_project(store)
        assert await projects.get(store, "DEMO") == project
        assert await logged(store) == listener.last
        assert events == ["others were not told of a change; they will read it"]

    async def test_nobody_is_told_of_what_was_not_committed(
        self, store: Store, listener: Listener
    ) -> None:
        await make_project(store)
        heard = len(listener.heard)
        with pytest.raises(AlreadyExists):
            await make_project(store)

        async def refuse(changes: Changes) -> None:
            changes.append(Change("project", "x", None, 0))
            await Project.all().delete()
            raise Forbidden

        with pytest.raises(Forbidden):
            await store.write(refuse)
        assert len(listener.heard) == heard
        assert len(await logged(store)) == 1
        assert (await projects.get(store, "DEMO")).name == "DEMO"

    async def test_a_caller_who_goes_away_keeps_nobody_from_being_told(
        self, settings: DatabaseSettings, store: Store
    ) -> None:
        begun, finish, told = asyncio.Event(), asyncio.Event(), []

        async def slow_listener(changes: list[Change]) -> None:
            begun.set()
            await finish.wait()
            told.append(changes)

        async with Store(settings, slow_listener) as slow_store:
            making = asyncio.create_task(make_project(slow_store))
            await begun.wait()
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making
            asyncio.get_running_loop().call_later(0.05, finish.set)
        # Closing the store waited for it.
        assert len(told) == 1
        assert (await projects.get(store, "DEMO")).name == "DEMO"


class TestTransaction:
    async def test_one_that_loses_against_another_is_done_again(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        """Each locks what the other one wants; one of them is a deadlock's victim."""
        other = await make_project(store, "OTHER")
        done: list[str] = []

        async def swap(name: str, first: int, second: int) -> None:
            await Project.filter(id=first).update(description=name)
            await asyncio.sleep(0.05)
            await Project.filter(id=second).update(description=name)
            done.append(name)

        ids = (project.id, other.id)
        await asyncio.gather(
            store.database.transaction(lambda: swap("a", *ids)),
            other_store.database.transaction(lambda: swap("b", *reversed(ids))),
        )
        assert set(done) == {"a", "b"}
        texts = {record.description for record in await projects.list_all(store)}
        assert len(texts) == 1

    async def test_changes_are_told_once_although_the_work_ran_twice(
        self, store: Store, listener: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = 0
        failure = Database._failure
        contended = RuntimeError("contended")

        async def work(changes: Changes) -> None:
            nonlocal runs
            runs += 1
            changes.append(Change("project", "x", None, 0))
            if runs == 1:
                raise contended

        def classify(self: Database, exc: Exception) -> object:
            from ams.service.failures import Failure

            return Failure.CONTENTION if exc is contended else failure(self, exc)

        monkeypatch.setattr(Database, "_failure", classify)
        await store.write(work)
        assert runs == 2
        assert await logged(store) == listener.last == [Change("project", "x", None, 0)]

    async def test_waiting_for_another_ones_lock_ends_in_time(
        self, settings: DatabaseSettings, store: Store, project: ProjectRecord
    ) -> None:
        locked, release = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            await Project.filter(id=project.id).update(description="held")
            locked.set()
            await release.wait()

        impatient = settings.model_copy(update={"timeout_seconds": 1.0})
        async with Store(impatient) as other:
            holding = asyncio.create_task(store.database.transaction(hold))
            await locked.wait()
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await projects.delete(other, project.id)
            assert time.monotonic() - started < 2.5
            # Reading goes on meanwhile, and shows what is committed.
            assert (await projects.get(other, "DEMO")).description == ""
            release.set()
            await holding
            await projects.delete(other, project.id)

    async def test_one_that_runs_out_of_time_leaves_no_lock_behind(
        self, settings: DatabaseSettings, store: Store, project: ProjectRecord
    ) -> None:
        async def dawdle() -> None:
            await Project.filter(id=project.id).update(description="never")
            await asyncio.sleep(60)

        impatient = settings.model_copy(update={"timeout_seconds": 1.0, "pool_size": 2})
        async with Store(impatient) as other:
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await other.database.transaction(dawdle)
            assert (await projects.get(other, "DEMO")).description == ""
            await projects.delete(other, project.id)

    async def test_one_that_is_cancelled_leaves_no_lock_behind(
        self, store: Store, other_store: Store, project: ProjectRecord
    ) -> None:
        begun = asyncio.Event()

        async def dawdle() -> None:
            await Project.filter(id=project.id).update(description="never")
            begun.set()
            await asyncio.sleep(60)

        for _ in range(20):
            begun.clear()
            task = asyncio.create_task(store.database.transaction(dawdle))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await projects.get(store, "DEMO")).description == ""
        await projects.delete(other_store, project.id)

    async def test_statements_that_are_cancelled_at_any_time_do_no_harm(
        self, store: Store, project: ProjectRecord
    ) -> None:
        for number in range(60):
            task = asyncio.create_task(make_topic(store, project, f"t{number}"))
            await asyncio.sleep(number * 0.0002)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*(topics.list_page(store, project.id) for _ in range(20)))
        await make_topic(store, project)

    async def test_a_mistake_in_sql_is_not_taken_for_an_outage(self, store: Store) -> None:
        async def wrong() -> None:
            async with store.database.reading() as client:
                await client.execute_query("SELECT id FROM nowhere")

        with pytest.raises(Exception, match="nowhere") as failure:
            await wrong()
        assert not isinstance(failure.value, Unavailable)


async def test_many_at_once_share_the_connections(store: Store, project: ProjectRecord) -> None:
    await asyncio.gather(*(make_topic(store, project, f"t{number}") for number in range(40)))
    pages = await asyncio.gather(*(topics.list_page(store, project.id) for _ in range(40)))
    assert {page.total for page in pages} == {40}


async def test_a_reader_sees_what_another_node_has_just_committed(
    store: Store, other_store: Store
) -> None:
    assert await projects.list_all(other_store) == []
    for number in range(10):
        await make_project(store, f"P{number}")
        assert len(await projects.list_all(other_store)) == number + 1


async def test_a_store_that_was_closed_leaves_no_task_behind(settings: DatabaseSettings) -> None:
    before = asyncio.all_tasks()
    async with Store(settings) as store:
        await store.ping()
    await eventually(lambda: asyncio.all_tasks() <= before)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://relative.db",
        "sqlite:///a.db?mode=ro",
        "mysql://ams:hunter2@localhost",
        "mysql://localhost/ams",
        "mysql://ams:hunter2@localhost:port/ams",
        "mysql://ams:hunter2@localhost/ams?charset=latin1",
        "mysql:///ams",
    ],
)
def test_an_address_that_makes_no_sense_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"database\.url") as refusal:
        Store(DatabaseSettings(url=url))
    assert "hunter2" not in str(refusal.value)
