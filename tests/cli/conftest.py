"""The `ams` command, with and without a broker to talk to."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

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


@pytest.fixture
def ams(tmp_path: Path, up: Up) -> Ams:
    """The command as the admin of a broker, in a project of its own."""
    admin = Ams(tmp_path, AMS_DATA=str(up.data))
    project = f"project-{next(_numbers)}"
    assert admin("project", "create", project).status == 0
    return Ams(tmp_path, AMS_DATA=str(up.data), AMS_PROJECT=project)
