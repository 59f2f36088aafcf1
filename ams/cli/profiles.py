"""profiles.toml: named connections that a user keeps.

[default]
url = "https://broker.example.org"
token = "..."
project = "weather"
ca = "/etc/ssl/broker-ca.pem"
"""

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.private_file import readable_by_others

#: The profile that is taken if none is named.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Profile:
    """A named connection; what it does not say is empty. `ca` is a path."""

    url: str = ""
    token: str = ""
    project: str = ""
    ca: str = ""


def profiles_file() -> Path:
    """Where the profiles are: below $XDG_CONFIG_HOME, else ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "ams" / "profiles.toml"


def read_profile(name: str) -> Profile | None:
    """The profile of a name; None if there is none. Warns if others may read the file.

    Raises:
        CommandFailed: the file can't be read, or is wrong.
    """
    file = profiles_file()
    try:
        profiles = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    except ValueError as error:
        raise CommandFailed(f"{file} is not valid TOML: {error}", Exit.USAGE) from error
    if readable_by_others(file):
        typer.echo(
            f"Warning: other users may read the tokens in {file}; run: chmod 600 {file}", err=True
        )
    if name not in profiles:
        return None
    return _profile(profiles[name], f"{file}: {name}", file.parent)


def _profile(table: object, place: str, folder: Path) -> Profile:
    known = [field.name for field in fields(Profile)]
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise CommandFailed(f"{place}: a profile has {', '.join(known)}, all text", Exit.USAGE)
    if unknown := [key for key in table if key not in known]:
        raise CommandFailed(
            f"{place}: unknown key {unknown[0]}; a profile has {', '.join(known)}", Exit.USAGE
        )
    ca = table.get("ca", "")
    return Profile(**{**table, "ca": str(folder / Path(ca).expanduser()) if ca else ""})
