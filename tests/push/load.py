"""Subscriptions that are pushed while somebody publishes, and how their messages are to arrive."""

import asyncio
import itertools
from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from tests.api.client import Project, data_of
from tests.eventually import eventually
from tests.push.endpoints import Endpoint, Endpoints
from tests.push.workers import push_to

#: Pause between two publishes, in seconds.
PAUSE_SECONDS = 0.02


class Load:
    """Some subscriptions of topic `t`, each with its endpoint, and a publisher."""

    def __init__(self, project: Project, endpoints: Endpoints) -> None:
        self.project = project
        self.published: list[str] = []
        self.receivers: list[Endpoint] = []
        self._endpoints = endpoints
        self._publishing: asyncio.Task[None] | None = None

    async def subscribe(self, number: int, **config: Any) -> None:  # noqa: ANN401 (of pushConfig)
        """Makes so many subscriptions: `s0` and so on."""
        for each in range(number):
            endpoint = self._endpoints.add(f"/s{each}")
            self.receivers.append(endpoint)
            await push_to(self.project, self._endpoints, endpoint, f"s{each}", **config)

    def start(self) -> None:
        """Publishes from now on."""
        self._publishing = asyncio.create_task(self._publish())

    async def go_on(self, messages: int = 20) -> None:
        """Returns when so many more have been published."""
        enough = len(self.published) + messages
        await eventually(lambda: len(self.published) >= enough)

    async def stop(self) -> None:
        """Publishes no more; returns when everything published has arrived everywhere."""
        assert self._publishing
        publishing, self._publishing = self._publishing, None
        publishing.cancel()
        await asyncio.wait([publishing])
        for endpoint in self.receivers:
            await eventually(partial(self._all_arrived, endpoint), within=20)

    def _all_arrived(self, endpoint: Endpoint) -> bool:
        return set(self.published) <= set(endpoint.accepted)

    def repeated(self) -> int:
        """How many messages came more than once, after a look at their order.

        The first of each come in their order, and what comes again has come just before.
        """
        repeated = 0
        for endpoint in self.receivers:
            numbers = [int(text) for text in endpoint.accepted]
            assert list(dict.fromkeys(numbers)) == sorted(set(numbers)), endpoint.url
            repeated += sum(count - 1 for count in Counter(numbers).values())
        return repeated

    async def _publish(self) -> None:
        for number in itertools.count():
            text = str(number)
            await eventually(partial(self._publish_one, text), within=30)
            self.published.append(text)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _publish_one(self, text: str) -> bool:
        body = {"messages": [{"data": data_of(text)}]}
        try:
            answer = await self.project.request("POST", "/topics/t:publish", json=body)
        except httpx.TransportError:
            return False
        return answer.status_code == HTTPStatus.OK
