"""docs/cli.md against the command, and how quickly the command starts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ams.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
CONNECTION = {"--url", "--token", "--project", "--ca", "--profile", "--data", "--json"}


# Any: the types of commands are Typer's own business, and move with its versions.
def commands(command: Any, name: str = "ams") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """All commands below one, by the words that call them."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for word, subcommand in below.items():
        yield from commands(subcommand, f"{name} {word}")


def options(command: Any) -> set[str]:  # noqa: ANN401
    """The options of a command, short forms included, but for those that many have."""
    names = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    }
    return names - CONNECTION if names >= CONNECTION else names


def sections() -> dict[str, str]:
    """The page's sections by the command that they are about."""
    parts = re.split(r"^### (ams .*)$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_command_has_a_section_and_no_section_is_of_none() -> None:
    assert set(sections()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_has_every_option_of_its_command(name: str) -> None:
    section = sections()[name]
    missing = {option for option in options(COMMANDS[name]) if f"`{option}`" not in section}
    assert missing == set()


def test_the_connection_options_are_explained_once() -> None:
    introduction = PAGE.read_text().partition("## Messages")[0]
    assert {option for option in CONNECTION if f"| `{option}` |" not in introduction} == set()


def test_no_option_is_made_up() -> None:
    known = {option for command in COMMANDS.values() for option in options(command)}
    written = set(re.findall(r"`(--?[a-z][a-z-]*)`", PAGE.read_text()))
    assert written - known - CONNECTION == set()


def test_a_command_starts_without_what_it_does_not_need() -> None:
    """Each of these takes a noticeable part of a second to import."""
    heavy = {"asyncio", "cryptography", "httpx", "redis", "rich", "sanic", "tortoise"}
    code = "import sys, ams.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())
