"""A project for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.client import Project
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the broker has logged is looked at when it has nothing more to log."""
    items.sort(key=lambda item: item.path.name == "test_log.py" and item.path.parent.name == "api")
