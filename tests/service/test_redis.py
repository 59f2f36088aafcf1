"""How services reach Redis, and which Redis they refuse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from ams.service.errors import InternalError, Unavailable
from ams.service.redis import (
    FULL,
    UNAVAILABLE,
    ConfigurationError,
    check_durability,
    close_redis,
    open_redis,
    redis_errors,
    service_error,
)
from ams.service.redis_url import Target, read_url
from ams.service.settings import SettingsError
from ams.service.settings_sections import MessagesSettings, RedisSettings
from tests import servers
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.servers import FSYNC, RedisSentinel, RedisServer

Client = Redis | RedisCluster
Open = Callable[..., Client]

MEMORY = MessagesSettings(durability="memory")
REPLICATED = MessagesSettings(durability="replicated")


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Open]:
    """Opens clients that are closed with the test."""
    clients: list[Client] = []

    def open_client(url: str, **settings: object) -> Client:
        values = {"url": url, "timeout_seconds": 1.0, **settings}
        clients.append(open_redis(RedisSettings.model_validate(values)))
        return clients[-1]

    yield open_client
    for client in clients:
        await close_redis(client)


async def works(client: Client) -> bool:
    with redis_errors():
        await client.set("{test}key", b"value")
        return bool(await client.get("{test}key") == b"value")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://h", Target(kind="redis", hosts=(("h", 6379),))),
        ("redis://[::1]:7/3", Target(kind="redis", hosts=(("::1", 7),), database=3)),
        (
            "redis://us%40er:p%3Aw@h",
            Target(kind="redis", hosts=(("h", 6379),), username="us@er", password="p:w"),
        ),
        ("rediss://:p@h", Target(kind="redis", tls=True, hosts=(("h", 6379),), password="p")),
        ("unix:///run/r.sock?db=2", Target(kind="unix", path="/run/r.sock", database=2)),
        (
            "redis+sentinel://:p@a:1,b/main/4",
            Target(
                kind="redis+sentinel",
                hosts=(("a", 1), ("b", 26379)),
                service="main",
                database=4,
                password="p",
            ),
        ),
        ("redis+cluster://a,b:8", Target(kind="redis+cluster", hosts=(("a", 6379), ("b", 8)))),
    ],
)
def test_url_says_where_redis_is(url: str, target: Target) -> None:
    assert read_url(RedisSettings(url=url)) == target


def test_url_goes_before_the_password_setting() -> None:
    assert read_url(RedisSettings(url="redis://:a@h", password="b")).password == "a"
    assert read_url(RedisSettings(url="redis://h", password="b")).password == "b"


@pytest.mark.parametrize(
    "url",
    [
        "redis://a,b",
        "redis://h/x",
        "redis://h:port",
        "unix://",
        "unix:///run/r.sock?database=2",
        "redis+sentinel://a",
        "redis+sentinel:///main",
        "redis+cluster://a/1",
    ],
)
def test_url_that_makes_no_sense_is_refused_without_repeating_it(url: str) -> None:
    secret = url.replace("://", "://:hidden@")
    with pytest.raises(SettingsError, match=r"^redis\.url: ") as refusal:
        read_url(RedisSettings(url=secret))
    assert "hidden" not in str(refusal.value)


async def test_single_server_is_reached(redis_server: RedisServer, connect: Open) -> None:
    assert await works(connect(redis_server.url))


async def test_server_is_reached_by_its_socket(redis_server: RedisServer, connect: Open) -> None:
    assert await works(connect(f"unix://{redis_server.socket}?db=1"))


async def test_server_is_reached_over_tls_if_its_ca_is_trusted(
    redis_binary: Path, certificates: Certificates, connect: Open
) -> None:
    with RedisServer(redis_binary, certificates=certificates, requirepass="secret") as server:
        trusting = connect(server.url, ca_file=str(certificates.ca), password="secret")
        assert await works(trusting)
        with pytest.raises(Unavailable):
            await works(connect(server.url, password="secret"))


async def test_cluster_is_reached_from_any_of_its_nodes(
    redis_cluster: servers.RedisCluster, connect: Open
) -> None:
    *_, last = redis_cluster.url.split(",")
    assert await works(connect(redis_cluster.url))
    assert await works(connect(f"redis+cluster://{last}"))


async def test_client_follows_sentinel_to_the_new_master(
    redis_sentinel: RedisSentinel, connect: Open
) -> None:
    client = connect(redis_sentinel.url)
    assert await works(client)
    redis_sentinel.fail_over()

    async def works_again() -> bool:
        try:
            return await works(client)
        except Unavailable:
            return False

    await eventually(works_again)


async def test_command_is_sent_once(empty_redis: RedisServer, connect: Open) -> None:
    """An append that is sent twice would be stored twice."""
    client = connect(empty_redis.url, timeout_seconds=0.2)
    await client.ping()
    empty_redis.pause()
    try:
        with pytest.raises(Unavailable), redis_errors():
            await client.incr("n")
    finally:
        empty_redis.resume()

    with empty_redis.client() as beside:
        await eventually(lambda: beside.get("n") == b"1")
        assert beside.info("commandstats")["cmdstat_incrby"]["calls"] == 1


async def test_client_recovers_when_its_server_is_back(redis_binary: Path, connect: Open) -> None:
    with RedisServer(redis_binary) as server:
        client = connect(server.url)
        assert await works(client)
        server.kill()
        with pytest.raises(Unavailable, match=UNAVAILABLE):
            await works(client)
        server.start()
        assert await works(client)


async def test_calls_beyond_the_pool_wait_for_a_connection(
    redis_server: RedisServer, connect: Open
) -> None:
    client = connect(redis_server.url)
    assert await asyncio.gather(*(client.ping() for _ in range(100))) == [True] * 100


async def test_full_store_is_a_503_that_says_so(redis_binary: Path, connect: Open) -> None:
    script = "return redis.call('set', KEYS[1], ARGV[1])"
    with RedisServer(redis_binary, maxmemory="1") as server:
        client = connect(server.url)
        with pytest.raises(Unavailable, match=FULL), redis_errors():
            await client.set("k", b"x")
        with pytest.raises(Unavailable, match=FULL), redis_errors():
            await client.eval(script, 1, "k", "x")


async def test_full_store_is_known_from_the_text_of_an_old_redis(
    embedded_redis: RedisServer, connect: Open
) -> None:
    client = connect(embedded_redis.url)
    await client.config_set("maxmemory", "1")
    try:
        with pytest.raises(Unavailable, match=FULL), redis_errors():
            await client.eval("return redis.call('set', KEYS[1], ARGV[1])", 1, "k", "x")
    finally:
        await client.config_set("maxmemory", "0")


async def test_store_that_is_read_only_is_unavailable(
    redis_sentinel: RedisSentinel, connect: Open
) -> None:
    client = connect(redis_sentinel.replica.url)
    with pytest.raises(Unavailable, match=UNAVAILABLE), redis_errors():
        await client.set("k", b"x")
    with pytest.raises(Unavailable, match=UNAVAILABLE), redis_errors():
        await client.eval("return redis.call('set', KEYS[1], ARGV[1])", 1, "k", "x")


async def test_refused_command_is_a_fault_of_ours(redis_server: RedisServer, connect: Open) -> None:
    client = connect(redis_server.url)
    with pytest.raises(NoScriptError), redis_errors():
        await client.evalsha("0" * 40, 0)
    assert isinstance(service_error(ResponseError("WRONGTYPE Operation ...")), InternalError)


@pytest.mark.parametrize(
    "reply",
    [
        "MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk",
        "NOREPLICAS Not enough good replicas to write.",
        "BUSY Redis is busy running a script.",
        "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write",
    ],
)
def test_reply_of_a_store_in_trouble_is_unavailable(reply: str) -> None:
    assert isinstance(service_error(ResponseError(reply)), Unavailable)


async def test_redis_that_syncs_every_write_is_accepted(redis_binary: Path, connect: Open) -> None:
    with RedisServer(redis_binary, **FSYNC) as server:
        await check_durability(connect(server.url), MessagesSettings())


async def test_redis_without_a_log_is_accepted_for_memory_only(
    redis_server: RedisServer, connect: Open
) -> None:
    client = connect(redis_server.url)
    await check_durability(client, MEMORY)
    with pytest.raises(ConfigurationError, match="set `appendonly yes`"):
        await check_durability(client, MessagesSettings())
    with pytest.raises(ConfigurationError, match="set `appendonly yes`"):
        await check_durability(client, REPLICATED)


async def test_redis_that_syncs_every_second_is_refused(redis_binary: Path, connect: Open) -> None:
    with (
        RedisServer(redis_binary, appendonly="yes") as server,
        pytest.raises(ConfigurationError, match="set `appendfsync always`"),
    ):
        await check_durability(connect(server.url), MessagesSettings())


async def test_redis_that_does_not_sync_while_it_rewrites_its_log_is_refused(
    redis_binary: Path, connect: Open
) -> None:
    with (
        RedisServer(redis_binary, **FSYNC, no_appendfsync_on_rewrite="yes") as server,
        pytest.raises(ConfigurationError, match="set `no-appendfsync-on-rewrite no`"),
    ):
        await check_durability(connect(server.url), MessagesSettings())


async def test_redis_that_evicts_is_refused(redis_binary: Path, connect: Open) -> None:
    with (
        RedisServer(redis_binary, maxmemory_policy="allkeys-lru") as server,
        pytest.raises(ConfigurationError, match="maxmemory-policy is allkeys-lru"),
    ):
        await check_durability(connect(server.url), MEMORY)


async def test_redis_with_too_few_replicas_is_refused(redis_binary: Path, connect: Open) -> None:
    with RedisSentinel(redis_binary, **FSYNC) as sentinel:
        await check_durability(connect(sentinel.url), REPLICATED)
        with pytest.raises(ConfigurationError, match="has 1 connected replicas"):
            await check_durability(
                connect(sentinel.url), MessagesSettings(durability="replicated", replicas=2)
            )


async def test_redis_that_hides_its_configuration_is_refused(
    redis_binary: Path, connect: Open
) -> None:
    with RedisServer(redis_binary, **FSYNC) as server:
        with server.client() as beside:
            beside.execute_command(
                "ACL", "SETUSER", "ams", "on", ">pw", "~*", "&*", "+@all", "-config"
            )
        client = connect(server.url, username="ams", password="pw")
        with pytest.raises(ConfigurationError, match="does not tell its appendfsync"):
            await check_durability(client, MessagesSettings())
        await check_durability(client, MEMORY)


async def test_every_primary_of_a_cluster_is_checked(
    redis_cluster: servers.RedisCluster, connect: Open
) -> None:
    client = connect(redis_cluster.url)
    await check_durability(client, MEMORY)
    with pytest.raises(ConfigurationError) as refusal:
        await check_durability(client, MessagesSettings())
    for node in redis_cluster.nodes:
        assert f"redis 127.0.0.1:{node.port}: appendonly is no" in str(refusal.value)
