"""The published client, in a project of its own."""

import uuid
from collections.abc import Iterator

import pytest
from argo_ams_library import ArgoMessagingService

from tests.certificates import Certificates
from tests.node import SERVICE_TOKEN, Node


@pytest.fixture
def ams(
    node: Node, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArgoMessagingService]:
    """The client over HTTPS, trusting the node's authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca))
    yield from project_of(node)


@pytest.fixture
def pushing(
    push_node: Node, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ArgoMessagingService]:
    """The client of a node that pushes."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca))
    yield from project_of(push_node)


def project_of(node: Node) -> Iterator[ArgoMessagingService]:
    endpoint = node.https.removeprefix("https://")
    name = f"client-{uuid.uuid4().hex[:8]}"
    client = ArgoMessagingService(endpoint=endpoint, token=SERVICE_TOKEN, project=name)
    client.create_project(name, description="of the published client")
    yield client
    client.delete_project(name)
