"""A broker on each kind of database, and a project for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.api.client import Project, object_in
from tests.certificates import Certificates
from tests.conftest import shared_node
from tests.mariadb import MariaDB
from tests.node import Node


@pytest.fixture(scope="session", params=["sqlite", "mariadb"])
def dialect(request: pytest.FixtureRequest) -> str:
    """What kind of database the shared brokers use; first all tests run on the one."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes an empty database; gives its URL."""
    if dialect == "sqlite":
        return lambda: f"sqlite://{tmp_path_factory.mktemp('database')}/ams.db"
    mariadb: MariaDB = request.getfixturevalue("mariadb")
    return mariadb.create_database


@pytest_asyncio.fixture(scope="session")
async def node(
    redis_binary: Path,
    certificates: Certificates,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Node]:
    """A broker on each kind of database, shared by all tests that leave it as it was."""
    folder, url = tmp_path_factory.mktemp("node"), new_database()
    async with shared_node(folder, redis_binary, certificates, url) as node:
        yield node


@pytest_asyncio.fixture(scope="session")
async def push_node(
    redis_binary: Path,
    certificates: Certificates,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Node]:
    """The same, with push; receivers are at `RECEIVER_HOST`."""
    folder, url = tmp_path_factory.mktemp("push_node"), new_database()
    async with shared_node(folder, redis_binary, certificates, url, pushes=True) as node:
        yield node


@pytest_asyncio.fixture
async def project(node: Node) -> AsyncIterator[Project]:
    """A project of the test's own on the shared node."""
    project = await Project.create(node)
    yield project
    await project.remove()


@pytest_asyncio.fixture
async def queue(project: Project) -> Project:
    """A project with topic `t` and its subscription `s`."""
    await project.topic("t")
    await project.subscription("s", "t")
    return project


@pytest_asyncio.fixture
async def push_project(push_node: Node) -> AsyncIterator[Project]:
    """A project with topic `t` on the shared node that pushes."""
    project = await Project.create(push_node)
    await project.topic("t")
    yield project
    await project.remove()


@pytest_asyncio.fixture(scope="module")
async def push_place(push_node: Node) -> AsyncIterator[Project]:
    """Topic `t` and its subscription `taken`, for tests whose requests are refused."""
    project = await Project.create(push_node)
    await project.topic("t")
    await project.subscription("taken", "t")
    yield project
    await project.remove()


@pytest_asyncio.fixture(scope="session")
async def quiet(node: Node) -> AsyncIterator[Project]:
    """Topic `t` and subscription `s` without messages, for all tests whose requests are refused."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    yield project
    assert await project.offsets() == {"max": 0, "min": 0, "current": 0}
    await project.remove()


@pytest_asyncio.fixture(scope="module")
async def place(node: Node) -> AsyncIterator[Project]:
    """A project with a topic and a subscription, for all tests that break nothing in it."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    schema = {"type": "avro", "schema": {"type": "string"}}
    object_in(await project.request("POST", "/schemas/sc", json=schema))
    yield project
    assert object_in(await node.request("GET", "/healthz", token=None)) == {"status": "ok"}
    await project.remove()


@pytest.hookimpl(tryfirst=True)  # Before pytest groups tests by database.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the broker has logged is looked at when it has nothing more to log."""
    items.sort(key=lambda item: item.path.name == "test_log.py" and item.path.parent.name == "api")
