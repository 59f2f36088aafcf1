"""A message log on every kind of Redis that AMS runs on."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ams.messages.log import MessageLog
from tests.messages.logs import OpenLog, open_log
from tests.servers import RedisCluster, RedisServer

#: Fixtures of the servers on which the log must behave in the same way.
SERVERS = [
    pytest.param("redis_server", id="redis-7"),
    pytest.param("embedded_redis", id="redis-6.2"),
    pytest.param("redis_cluster", id="cluster"),
]


@pytest.fixture(params=SERVERS)
def any_redis(request: pytest.FixtureRequest) -> RedisServer | RedisCluster:
    """Each kind of Redis in turn; others use it too, so make topics of your own."""
    server: RedisServer | RedisCluster = request.getfixturevalue(request.param)
    return server


@pytest_asyncio.fixture
async def opened(any_redis: RedisServer | RedisCluster) -> AsyncIterator[OpenLog]:
    """A log on each kind of Redis, and its client."""
    async with open_log(any_redis.url) as opened:
        yield opened


@pytest.fixture
def log(opened: OpenLog) -> MessageLog:
    """A log on each kind of Redis."""
    return opened.log
