"""How services reach Redis: alone, behind Sentinel, or as a Redis Cluster.

    client = open_redis(settings.redis)
    with redis_errors():
        await client.ping()
    await close_redis(client)

A command is sent once. Nothing here repeats one after a failure, because nobody can tell whether
the first has been carried out.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, TypeAlias

from redis.asyncio import (
    BlockingConnectionPool,
    Connection,
    ConnectionPool,
    Redis,
    RedisCluster,
    Sentinel,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from ams.service.errors import InternalError, ServiceError, Unavailable
from ams.service.logs import get_logger
from ams.service.redis_url import Target, read_url
from ams.service.settings import SettingsError
from ams.service.settings_sections import MessagesSettings, RedisSettings

#: Connections of a process to one server at most. Calls that find none free wait for one.
MOST_CONNECTIONS = 16
#: A connection that has been idle for longer, in seconds, is tried before a command is sent on it.
HEALTH_CHECK_SECONDS = 15
#: The oldest Redis whose streams and scripts do what is needed.
OLDEST_VERSION: Final = (6, 2)
#: Longest wait for one Sentinel, in seconds: there are others to ask.
SENTINEL_SECONDS = 1.0

#: What redis-py raises; RedisClusterException is none of its RedisErrors.
REDIS_FAILURES: Final = (RedisError, RedisClusterException, OSError, TimeoutError)
#: What uvloop says in a RuntimeError of a connection that was lost before it was written to.
_LOST: Final = "the handler is closed"

UNAVAILABLE: Final = "Message store is unavailable, try again later"
FULL: Final = "Message store is full, try again later"
BROKEN: Final = "Message store has refused a command"

#: Replies of a server that can't do its work at present, though nothing is wrong with the command.
_PASSING_ERRORS: Final = (AskError, ClusterDownError, ReadOnlyError, TryAgainError)
#: The same, where redis-py has no class for them or they come out of a script of Redis 6.2, which
#: puts them somewhere in its text, behind a hyphen.
_PASSING_TEXT: Final = re.compile(
    r"(?:^|-)(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|READONLY|TRYAGAIN)\b"
)
_OUT_OF_MEMORY: Final = "OOM command not allowed"

log = get_logger()


class ConfigurationError(SettingsError):
    """Redis is not set up for what the settings promise."""


def open_redis(settings: RedisSettings) -> Redis | RedisCluster:
    """A client with a small pool of connections. Nothing is connected before the first command.

    Raises:
        SettingsError: the URL can't be read.
    """
    target = read_url(settings)
    # Any: these are handed to redis-py, each in a parameter of its own type.
    options: dict[str, Any] = _options(settings, target)
    match target.kind:
        case "redis+cluster":
            nodes = [ClusterNode(host, port) for host, port in target.hosts]
            if target.tls:
                options |= {"ssl": True, **_tls_options(settings)}
            # The limit is a node's, and no call waits for a free connection: hence it is higher.
            return RedisCluster(
                startup_nodes=nodes, max_connections=4 * MOST_CONNECTIONS, **options
            )
        case "redis+sentinel":
            return _open_sentinel(settings, target, options)
        case "unix":
            options |= {"connection_class": UnixDomainSocketConnection, "path": target.path}
        case _:
            ((host, port),) = target.hosts
            options |= {"connection_class": Connection, "host": host, "port": port}
            if target.tls:
                options |= {"connection_class": SSLConnection, **_tls_options(settings)}
    pool = BlockingConnectionPool(
        max_connections=MOST_CONNECTIONS,
        timeout=settings.timeout_seconds,
        db=target.database,
        **options,
    )
    return Redis.from_pool(pool)


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master that the Sentinels name; calls wait for a free one."""


def _open_sentinel(settings: RedisSettings, target: Target, options: dict[str, Any]) -> Redis:
    wait = min(settings.timeout_seconds, SENTINEL_SECONDS)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        target.hosts,
        sentinel_kwargs={
            "socket_timeout": wait,
            "socket_connect_timeout": wait,
            "protocol": options["protocol"],
            "retry": options["retry"],
            "driver_info": None,
            **({"ssl": True, **_tls_options(settings)} if target.tls else {}),
        },
    )
    client: Redis = sentinel.master_for(
        target.service,
        connection_pool_class=_SentinelPool,
        max_connections=MOST_CONNECTIONS,
        timeout=settings.timeout_seconds,
        db=target.database,
        **options,
        **({"ssl": True, **_tls_options(settings)} if target.tls else {}),
    )
    return client


def _options(settings: RedisSettings, target: Target) -> dict[str, Any]:
    return {
        "username": target.username or None,
        "password": target.password or None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "health_check_interval": HEALTH_CHECK_SECONDS,
        # redis-py would send a command up to eleven times.
        "retry": Retry(NoBackoff(), 0),
        # RESP3 has nothing that is needed here, and with it redis-py asks each server at each
        # connection for notifications that no free Redis sends.
        "protocol": 2,
        "client_name": "ams",
        # Saves telling each server the name and version of redis-py.
        "driver_info": None,
    }


