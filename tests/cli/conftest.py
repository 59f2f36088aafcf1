"""The `ams` command, with and without a broker to talk to."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ams.client import Client
from tests.cli.command import Ams
from tests.cli.data_folder import Up

_numbers = count(1)


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An `ams up` that runs for all tests which leave the demo as it is."""
    with Up(tmp_path_factory.mktemp("up")) as running:
        yield running.start()


@pytest.fixture
def alone(tmp_path: Path) -> Ams:
    """The command in an empty folder, where no broker is known."""
    return Ams(tmp_path)


@pytest.fixture(scope="session")
def admin(up: Up) -> Iterator[Client]:
    """Prepares what a test takes for granted, quicker than the command does."""
    credentials = up.credentials()
    with Client(credentials["broker"]["http"], credentials["admin"]["token"]) as client:
        yield client


@pytest.fixture
def ams(tmp_path: Path, up: Up, admin: Client) -> Ams:
    """The command as the admin of a broker, in a project of its own."""
    project = f"project-{next(_numbers)}"
    admin.projects.create(project)
    return Ams(tmp_path, AMS_DATA=str(up.data), AMS_PROJECT=project)


@pytest.fixture
def project(ams: Ams) -> str:
    """The project of `ams`."""
    return ams.environment["AMS_PROJECT"]


@pytest.fixture
def topic(admin: Client, project: str) -> str:
    """A topic, with subscription s."""
    admin.topics.create(project, "t")
    admin.subscriptions.create(project, "s", "t")
    return "t"
