"""Clients of the shared broker, and a project there."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio

from ams.client import AsyncClient, Client
from tests.client.odd_server import OddServer
from tests.node import Node

_numbers = count(1)


@pytest.fixture
def client(node: Node) -> Iterator[Client]:
    with Client(node.http, node.service_token) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(node: Node) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(node.http, node.service_token) as client:
        yield client


@pytest.fixture
def project(client: Client) -> Iterator[str]:
    """A project with topic t and subscription s, gone after the test."""
    name = f"client-{next(_numbers)}"
    client.projects.create(name)
    client.topics.create(name, "t")
    client.subscriptions.create(name, "s", "t")
    yield name
    client.projects.delete(name)


@pytest.fixture
def odd_server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server
