"""A project for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.client import Project, object_in
from tests.node import Node


@pytest_asyncio.fixture
async def project(node: Node) -> AsyncIterator[Project]:
    """A project of the test's own on the shared node."""
    project = await Project.create(node)
    yield project
    await project.remove()


@pytest_asyncio.fixture
async def queue(project: Project) -> Project:
    """A project with topic `t` and its subscription `s`."""
    await project.topic("t")
    await project.subscription("s", "t")
    return project


@pytest_asyncio.fixture
async def push_project(push_node: Node) -> AsyncIterator[Project]:
    """A project with topic `t` on the shared node that pushes."""
    project = await Project.create(push_node)
    await project.topic("t")
    yield project
    await project.remove()


@pytest_asyncio.fixture(scope="module")
async def push_place(push_node: Node) -> AsyncIterator[Project]:
    """Topic `t` and its subscription `taken`, for tests whose requests are refused."""
    project = await Project.create(push_node)
    await project.topic("t")
    await project.subscription("taken", "t")
    yield project
    await project.remove()


@pytest_asyncio.fixture(scope="session")
async def quiet(node: Node) -> AsyncIterator[Project]:
    """Topic `t` and subscription `s` without messages, for all tests whose requests are refused."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    yield project
    assert await project.offsets() == {"max": 0, "min": 0, "current": 0}
    await project.remove()


@pytest_asyncio.fixture(scope="module")
async def place(node: Node) -> AsyncIterator[Project]:
    """A project with a topic and a subscription, for all tests that break nothing in it."""
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    schema = {"type": "avro", "schema": {"type": "string"}}
    object_in(await project.request("POST", "/schemas/sc", json=schema))
    yield project
    assert object_in(await node.request("GET", "/healthz", token=None)) == {"status": "ok"}
    await project.remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the broker has logged is looked at when it has nothing more to log."""
    items.sort(key=lambda item: item.path.name == "test_log.py" and item.path.parent.name == "api")
