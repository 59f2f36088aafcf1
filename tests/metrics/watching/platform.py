"""A small platform with all that alerts are about, some load on it, and Prometheus beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from tests.api.client import Project, assert_empty, object_in
from tests.certificates import RECEIVER_HOST, Certificates, make_certificates
from tests.eventually import eventually
from tests.exporter import Exporter
from tests.metrics.watching.shipped import write_configuration, write_shortened_rules
from tests.node import Node
from tests.prometheus import Prometheus
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.receiver import answer, receiver
from tests.servers import FSYNC, RedisServer

#: Far more than any alert asks for.
LONG_VALID: Final = timedelta(days=365)
#: What Redis may have, unless a test says otherwise.
MAX_MEMORY: Final = "1gb"
#: Time between two publishes, in seconds.
PAUSE_SECONDS: Final = 0.1
#: How long what Prometheus sees may take to follow what is, in seconds.
PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Platform:
    """A Redis with a replica, a broker, the exporter, and Prometheus that watches them.

    Topic `t` of the project is published to, and its subscription `s` pulled from, all the time.
    Topic `stopped` has a subscription of that name, and `pushed` one that is to be pushed.
    """

    redis: RedisServer
    replica: RedisServer
    certificates: Certificates
    node: Node
    exporter: Exporter
    prometheus: Prometheus
    project: Project

    def configure(self) -> None:
        """Writes what Prometheus is to watch."""
        write_configuration(self.prometheus, self.node.http, self.exporter.url)


@asynccontextmanager
async def run_platform(folder: Path, redis_binary: Path) -> AsyncIterator[Platform]:
    """Runs all of it."""
    certificates = make_certificates(folder, LONG_VALID)
    with (
        RedisServer(
            redis_binary, maxmemory=MAX_MEMORY, repl_diskless_sync_delay="0", **FSYNC
        ) as redis,
        RedisServer(redis_binary, replicaof=f"127.0.0.1 {redis.port}") as replica,
    ):
        node = Node(folder, certificates, _settings(folder, redis, certificates))
        # Less than Prometheus waits for an answer, when it asks each second.
        exporter = Exporter(folder, node.config, AMS_EXPORTER__COLLECT_SECONDS="0.7")
        try:
            node.migrate()
            await add_push_worker(node)
            exporter.process.start()
            project = await _make_project(await node.start(), certificates)
            prometheus = Prometheus()
            platform = Platform(redis, replica, certificates, node, exporter, prometheus, project)
            platform.configure()
            write_shortened_rules(prometheus.folder / "rules")
            with prometheus:
                load = asyncio.create_task(_work(project))
                # What is lost must have been seen before.
                await eventually(
                    lambda: prometheus.query("ams_redis_connected_replicas == 1"),
                    within=PATIENCE_SECONDS,
                )
                yield platform
                load.cancel()
                with suppress(asyncio.CancelledError):
                    await load
        finally:
            exporter.process.kill()
            await node.close()


def _settings(
    folder: Path, redis: RedisServer, certificates: Certificates
) -> dict[str, dict[str, object]]:
    return {
        "redis": {"url": redis.url},
        "database": {"url": f"sqlite://{folder}/ams.db"},
        "push": {"enabled": True, "worker_token": WORKER_TOKEN},
        "outgoing": {
            "allow_private_addresses": [RECEIVER_HOST],
            "ca_file": str(certificates.ca),
        },
        "messages": {"pull_wait_seconds": 0.2},
    }


async def _make_project(node: Node, certificates: Certificates) -> Project:
    project = await Project.create(node)
    for topic, subscription in (("t", "s"), ("stopped", "stopped"), ("pushed", "pushed")):
        await project.topic(topic)
        await project.subscription(subscription, topic)
    await _make_pushed(project, certificates)
    return project


async def _make_pushed(project: Project, certificates: Certificates) -> None:
    """Sets and verifies a receiver, which is gone afterwards."""
    path, shows = "/subscriptions/pushed", ""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer("200 OK", shows.encode())(reader, writer)

    async with receiver(converse, certificates, RECEIVER_HOST) as server:
        config = {"type": "http_endpoint", "pushEndpoint": server.url()}
        set_ = await project.request(
            "POST", f"{path}:modifyPushConfig", json={"pushConfig": config}
        )
        assert_empty(set_)
        shows = object_in(await project.request("GET", path))["pushConfig"]["verificationHash"]
        assert_empty(await project.request("POST", f"{path}:verifyPushEndpoint"))


async def _work(project: Project) -> None:
    """Publishes and consumes until it is told to stop, whatever happens to the platform."""
    while True:
        with suppress(AssertionError, httpx.TransportError):
            await project.publish("t", "hello")
            await project.read("s", 1000)
        await asyncio.sleep(PAUSE_SECONDS)
