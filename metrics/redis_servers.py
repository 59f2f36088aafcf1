"""How the Redis servers are that hold the messages."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster

from ams.service.exposition import Family
from ams.service.redis import redis_errors, servers
from metrics import families
from metrics.lines import Lines

#: What a server is called if there is but one.
MAIN: Final = "main"

_NUMBERS: Final[Mapping[str, Family]] = {
    "used_memory": families.REDIS_MEMORY,
    "maxmemory": families.REDIS_CEILING,
    "aof_enabled": families.REDIS_AOF,
    "rdb_last_save_time": families.REDIS_SAVED,
    "rdb_changes_since_last_save": families.REDIS_UNSAVED,
    "connected_clients": families.REDIS_CLIENTS,
    "evicted_keys": families.REDIS_EVICTED,
    "uptime_in_seconds": families.REDIS_UPTIME,
}
_STATES: Final[Mapping[str, Family]] = {
    "aof_last_write_status": families.REDIS_AOF_WRITES,
    "aof_last_bgrewrite_status": families.REDIS_AOF_REWRITE,
    "rdb_last_bgsave_status": families.REDIS_SAVE,
}


async def add_servers(lines: Lines, client: Redis | RedisCluster) -> None:
    """Adds what each server says of itself.

    Raises:
        Unavailable: one does not answer; what the others say has been added.
    """
    with redis_errors():
        asked = {name or MAIN: send("INFO") for name, send in await servers(client)}
        answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        failures = []
        for name, answer in zip(asked, answers, strict=True):
            if isinstance(answer, BaseException):
                failures.append(answer)
            else:
                _add(lines, name, answer)
        if failures:
            raise failures[0]


# Any: redis-py makes numbers of what looks like some, and dictionaries of lists.
def _add(lines: Lines, server: str, info: Mapping[str, Any]) -> None:
    version, role = str(info["redis_version"]), str(info["role"])
    lines.add(families.REDIS_INFO, 1, server, version, role)
    for key, family in _NUMBERS.items():
        lines.add(family, info.get(key), server)
    for key, family in _STATES.items():
        lines.add(family, float(info.get(key) == "ok"), server)
    replicas = [
        replica
        for key, replica in info.items()
        if key.startswith("slave") and isinstance(replica, dict) and replica["state"] == "online"
    ]
    lines.add(families.REDIS_REPLICAS, len(replicas), server)
    for replica in replicas:
        lag = int(info["master_repl_offset"]) - int(replica["offset"])
        where = f"{replica['ip']}:{replica['port']}"
        lines.add(families.REDIS_LAG, max(0, lag), server, where)
