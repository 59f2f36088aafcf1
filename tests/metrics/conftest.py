"""An exporter on the shared broker's stores, and promtool."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.api.client import Project
from tests.exporter import Exporter, exporter_on
from tests.node import Node


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own check."""
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("there is no promtool: run scripts/system-packages --for test", pytrace=False)
    return found or pytest.skip("there is no promtool: run scripts/system-packages --for test")


@pytest.fixture(scope="session")
def exporter(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """Of the shared broker."""
    with exporter_on(tmp_path_factory.mktemp("exporter"), node.config) as exporter:
        yield exporter


@pytest_asyncio.fixture
async def project(node: Node) -> AsyncIterator[Project]:
    """A project with topic `t` and its subscription `s`."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    yield project
    await project.remove()
