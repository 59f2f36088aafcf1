"""How soon a pushed message arrives."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from tests.api.client import Project
from tests.certificates import RECEIVER_HOST, make_certificates
from tests.eventually import eventually
from tests.node import Node
from tests.push.endpoints import VERIFICATION, Endpoint, Endpoints, run_endpoints
from tests.push.workers import PushWorker, push_to, shown
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.servers import RedisServer


async def lateness(redis: RedisServer, samples: int, data: str) -> tuple[float, float]:
    """Two medians, in seconds, on a broker and a worker that do nothing else.

    Args:
        redis: for both.
        samples: how often each is measured.
        data: of the messages.

    Returns:
        From a publish's answer to the receiver; and an empty request to that receiver, there and
        back.
    """
    with tempfile.TemporaryDirectory(prefix="ams-") as name:
        folder = Path(name)
        certificates = make_certificates(folder)
        sections: dict[str, dict[str, object]] = {
            "redis": {"url": redis.url},
            "database": {"url": f"sqlite://{folder}/ams.db"},
            "push": {"enabled": True, "worker_token": WORKER_TOKEN},
            "outgoing": {
                "allow_private_addresses": [RECEIVER_HOST],
                "ca_file": str(certificates.ca),
            },
        }
        node = Node(folder, certificates, sections)
        worker = PushWorker(node)
        try:
            node.migrate()
            await add_push_worker(node)
            await node.start()
            await worker.start()
            async with run_endpoints(certificates) as endpoints:
                return await _medians(node, endpoints, samples, data)
        finally:
            worker.process.kill()
            await node.close()


async def _medians(
    node: Node, endpoints: Endpoints, samples: int, data: str
) -> tuple[float, float]:
    project = await Project.create(node)
    await project.topic("t")
    endpoint = endpoints.add("/pushed")
    await push_to(project, endpoints, endpoint)
    late, empty = [], []
    async with httpx.AsyncClient(verify=node.tls, trust_env=False) as client:
        for number in range(1, samples + 1):
            start = time.perf_counter()
            url = f"https://{RECEIVER_HOST}:{endpoints.port}{VERIFICATION}"
            (await client.get(url)).raise_for_status()
            empty.append(time.perf_counter() - start)
            late.append(await _publish(project, endpoint, data))
            await eventually(lambda number=number: _counted(project, number))  # type: ignore[misc]
    return statistics.median(late), statistics.median(empty)


async def _publish(project: Project, endpoint: Endpoint, data: str) -> float:
    """Seconds from a publish's answer to the receiver."""
    endpoint.delivered.clear()
    await project.publish_messages("t", {"data": data, "attributes": {"source": "bench"}})
    published = asyncio.get_running_loop().time()
    await asyncio.wait_for(endpoint.delivered.wait(), 10)
    return max(0.0, endpoint.deliveries[-1].at - published)


async def _counted(project: Project, deliveries: int) -> bool:
    """Whether the worker is done with so many, and waits again."""
    statistics = (await shown(project))["pushStatistics"]
    return bool(statistics["deliveries"] == deliveries)
