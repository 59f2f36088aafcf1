"""What the service uses of its hosts (contract: ams-users-metrics 8.6)."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ams.metadata.nodes import FORGET_DAYS
from tests.api.client import object_in
from tests.api.past import sql
from tests.conftest import StartNode
from tests.node import SERVICE_TOKEN, Node

METRICS = "/v1/metrics"


async def test_this_host_has_its_cpu_and_memory_use(node: Node) -> None:
    """Contract: ams-users-metrics 8.6, 4.5: in percent, with one decimal."""
    found = object_in(await node.request("GET", METRICS))["metrics"]
    now = found[0]["timeseries"][0]["timestamp"]
    age = datetime.now(UTC) - datetime.fromisoformat(now)
    assert timedelta(0) <= age < timedelta(seconds=20)
    cpu, memory = (each["timeseries"][0]["value"] for each in found)
    assert found == [
        {
            "metric": f"ams_node.{name}",
            "metric_type": "percentage",
            "value_type": "float64",
            "resource_type": "ams_node",
            "resource_name": socket.gethostname(),
            "timeseries": [{"timestamp": now, "value": value}],
            "description": f"Percentage value that displays the {words} usage of ams service in"
            " the specific node",
        }
        for name, words, value in (
            ("cpu_usage", "CPU", cpu),
            ("memory_usage", "Memory", memory),
        )
    ]
    assert 0 < cpu < 400
    assert memory == pytest.approx(percent_of_memory(node.process.pid), abs=0.1)
    for value in (cpu, memory):
        assert value == round(value, 1)


async def test_each_host_has_one_record_with_its_last_values(node: Node) -> None:
    """Contract: ams-users-metrics 14 #6, #38: the time is when they were measured."""
    seen = datetime.now(UTC) - timedelta(days=2)
    row = "INSERT INTO nodes (hostname, cpu, memory, seen) VALUES ('~another', 7.0, 12.5, %s)"
    await sql(node, row, f"{seen:%F %T.%f}")
    for _ in range(3):
        found = object_in(await node.request("GET", METRICS))["metrics"]
        names = [socket.gethostname()] * 2 + ["~another"] * 2
        assert [each["resource_name"] for each in found] == names
    second = f"{seen:%Y-%m-%dT%H:%M:%SZ}"
    assert [each["timeseries"] for each in found[2:]] == [
        [{"timestamp": second, "value": 7}],
        [{"timestamp": second, "value": 12.5}],
    ]
    too_long_ago = datetime.now(UTC) - timedelta(days=FORGET_DAYS, seconds=5)
    update = "UPDATE nodes SET seen = %s WHERE hostname = '~another'"
    await sql(node, update, f"{too_long_ago:%F %T.%f}")
    found = object_in(await node.request("GET", METRICS))["metrics"]
    assert [each["resource_name"] for each in found] == [socket.gethostname()] * 2


async def test_all_workers_of_a_host_count(start_node: StartNode) -> None:
    node = await start_node(server={"workers": 2})
    pids = [node.process.pid, *children_of(node.process.pid)]
    assert len(pids) == 3
    for _ in range(4):
        async with httpx.AsyncClient(base_url=node.http) as client:
            answer = await client.get(METRICS, headers={"x-api-key": SERVICE_TOKEN})
        _, memory = object_in(answer)["metrics"]
        expected = sum(map(percent_of_memory, pids))
        assert memory["timeseries"][0]["value"] == pytest.approx(expected, abs=0.1)


def children_of(pid: int) -> list[int]:
    return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def percent_of_memory(pid: int) -> float:
    """The resident part of physical memory, which a process has."""

    def kilobytes(file: str, field: str) -> int:
        lines = dict(line.split(":", 1) for line in Path(file).read_text().splitlines())
        return int(lines[field].split()[0])

    return kilobytes(f"/proc/{pid}/status", "VmRSS") / kilobytes("/proc/meminfo", "MemTotal") * 100
