"""`ams settings`, `ams migrate` and `ams serve`."""

import tomllib

import pytest

from ams import __version__
from tests.cli.command import Ams


def test_settings_are_a_file_to_start_from(alone: Ams) -> None:
    printed = alone("settings").output
    file = alone.folder / "ams.toml"
    file.write_text(f"{printed}".replace("#http_port = 8080", "http_port = 8081"))
    assert tomllib.loads(file.read_text())["server"] == {"http_port": 8081}


def test_migrate_says_what_it_did_and_can_be_repeated(alone: Ams) -> None:
    file = alone.folder / "ams.toml"
    file.write_text(f'[database]\nurl = "sqlite://{alone.folder}/ams.db"\n')
    first = alone("migrate", "--config", file)
    assert first.status == 0, first.errors
    assert first.output.startswith("Applied ")
    again = alone("migrate", environment={"AMS_CONFIG": str(file)})
    assert (again.status, again.output) == (0, "The database is up to date.\n")


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_wrong_settings_are_status_2_with_a_line_for_each_fault(alone: Ams, command: str) -> None:
    file = alone.folder / "ams.toml"
    file.write_text("[server]\nhttp_prot = 1\nworkers = 0\n")
    result = alone(command, "--config", file)
    assert result.status == 2
    lines = result.errors.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"Error: {file}: server.") for line in lines)


def test_serve_without_what_a_broker_needs_ends_with_the_reason(alone: Ams) -> None:
    result = alone("serve", environment={"AMS_DATABASE__URL": f"sqlite://{alone.folder}/ams.db"})
    assert result.status == 2
    assert result.errors == "Error: auth.token_keys: the broker needs at least one key\n"


def test_the_version_needs_no_broker(alone: Ams) -> None:
    assert alone("--version").output == f"ams {__version__}\n"
