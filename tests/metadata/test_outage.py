"""A database that goes away is missed for as long as it is away, and no longer."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from ams.auth.tokens import digest
from ams.metadata import projects
from ams.metadata.cache import TRUST_SECONDS, Catalog
from ams.metadata.migrate import migrate
from ams.metadata.models import Project
from ams.metadata.store import Store
from ams.service import mysql
from ams.service.errors import Unavailable
from ams.service.settings_sections import DatabaseSettings
from tests.eventually import eventually
from tests.mariadb import MariaDB
from tests.metadata.make import make_project, make_topic, make_user, token_of

#: Short, so that the tests are; long enough for a slow machine's writes while all is well.
TIMEOUT_SECONDS = 1.5
#: What a machine with other things to do may take on top.
GRACE_SECONDS = 1.0
#: More than there are connections.
MANY = 12
POOL_SIZE = 3


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    """A server of our own, because it suffers."""
    with MariaDB() as server:
        yield server


@pytest_asyncio.fixture
async def store(server: MariaDB) -> AsyncIterator[Store]:
    settings = DatabaseSettings(url=server.create_database(), pool_size=POOL_SIZE)
    await migrate(settings)
    hasty = settings.model_copy(update={"timeout_seconds": TIMEOUT_SECONDS})
    async with Store(hasty) as store:
        yield store


async def fails_in_time(work: Callable[[], Awaitable[object]]) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable) as outage:
        await work()
    assert time.monotonic() - started < TIMEOUT_SECONDS + GRACE_SECONDS
    assert outage.value.message == "Database is unavailable, try again later"
    assert outage.value.headers == {"Retry-After": "1"}


async def everything_fails_in_time(store: Store) -> None:
    """Reads and writes, many at once, twice: what one leaves behind must not hold up others."""
    for turn in range(2):
        works: list[Callable[[], Awaitable[object]]] = [
            *[partial(projects.get, store, "DEMO")] * MANY,
            *[partial(make_project, store, f"LOST{turn}")] * MANY,
        ]
        await asyncio.gather(*(fails_in_time(work) for work in works))


async def everything_works(store: Store, name: str) -> None:
    """On all connections of the pool."""
    await asyncio.gather(*(make_project(store, f"{name}-{number}") for number in range(MANY)))
    await asyncio.gather(*(projects.get(store, f"{name}-{number}") for number in range(MANY)))


async def test_a_killed_server_is_missed_until_it_is_back(server: MariaDB, store: Store) -> None:
    await everything_works(store, "before")
    server.kill()
    await everything_fails_in_time(store)
    server.start()
    await everything_works(store, "after")


async def test_a_hanging_server_is_missed_until_it_goes_on(server: MariaDB, store: Store) -> None:
    await everything_works(store, "before")
    server.pause()
    try:
        await everything_fails_in_time(store)
    finally:
        server.resume()
    await everything_works(store, "after")


async def test_a_server_that_hangs_before_the_first_connection_is_missed_too(
    server: MariaDB, store: Store
) -> None:
    server.pause()
    try:
        await everything_fails_in_time(store)
    finally:
        server.resume()
    await everything_works(store, "after")


async def test_a_restarted_server_is_not_missed_at_all(
    server: MariaDB, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An empty server restarts faster than one with anything in it.
    monkeypatch.setattr(mysql, "TRY_SECONDS", 0.0)
    await everything_works(store, "before")
    server.restart()
    await everything_works(store, "after")


async def test_a_server_that_is_killed_under_load_is_found_again(
    server: MariaDB, store: Store
) -> None:
    made: list[str] = []
    stop = asyncio.Event()

    async def work(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                await make_project(store, f"w{worker}-{number}")
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                made.append(f"w{worker}-{number}")

    workers = [asyncio.create_task(work(number)) for number in range(MANY)]
    await eventually(lambda: len(made) > MANY)
    server.restart()
    before = len(made)
    await eventually(lambda: len(made) > before + MANY)
    stop.set()
    await asyncio.gather(*workers)
    # What was answered is there.
    assert set(made) <= {project.name for project in await projects.list_all(store)}


async def test_transactions_that_the_server_ends_leave_the_pool_whole(
    server: MariaDB, store: Store
) -> None:
    for turn in range(4):
        begun = asyncio.Semaphore(0)
        killed = asyncio.Event()

        async def work(begun: asyncio.Semaphore, killed: asyncio.Event) -> None:
            await Project.all().count()
            begun.release()
            await killed.wait()
            await Project.all().count()

        works = [
            asyncio.create_task(store.database.transaction(partial(work, begun, killed)))
            for _ in range(POOL_SIZE)
        ]
        for _ in works:
            await begun.acquire()
        for connection in server.execute(
            "SELECT id FROM information_schema.processlist WHERE user = 'ams'"
        ).split():
            server.execute(f"KILL {connection}")
        killed.set()
        results = await asyncio.gather(*works, return_exceptions=True)
        assert {type(result) for result in results} == {Unavailable}
        await everything_works(store, f"turn-{turn}")


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    server: MariaDB, store: Store
) -> None:
    with structlog.testing.capture_logs() as entries:
        server.kill()
        for _ in range(3):
            await fails_in_time(store.ping)
        server.start()
        await store.ping()
        await store.ping()
    assert [entry["event"] for entry in entries] == [
        "database is unavailable",
        "database is back",
    ]
    assert "secret" not in str(entries)


async def test_memory_carries_requests_over_a_short_outage(server: MariaDB, store: Store) -> None:
    now = 0.0
    catalog = Catalog(store, clock=lambda: now)
    project = await make_project(store)
    topic = await make_topic(store, project)
    user = await make_user(store, "user", project, "publisher")
    token = digest(token_of("user"))
    await catalog.poll()
    await catalog.project("DEMO")
    await catalog.topic(project.id, "news")
    await catalog.caller(token)
    server.pause()
    try:
        await fails_in_time(catalog.poll)
        now = TRUST_SECONDS - 0.01
        assert (await catalog.topic(project.id, "news")) == topic
        caller = await catalog.caller(token)
        assert caller is not None
        assert caller.user_id == user.id
        assert await catalog.role_grants() is catalog.role_grants_cached()
        now = TRUST_SECONDS
        await fails_in_time(lambda: catalog.project("DEMO"))
        await fails_in_time(lambda: catalog.topic(project.id, "news"))
        await fails_in_time(lambda: catalog.caller(token))
        await fails_in_time(catalog.role_grants)
    finally:
        server.resume()
    assert await catalog.topic(project.id, "news") == topic
    await catalog.poll()
    assert catalog.topic_cached(project.id, "news") == topic


async def test_a_sqlite_file_that_is_locked_for_too_long_is_missed_until_it_is_free(
    tmp_path: Path,
) -> None:
    settings = DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db")
    await migrate(settings)
    hasty = settings.model_copy(update={"timeout_seconds": TIMEOUT_SECONDS})
    with sqlite3.connect(tmp_path / "ams.db") as locker:
        async with Store(hasty) as store:
            await make_project(store)
            locker.execute("BEGIN EXCLUSIVE")
            for _ in range(2):
                await fails_in_time(lambda: make_project(store, "LOST"))
                assert (await projects.get(store, "DEMO")).name == "DEMO"
            locker.rollback()
            await everything_works(store, "after")
            assert "LOST" not in {project.name for project in await projects.list_all(store)}
    locker.close()


async def test_a_sqlite_file_that_can_not_be_opened_is_missed_until_it_can(tmp_path: Path) -> None:
    settings = DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db")
    await migrate(settings)
    hasty = settings.model_copy(update={"timeout_seconds": TIMEOUT_SECONDS})
    (tmp_path / "ams.db").rename(tmp_path / "moved.db")
    (tmp_path / "ams.db").mkdir()
    async with Store(hasty) as store:
        for _ in range(3):
            await asyncio.gather(*(fails_in_time(store.ping) for _ in range(3)))
        (tmp_path / "ams.db").rmdir()
        (tmp_path / "moved.db").rename(tmp_path / "ams.db")
        await everything_works(store, "after")
