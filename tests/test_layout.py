"""How the project is laid out: who may import whom, and where code may stand."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("ams", "authn", "metrics")
#: A file that is longer probably holds two things.
MOST_LINES = 400
#: Names that say nothing of what is inside.
EMPTY_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}


def sources() -> list[Path]:
    return [
        path
        for folder in (*PACKAGES, "tests")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".lua", ".py"}
    ]


def test_imports_go_in_the_agreed_direction() -> None:
    """The contracts stand in pyproject.toml."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_folder_of_code_is_a_package() -> None:
    """The check of imports doesn't see the others."""
    folders = {path.parent for path in sources() if path.relative_to(ROOT).parts[0] in PACKAGES}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_file_has_an_empty_name() -> None:
    assert [path for path in sources() if path.stem in EMPTY_NAMES] == []


def test_no_file_holds_two_things() -> None:
    assert [path for path in sources() if len(path.read_text().splitlines()) > MOST_LINES] == []
