"""A broker with workers that push, and endpoints to push to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ams.messages import keys
from tests.api.client import Project
from tests.certificates import RECEIVER_HOST, Certificates
from tests.mariadb import MariaDB
from tests.node import Node
from tests.push.endpoints import OTHER_HOST, Endpoints, run_endpoints
from tests.push.workers import PushWorker
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.servers import FSYNC, RedisServer

#: How long the workers count as alive that have said so, in seconds, if a test says nothing else.
LEASE_SECONDS = 2.0
#: Longest time for a request to a receiver, in seconds.
TIMEOUT_SECONDS = 4.0
#: Runs a test on each kind of database; by default there is SQLite.
ON_EACH_DATABASE = pytest.mark.parametrize(
    "database", [None, "mariadb"], ids=["sqlite", "mariadb"], indirect=True
)


class Pushing:
    """A broker and its Redis, to which a test adds workers."""

    def __init__(self, node: Node, redis: RedisServer) -> None:
        self.node = node
        self.redis = redis
        self.workers: list[PushWorker] = []

    async def add_worker(self, lease_seconds: float = LEASE_SECONDS) -> PushWorker:
        """Starts one more worker."""
        worker = PushWorker(self.node, lease_seconds)
        self.workers.append(worker)
        return await worker.start()

    def kill_workers(self) -> None:
        """Ends all workers."""
        for worker in self.workers:
            worker.process.kill()
        self.workers.clear()

    async def close(self) -> None:
        self.kill_workers()
        await self.node.close()


@pytest.fixture(scope="session")
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Makes an empty database; gives its URL."""
    if getattr(request, "param", None) is None:
        return lambda: f"sqlite://{tmp_path_factory.mktemp('database')}/ams.db"
    mariadb: MariaDB = request.getfixturevalue("mariadb")
    return mariadb.create_database


async def _start(
    folder: Path, certificates: Certificates, redis: RedisServer, database_url: str
) -> Pushing:
    node = Node(
        folder,
        certificates,
        {
            "redis": {"url": redis.url, "timeout_seconds": 1.0},
            "database": {"url": database_url},
            "push": {"enabled": True, "worker_token": WORKER_TOKEN},
            "outgoing": {
                "allow_private_addresses": [RECEIVER_HOST, OTHER_HOST],
                "ca_file": str(certificates.ca),
                "timeout_seconds": TIMEOUT_SECONDS,
            },
        },
    )
    node.migrate()
    await add_push_worker(node)
    await node.start()
    return Pushing(node, redis)


@pytest_asyncio.fixture(scope="session")
async def without_workers(
    redis_binary: Path,
    certificates: Certificates,
    database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Pushing]:
    """A broker without workers."""
    with RedisServer(redis_binary, **FSYNC) as redis:
        folder = tmp_path_factory.mktemp("pushing")
        pushing = await _start(folder, certificates, redis, database())
        try:
            yield pushing
        finally:
            await pushing.close()


@pytest_asyncio.fixture
async def pushing(without_workers: Pushing) -> AsyncIterator[Pushing]:
    """The same, to which a test adds workers; nothing is pushed yet."""
    yield without_workers
    without_workers.kill_workers()
    async with Redis.from_url(without_workers.redis.url) as redis:
        await redis.delete(keys.PUSHERS)  # The next test need not wait until they count as dead.


@pytest_asyncio.fixture
async def place(pushing: Pushing) -> AsyncIterator[Project]:
    """A project with topic `t` where nobody pushes yet."""
    project = await Project.create(pushing.node)
    await project.topic("t")
    yield project
    await project.remove()


@pytest_asyncio.fixture(scope="session")
async def shared(
    redis_binary: Path,
    certificates: Certificates,
    database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Pushing]:
    """The same with two workers, shared by tests that leave it as it was."""
    with RedisServer(redis_binary, **FSYNC) as redis:
        folder = tmp_path_factory.mktemp("pushing")
        pushing = await _start(folder, certificates, redis, database())
        try:
            await asyncio.gather(pushing.add_worker(), pushing.add_worker())
            yield pushing
        finally:
            await pushing.close()


@pytest_asyncio.fixture
async def project(shared: Pushing) -> AsyncIterator[Project]:
    """A project with topic `t` where two workers push."""
    project = await Project.create(shared.node)
    await project.topic("t")
    yield project
    await project.remove()


@pytest_asyncio.fixture
async def endpoints(certificates: Certificates) -> AsyncIterator[Endpoints]:
    """The receivers of a test."""
    async with run_endpoints(certificates) as endpoints:
        yield endpoints
