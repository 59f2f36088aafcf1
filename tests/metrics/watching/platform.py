"""A small platform with all that alerts are about, some load on it, and Prometheus beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx

from tests.api.client import Project
from tests.certificates import RECEIVER_HOST, Certificates, make_certificates
from tests.eventually import eventually
from tests.exporter import Exporter
from tests.metrics.watching.shipped import write_configuration, write_shortened_rules
from tests.node import Node
from tests.prometheus import Prometheus
from tests.push.endpoints import Endpoint, run_endpoints
from tests.push.workers import PushWorker, push_to
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.servers import FSYNC, RedisServer

#: Far more than any alert asks for.
LONG_VALID: Final = timedelta(days=365)
#: What Redis may have, unless a test says otherwise.
MAX_MEMORY: Final = "1gb"
#: Time between two publishes, in seconds.
PAUSE_SECONDS: Final = 0.1
#: Processes that push.
PUSH_WORKERS: Final = 2
#: When a receiver is asked again that has refused.
RETRIES: Final = {"type": "linear", "period": 300}
#: How many topics have figures of their own; more than there are, unless a test makes some.
MOST_LABELS: Final = 10
#: How long what Prometheus sees may take to follow what is, in seconds.
PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Platform:
    """A Redis with a replica, a broker, push, the exporter, and Prometheus that watches them.

    Topic `t` of the project is published to, and its subscription `s` pulled from, all the time.
    Topic `stopped` has a subscription of that name, and `pushed` one that is pushed to `receiver`.
    """

    redis: RedisServer
    replica: RedisServer
    certificates: Certificates
    node: Node
    push: PushWorker
    receiver: Endpoint
    exporter: Exporter
    prometheus: Prometheus
    project: Project

    def configure(self) -> None:
        """Writes what Prometheus is to watch."""
        write_configuration(
            self.prometheus,
            broker=self.node.http.removeprefix("http://"),
            exporter=self.exporter.url.removeprefix("http://"),
            push=f"127.0.0.1:{self.push.port}",
        )


@asynccontextmanager
async def run_platform(folder: Path, redis_binary: Path) -> AsyncIterator[Platform]:
    """Runs all of it."""
    certificates = make_certificates(folder, LONG_VALID)
    async with AsyncExitStack() as closing:
        redis = closing.enter_context(
            RedisServer(redis_binary, maxmemory=MAX_MEMORY, repl_diskless_sync_delay="0", **FSYNC)
        )
        replica = closing.enter_context(
            RedisServer(redis_binary, replicaof=f"127.0.0.1 {redis.port}")
        )
        endpoints = await closing.enter_async_context(run_endpoints(certificates))
        node = Node(folder, certificates, _settings(folder, redis, certificates))
        node.migrate()
        await add_push_worker(node)
        closing.push_async_callback(node.close)
        project = await Project.create(await node.start())
        for topic, subscription in (("t", "s"), ("stopped", "stopped")):
            await project.topic(topic)
            await project.subscription(subscription, topic)
        await project.topic("pushed")
        receiver = endpoints.add("/receiver")
        await push_to(project, endpoints, receiver, "pushed", "pushed", retryPolicy=RETRIES)
        push = PushWorker(node)
        closing.callback(push.process.kill)
        await push.start()
        # Less than Prometheus waits for an answer, when it asks each second.
        exporter = Exporter(
            folder,
            node.config,
            AMS_EXPORTER__COLLECT_SECONDS="0.7",
            AMS_EXPORTER__MAX_LABELS=str(MOST_LABELS),
        )
        closing.callback(exporter.process.kill)
        exporter.process.start()
        prometheus = Prometheus()
        platform = Platform(
            redis, replica, certificates, node, push, receiver, exporter, prometheus, project
        )
        platform.configure()
        write_shortened_rules(prometheus.folder / "rules")
        closing.enter_context(prometheus)
        load = asyncio.create_task(_work(project))
        # What is lost must have been seen before.
        await eventually(
            lambda: prometheus.query("instance:ams_redis_connected_replicas:sum == 1"),
            within=PATIENCE_SECONDS,
        )
        yield platform
        load.cancel()
        with suppress(asyncio.CancelledError):
            await load


def _settings(
    folder: Path, redis: RedisServer, certificates: Certificates
) -> dict[str, dict[str, object]]:
    return {
        "redis": {"url": redis.url},
        "database": {"url": f"sqlite://{folder}/ams.db"},
        "push": {"enabled": True, "worker_token": WORKER_TOKEN, "workers": PUSH_WORKERS},
        "outgoing": {
            "allow_private_addresses": [RECEIVER_HOST],
            "ca_file": str(certificates.ca),
        },
        "messages": {"pull_wait_seconds": 0.2},
    }


async def _work(project: Project) -> None:
    """Publishes and consumes until it is told to stop, whatever happens to the platform."""
    while True:
        with suppress(AssertionError, httpx.TransportError):
            await project.publish("t", "hello")
            await project.read("s", 1000)
        await asyncio.sleep(PAUSE_SECONDS)
