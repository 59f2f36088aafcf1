"""What is told of the servers of a Redis Cluster, and of replicas."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from ams.service.errors import Unavailable
from ams.service.redis import close_redis, open_redis
from ams.service.settings_sections import RedisSettings
from metrics import families
from metrics.lines import Lines
from metrics.redis_servers import add_servers
from tests.exporter import Figures
from tests.servers import RedisCluster, RedisSentinel


async def figures_of(url: str, interrupt: Callable[[], None] = lambda: None) -> Figures:
    """What is told, after something has happened once all was well."""
    client = open_redis(RedisSettings(url=url, timeout_seconds=1.0))
    try:
        await add_servers(Lines(), client)
        interrupt()
        lines = Lines()
        with suppress(Unavailable):
            await add_servers(lines, client)
    finally:
        await close_redis(client)
    return Figures("".join(text for _, text in lines.blocks(families.FAMILIES)))


async def test_each_primary_of_a_cluster_is_told(redis_cluster: RedisCluster) -> None:
    figures = await figures_of(redis_cluster.url)
    servers = [labels["server"] for labels in figures.labels("ams_redis_memory_used_bytes")]
    assert len(set(servers)) == 3
    assert all(server.startswith("127.0.0.1:") for server in servers)


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_a_primary_that_hangs_hides_no_other(
    redis_cluster: RedisCluster, number: int
) -> None:
    node = redis_cluster.nodes[number]
    try:
        figures = await figures_of(redis_cluster.url, node.pause)
    finally:
        node.resume()
        redis_cluster.wait()
    told = {labels["server"] for labels in figures.labels("ams_redis_memory_used_bytes")}
    others = {f"127.0.0.1:{each.port}" for each in redis_cluster.nodes if each is not node}
    assert told == others


async def test_a_replica_is_told_with_how_far_it_is_behind(redis_sentinel: RedisSentinel) -> None:
    figures = await figures_of(redis_sentinel.url)
    assert figures("ams_redis_connected_replicas", server="main") == 1
    (labels,) = figures.labels("ams_redis_replica_lag_bytes")
    assert labels["replica"].startswith("127.0.0.1:")
    assert 0 <= figures("ams_redis_replica_lag_bytes", **labels) < 10_000
