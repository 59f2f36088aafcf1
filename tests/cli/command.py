"""Runs `ams` as its users do."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The longest run of a command that ends by itself, in seconds.
COMMAND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a command has printed, and its exit status."""

    status: int
    output: str
    errors: str

    def json(self) -> Any:  # noqa: ANN401 (whatever JSON the command prints)
        """The JSON that a command which succeeded has printed."""
        assert self.status == 0, self.errors
        return json.loads(self.output)


class Ams:
    """The `ams` command in a folder of its own, for a user without profiles."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """`environment` are variables beside those of this process."""
        self.folder = folder
        self.profiles = folder / "config" / "ams" / "profiles.toml"
        self.environment = clean_environment(
            {"XDG_CONFIG_HOME": str(folder / "config"), **environment}
        )

    def __call__(
        self,
        *arguments: str | Path,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Runs a command to its end; `environment` are variables for this run only."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            input=stdin,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Starts a command; its input and output are pipes."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @staticmethod
    def command(*arguments: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-P", "-m", "ams", *map(str, arguments)]


def clean_environment(additions: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that would steer AMS, and with `additions`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AMS_")}
    return {**kept, "COLUMNS": "100", **additions}
