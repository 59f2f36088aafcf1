"""What brokers and the exporter count is what clients counted, restarts included."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.api.client import Project
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.exporter import Figures, exporter_on, figures_at

WORKERS: Final = 2
#: Clients of a broker, publishes of each in one go, and messages of each publish.
CLIENTS: Final = 4
TURNS: Final = 5
BATCH: Final = 3


class Counted:
    """Messages that clients published and were told to be stored, and those that they pulled."""

    def __init__(self) -> None:
        self.published = 0
        self.publishes = 0
        self.pulled = 0

    async def work(self, place: Project) -> None:
        """Publishes and pulls as several clients at once."""
        await asyncio.gather(*(self._client(place) for _ in range(CLIENTS)))

    async def _client(self, place: Project) -> None:
        for _ in range(TURNS):
            ids = await place.publish("t", *["text"] * BATCH)
            self.published += len(ids)
            self.publishes += 1
            messages = await place.pull("s", 2)
            self.pulled += len(messages)


def summed(pages: list[Figures], name: str) -> float:
    return sum(page.get(name) for page in pages)


@pytest.fixture
def exporter_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "exporter"
    folder.mkdir()
    return folder


async def test_counters_are_exact_on_two_brokers_whose_workers_and_selves_are_killed(
    start_node: StartNode, exporter_folder: Path
) -> None:
    first = await start_node(server={"workers": WORKERS})
    second = await start_node()
    place = await Project.create(first)
    await place.topic("t")
    await place.subscription("s", "t")
    counted = Counted()
    places = (place, Project(second, place.name))
    await asyncio.gather(*(counted.work(each) for each in places))

    victim = first.process.children()[0]
    os.kill(victim, signal.SIGKILL)
    await eventually(lambda: len({*first.process.children()} - {victim}) == WORKERS)
    await eventually(lambda: figures_at(first.http)("ams_workers") == WORKERS)
    ended = figures_at(second.http)
    await second.restart()
    await asyncio.gather(*(counted.work(each) for each in places))

    pages = [figures_at(first.http), ended, figures_at(second.http)]
    assert summed(pages, "ams_publish_messages_sum") == counted.published
    assert summed(pages, "ams_publish_messages_count") == counted.publishes
    assert summed(pages, "ams_group_commit_publishes_sum") == counted.publishes
    assert summed(pages, "ams_pull_messages_sum") == counted.pulled
    with exporter_on(exporter_folder, first.config) as exporter:
        figures = exporter.figures()
    assert figures("ams_topic_messages_total", project=place.name, topic="t") == counted.published
    assert (
        figures("ams_subscription_messages_total", project=place.name, subscription="s")
        == counted.pulled
    )


async def test_whichever_worker_is_asked_tells_of_all(start_node: StartNode) -> None:
    node = await start_node(server={"workers": WORKERS})
    place = await Project.create(node)
    await place.topic("t")
    for _ in range(8):
        # A connection of its own each time: any worker may get it.
        async with httpx.AsyncClient(base_url=node.http, trust_env=False) as client:
            body = {"messages": [{"data": ""}]}
            path = f"/v1/projects/{place.name}/topics/t:publish"
            answer = await client.post(path, json=body, headers={"x-api-key": node.service_token})
            assert answer.is_success
    assert {figures_at(node.http)("ams_publish_messages_sum") for _ in range(8)} == {8}
