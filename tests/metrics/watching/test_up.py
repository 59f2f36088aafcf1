"""A real Prometheus watches `ams up`, by the configuration that the project ships, under load."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.cli.data_folder import Up
from tests.eventually import eventually
from tests.metrics.watching.platform import PATIENCE_SECONDS
from tests.metrics.watching.shipped import FOLDER, write_configuration
from tests.prometheus import Prometheus

#: Clients that publish at the same time, each its next batch when the last is answered.
CLIENTS: Final = 8
BATCH: Final = 20
#: Longest time for a page of a service, in seconds.
LONGEST: Final = 1.0
#: Scrapes that are looked at.
SCRAPES: Final = 5


class Load:
    """Publishes as fast as the broker answers."""

    def __init__(self, credentials: Any) -> None:  # noqa: ANN401 (JSON)
        self._url = credentials["broker"]["http"]
        self._token = credentials["demo"]["publisher"]["token"]
        self.published = 0
        self.over = False

    async def work(self) -> None:
        """Goes on until it is over."""
        async with httpx.AsyncClient(base_url=self._url, trust_env=False) as client:
            while not self.over:
                await self._publish(client)

    async def _publish(self, client: httpx.AsyncClient) -> None:
        body = {"messages": [{"data": "QUJD" * 256}] * BATCH}
        path = "/v1/projects/demo/topics/demo-topic:publish"
        answer = await client.post(path, json=body, headers={"x-api-key": self._token})
        assert answer.is_success, answer.text
        self.published += BATCH


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with Up(tmp_path) as up:
        yield up.start()


async def test_prometheus_sees_all_of_ams_up_under_load_and_in_time(up: Up) -> None:
    credentials = up.credentials()
    prometheus = Prometheus()
    write_configuration(
        prometheus,
        broker=urlsplit(credentials["broker"]["http"]).netloc,
        exporter=urlsplit(credentials["exporter"]["http"]).netloc,
        authn=urlsplit(credentials["authn"]["https"]).netloc,
    )
    text = prometheus.configuration.read_text()
    prometheus.configuration.write_text(text.replace("rules/*.yml", f"{FOLDER}/rules/*.yml"))
    load = Load(credentials)

    def value(query: str) -> float:
        """0 if there is no sample."""
        return sum(float(sample["value"][1]) for sample in prometheus.query(query))

    with prometheus:
        working = [asyncio.create_task(load.work()) for _ in range(CLIENTS)]
        try:
            await eventually(lambda: value("sum(up)") == 3, within=PATIENCE_SECONDS)
            scraped = f'count_over_time(up{{job="ams-broker"}}[1m]) >= {SCRAPES}'
            await eventually(lambda: prometheus.query(scraped), within=PATIENCE_SECONDS)
            services = 'scrape_duration_seconds{job!="ams-exporter"}'
            # In the median: the machine itself may hold one up.
            assert value(f"max(quantile_over_time(0.5, {services}[1m]))") < LONGEST
            assert value('min(quantile_over_time(0.5, up{job="ams-broker"}[1m]))') == 1
            assert value("rate(ams_publish_messages_sum[10s])") > 0
        finally:
            load.over = True
            await asyncio.gather(*working)
        await eventually(lambda: value("ams_publish_messages_sum") == load.published)
        topic = 'ams_topic_messages_total{project="demo",topic="demo-topic"}'
        # The exporter tells the same for a while.
        await eventually(lambda: value(topic) == load.published, within=PATIENCE_SECONDS)
        assert prometheus.firing() == set()