def _tls_options(settings: RedisSettings) -> dict[str, Any]:
    return {"ssl_ca_certs": settings.ca_file or None, "ssl_check_hostname": True}


async def close_redis(client: Redis | RedisCluster) -> None:
    """Closes all connections of a client, those to Sentinels included."""
    await client.aclose()
    if isinstance(client, Redis):
        pool: ConnectionPool = client.connection_pool
        if isinstance(pool, SentinelConnectionPool):
            await pool.sentinel_manager.aclose()


@contextmanager
def lost_connections() -> Iterator[None]:
    """Makes one of `REDIS_FAILURES` of uvloop's own error, which redis-py passes on as it is."""
    try:
        yield
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        raise ConnectionError(str(error)) from error


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and _LOST in str(error)


def service_error(error: BaseException) -> ServiceError:
    """What to answer for a failure of Redis or of the way to it."""
    if isinstance(error, ServiceError):
        return error
    if _is_full(error):
        return Unavailable(FULL)
    if _is_refusal(error):
        log.error("Redis has refused a command", error=str(error), kind=type(error).__name__)
        return InternalError(BROKEN)
    return Unavailable(UNAVAILABLE)


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OutOfMemoryError) or _OUT_OF_MEMORY in str(error)


def _is_refusal(error: BaseException) -> bool:
    """Whether something is wrong with a command, or this user may not send it."""
    return (
        isinstance(error, ResponseError)
        and not isinstance(error, _PASSING_ERRORS)
        and not _is_full(error)
        and not _PASSING_TEXT.search(str(error))
    )


class redis_errors:  # noqa: N801  Read as a statement: `with redis_errors():`.
    """Turns failures of Redis in a block into `Unavailable`; a refused command stays what it is."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        failed = isinstance(error, REDIS_FAILURES) and not _is_refusal(error)
        if error is not None and (failed or _is_lost(error)):
            raise service_error(error) from error


async def check_durability(client: Redis | RedisCluster, settings: MessagesSettings) -> None:
    """Refuses a Redis that does not keep what `messages.durability` promises.

    In a Redis Cluster each primary is looked at.

    Raises:
        ConfigurationError: what is to be set, a line for each fault.
        Unavailable: a server does not answer.
    """
    faults: list[str] = []
    with redis_errors():
        for name, send in await servers(client):
            where = f"redis {name or 'server'}"
            faults += [f"{where}: {fault}" for fault in await _faults(send, settings)]
    if faults:
        raise ConfigurationError(faults)


# Any: what redis-py makes of a reply depends on the command.
Send: TypeAlias = Callable[..., Awaitable[Any]]


async def servers(client: Redis | RedisCluster) -> list[tuple[str, Send]]:
    """Name of each server that holds messages, and how to send it a command; one alone has none.

    It raises what redis-py raises.
    """
    if isinstance(client, Redis):
        return [("", client.execute_command)]
    await client.initialize()
    return [(node.name, node.execute_command) for node in client.get_primaries()]


async def _faults(send: Send, settings: MessagesSettings) -> list[str]:
    info: Mapping[str, Any] = await send("INFO")
    durability = settings.durability
    faults = []
    version = str(info["redis_version"])
    if _version(version) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        faults.append(f"is version {version}; at least {oldest} is needed")
    if info["maxmemory_policy"] != "noeviction":
        faults.append(
            f"maxmemory-policy is {info['maxmemory_policy']}, so that messages would vanish when"
            " memory is short: set `maxmemory-policy noeviction`"
        )
    if durability != "memory" and not info["aof_enabled"]:
        faults.append(_unkept(durability, "appendonly is no", "appendonly yes"))
    if durability == "fsync":
        faults += await _fsync_faults(send)
    if durability == "replicated":
        connected = sum(
            name.startswith("slave") and isinstance(replica, dict) and replica["state"] == "online"
            for name, replica in info.items()
        )
        if connected < settings.replicas:
            faults.append(
                f"has {connected} connected replicas; messages.replicas = {settings.replicas}"
                " asks for more"
            )
    return faults


async def _fsync_faults(send: Send) -> list[str]:
    faults = []
    # While it rewrites its log, Redis may be set to leave what comes meanwhile to the kernel.
    for name, wanted in (("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")):
        try:
            value = (await send("CONFIG GET", name)).get(name)
        except ResponseError as error:
            # Not permitted to this user, or renamed, as it is where Redis is run for others.
            unknown = f'does not tell its {name} ({error}), on which durability = "fsync" depends'
            return [f"{unknown}: permit `CONFIG GET` to this user, or choose another durability"]
        if value != wanted:
            faults.append(_unkept("fsync", f"{name} is {value}", f"{name} {wanted}"))
    return faults


def _unkept(durability: str, state: str, remedy: str) -> str:
    return (
        f'{state}, which does not keep what messages.durability = "{durability}" promises:'
        f" set `{remedy}`, or choose another durability"
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
