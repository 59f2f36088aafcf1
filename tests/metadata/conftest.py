"""A store on SQLite, and one on MariaDB: what holds must hold on both."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio
from tortoise.log import db_client_logger

from ams.metadata.cache import Catalog
from ams.metadata.migrate import migrate
from ams.metadata.models import (
    AuditRow,
    ChangeRow,
    Node,
    Project,
    Registration,
    RoleGrant,
    User,
)
from ams.metadata.records import Change, ProjectRecord, TopicRecord, UserRecord
from ams.metadata.store import Store
from ams.service.database import Database
from ams.service.errors import Unavailable
from ams.service.settings_sections import DatabaseSettings
from tests.mariadb import MariaDB
from tests.metadata.make import make_project, make_topic, make_user


class Listener:
    """Hears what a store tells after its commits."""

    def __init__(self) -> None:
        self.heard: list[list[Change]] = []
        self.error: Exception | None = None

    async def __call__(self, changes: list[Change]) -> None:
        self.heard.append(changes)
        if self.error is not None:
            raise self.error

    @property
    def last(self) -> list[Change]:
        return self.heard[-1]


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_settings(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> DatabaseSettings:
    """A database without tables."""
    if dialect == "sqlite":
        return DatabaseSettings(url=f"sqlite://{tmp_path}/empty.db")
    server: MariaDB = request.getfixturevalue("mariadb")
    return DatabaseSettings(url=server.create_database())


@pytest_asyncio.fixture(scope="session")
async def settings(
    dialect: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> DatabaseSettings:
    """A database with tables."""
    if dialect == "sqlite":
        url = f"sqlite://{tmp_path_factory.mktemp('database')}/ams.db"
    else:
        server: MariaDB = request.getfixturevalue("mariadb")
        url = server.create_database()
    settings = DatabaseSettings(url=url)
    await migrate(settings)
    return settings


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest_asyncio.fixture
async def store(settings: DatabaseSettings, listener: Listener) -> AsyncIterator[Store]:
    """A store with nothing in it, whose changes `listener` hears."""
    async with Store(settings, listener) as store:

        async def wipe() -> None:
            for model in (Project, User, RoleGrant, ChangeRow, Registration, AuditRow, Node):
                await model.all().delete()

        await store.database.transaction(wipe)
        yield store


@pytest_asyncio.fixture
async def other_store(settings: DatabaseSettings, store: Store) -> AsyncIterator[Store]:
    """Another node's store on the same database; nobody hears of its changes."""
    del store  # It must be there first, because it wipes.
    async with Store(settings) as other:
        yield other


@pytest_asyncio.fixture
async def roomy_store(empty_settings: DatabaseSettings) -> AsyncIterator[Store]:
    """A store with a database of its own, for more rows than others should have to wipe."""
    settings = empty_settings.model_copy(update={"timeout_seconds": 60.0})
    await migrate(settings)
    async with Store(settings) as store:
        yield store


@pytest_asyncio.fixture
async def project(store: Store) -> ProjectRecord:
    return await make_project(store)


class Statements:
    """The SQL of what runs in a `with`."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __enter__(self) -> Self:
        self._caplog.clear()
        self._caplog.set_level("DEBUG", logger=db_client_logger.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._caplog.set_level("INFO", logger=db_client_logger.name)

    @property
    def count(self) -> int:
        return sum(record.name == db_client_logger.name for record in self._caplog.records)


@pytest.fixture
def statements(caplog: pytest.LogCaptureFixture) -> Statements:
    return Statements(caplog)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Outage:
    """Makes SQL appear to be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def begin(self) -> None:
        def fail(*_: object) -> None:
            raise Unavailable("away")

        self._monkeypatch.setattr(Database, "reading", fail)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


@pytest_asyncio.fixture
async def catalog(store: Store, clock: Clock) -> Catalog:
    """Looked at the table of changes just now; will do so again if told to."""
    catalog = Catalog(store, clock=clock)
    await catalog.poll()
    return catalog


@pytest_asyncio.fixture
async def topic(store: Store, project: ProjectRecord) -> TopicRecord:
    return await make_topic(store, project)


@pytest_asyncio.fixture
async def user(store: Store, project: ProjectRecord) -> UserRecord:
    return await make_user(store, "user", project, "publisher")
