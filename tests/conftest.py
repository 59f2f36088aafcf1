"""The parts that tests share: real servers, and brokers that use them."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import hypothesis
import pytest
import pytest_asyncio
from xdist.remote import Producer

from tests.certificates import RECEIVER_HOST, Certificates, make_certificates
from tests.mariadb import MariaDB
from tests.node import Node
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.servers import (
    FSYNC,
    MissingPart,
    RedisCluster,
    RedisSentinel,
    RedisServer,
    installed_redis,
    wheel_redis,
)
from tests.sharing import ByServers

T = TypeVar("T")

# How long an example takes says more of what else the machine does.
hypothesis.settings.register_profile("unhurried", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServers:
    """What shares the tests out among the processes that run them."""
    return ByServers(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """A process more than cores, because each waits for its servers now and then."""
    return len(os.sched_getaffinity(0)) + 1


def needed(find: Callable[[], T]) -> T:
    """A part that tests need. Without it they are skipped; where all must be there, they fail."""
    try:
        return find()
    except MissingPart as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def redis_binary() -> Path:
    """Redis 7 or newer of this machine; for tests that start a server of their own."""
    return needed(installed_redis)


@pytest.fixture(scope="session")
def redis_server(redis_binary: Path) -> Iterator[RedisServer]:
    """Redis 7 or newer, with nothing but what tests leave in it; no broker uses it."""
    with RedisServer(redis_binary) as server:
        yield server


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> RedisServer:
    """The same, emptied."""
    redis_server.flush()
    return redis_server


@pytest.fixture(scope="session")
def embedded_redis() -> Iterator[RedisServer]:
    """Redis 6.2, as `ams up` runs it where no other is installed."""
    with RedisServer(needed(wheel_redis)) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(redis_binary: Path) -> Iterator[RedisCluster]:
    """Three masters."""
    with RedisCluster(redis_binary) as cluster:
        yield cluster


@pytest.fixture
def redis_sentinel(redis_binary: Path) -> Iterator[RedisSentinel]:
    """A master, a replica and a Sentinel; new for each test, because a failover is for good."""
    with RedisSentinel(redis_binary) as sentinel:
        yield sentinel


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """MariaDB; `mariadb.create_database()` gives the URL of a new, empty database."""
    with needed(MariaDB) as server:
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate for localhost and 127.0.0.1, and the authority that signed it."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class StartNode(Protocol):
    """Starts a broker; keywords are sections of settings: `messages={"durability": "memory"}`.

    Nodes of one test share a Redis and an SQLite database, unless their settings say otherwise.
    """

    def __call__(self, **sections: dict[str, object]) -> Awaitable[Node]: ...


@pytest_asyncio.fixture
async def start_node(
    tmp_path: Path, redis_binary: Path, certificates: Certificates
) -> AsyncIterator[StartNode]:
    """A factory of brokers that end with the test."""
    async with AsyncExitStack() as closing:
        shared = ExitStack()
        closing.callback(shared.close)
        own_redis: list[RedisServer] = []
        nodes = 0

        async def start(**sections: dict[str, object]) -> Node:
            nonlocal nodes
            nodes += 1
            if "url" not in sections.get("redis", {}):
                if not own_redis:
                    own_redis.append(shared.enter_context(RedisServer(redis_binary, **FSYNC)))
                sections["redis"] = {"url": own_redis[0].url, **sections.get("redis", {})}
            sections["database"] = {
                "url": f"sqlite://{tmp_path}/ams.db",
                **sections.get("database", {}),
            }
            folder = tmp_path / f"node-{nodes}"
            folder.mkdir()
            node = Node(folder, certificates, sections)
            closing.push_async_callback(node.close)
            node.migrate()
            return await node.start()

        yield start


@asynccontextmanager
async def shared_node(
    folder: Path,
    redis_binary: Path,
    certificates: Certificates,
    database_url: str,
    *,
    pushes: bool = False,
) -> AsyncIterator[Node]:
    """A broker with a Redis of its own."""
    sections: dict[str, dict[str, object]] = {"database": {"url": database_url}}
    if pushes:
        sections["push"] = {"enabled": True, "worker_token": WORKER_TOKEN}
        sections["outgoing"] = {
            "allow_private_addresses": [RECEIVER_HOST],
            "ca_file": str(certificates.ca),
        }
    with RedisServer(redis_binary, **FSYNC) as redis:
        node = Node(folder, certificates, {**sections, "redis": {"url": redis.url}})
        try:
            node.migrate()
            if pushes:
                await add_push_worker(node)
            yield await node.start()
        finally:
            await node.close()


@pytest_asyncio.fixture(scope="session")
async def node(
    redis_binary: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """A broker on Redis and SQLite, shared by all tests that leave it as it was: make a project."""
    folder = tmp_path_factory.mktemp("node")
    url = f"sqlite://{folder}/ams.db"
    async with shared_node(folder, redis_binary, certificates, url) as node:
        yield node


@pytest_asyncio.fixture(scope="session")
async def push_node(
    redis_binary: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """A broker with push, shared as `node` is; receivers are at `RECEIVER_HOST`."""
    folder = tmp_path_factory.mktemp("push_node")
    url = f"sqlite://{folder}/ams.db"
    async with shared_node(folder, redis_binary, certificates, url, pushes=True) as node:
        yield node


@pytest_asyncio.fixture(scope="session")
async def two_nodes(
    redis_binary: Path,
    mariadb: MariaDB,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Node, Node]]:
    """Two brokers on the same Redis and MariaDB, shared as `node` is."""
    sections = {"database": {"url": mariadb.create_database()}}
    with RedisServer(redis_binary, **FSYNC) as redis:
        sections["redis"] = {"url": redis.url}
        first, second = (
            Node(tmp_path_factory.mktemp("node"), certificates, sections) for _ in range(2)
        )
        try:
            first.migrate()
            yield await first.start(), await second.start()
        finally:
            await first.close()
            await second.close()
