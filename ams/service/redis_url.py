"""The URLs that name a Redis."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ams.service.settings import SettingsError
from ams.service.settings_sections import RedisSettings

DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a URL says.

    Args:
        kind: `redis`, `unix`, `redis+sentinel` or `redis+cluster`.
        tls: whether connections use TLS.
        hosts: addresses of the server, the Sentinels or some nodes of the cluster.
        path: of the Unix socket.
        service: what the Sentinels call their master.
        database: number of the database.
    """

    kind: str
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    database: int = 0
    username: str = ""
    password: str = ""


def read_url(settings: RedisSettings) -> Target:
    """Takes the URL apart; what it says of user and password goes before the settings.

    Raises:
        SettingsError: it is no URL of a kind that is known. The message does not repeat it.
    """
    try:
        return _read_url(settings)
    except ValueError as error:
        raise SettingsError([f"redis.url: {error}"]) from error


def _read_url(settings: RedisSettings) -> Target:
    parts = urlsplit(settings.url)
    login, _, addresses = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    target = Target(
        kind=parts.scheme.replace("rediss", "redis"),
        tls=parts.scheme.startswith("rediss"),
        username=unquote(username) or settings.username,
        password=unquote(password) or settings.password,
    )
    match target.kind:
        case "redis":
            hosts = _hosts(addresses or "localhost", DEFAULT_PORT)
            if len(hosts) > 1:
                raise ValueError("one host; several are for redis+sentinel:// or redis+cluster://")
            return replace(target, hosts=hosts, database=_database(parts.path))
        case "unix":
            return replace(target, path=unquote(parts.path), database=_database_option(parts))
        case "redis+sentinel":
            service, _, database = parts.path.strip("/").partition("/")
            if not service:
                raise ValueError("the master's name is missing: redis+sentinel://hosts/name/db")
            return replace(
                target,
                hosts=_hosts(addresses, DEFAULT_SENTINEL_PORT),
                service=unquote(service),
                database=_database(database),
            )
        case "redis+cluster":
            if parts.path.strip("/") not in ("", "0"):
                raise ValueError("a Redis Cluster has database 0 only")
            return replace(target, hosts=_hosts(addresses, DEFAULT_PORT))
    raise ValueError(f"unknown scheme {parts.scheme}")


def _hosts(addresses: str, default_port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for address in addresses.split(","):
        parts = urlsplit(f"//{address}")
        if not parts.hostname:
            raise ValueError("a host name is missing")
        hosts.append((parts.hostname, parts.port or default_port))
    return tuple(hosts)


def _database(text: str) -> int:
    number = text.strip("/") or "0"
    if not number.isdecimal():
        raise ValueError("the database must be a number")
    return int(number)


def _database_option(parts: SplitResult) -> int:
    if not parts.path:
        raise ValueError("the path of the socket is missing")
    options = parse_qs(parts.query)
    if unknown := set(options) - {"db"}:
        raise ValueError(f"unknown option {min(unknown)}")
    return _database(options.get("db", ["0"])[0])
