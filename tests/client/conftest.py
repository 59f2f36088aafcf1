"""Clients of the shared broker, and a project there."""

import json
import ssl
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
import pytest_asyncio

from ams.client import AsyncClient, Client
from tests.certificates import Certificates
from tests.client.odd_server import Answer, OddServer, Request
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


@pytest.fixture
def authn(certificates: Certificates) -> Iterator[OddServer]:
    """A server that asks for a client certificate, and gives token-1, token-2, ... for it."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    tls.verify_mode = ssl.CERT_OPTIONAL
    with OddServer(tls) as server:

        def give(request: Request) -> Answer:
            if not request.certificate:
                return Answer(401)
            return Answer(body=json.dumps({"token": f"token-{len(server.requests)}"}).encode())

        server.otherwise = give
        yield server
