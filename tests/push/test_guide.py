"""docs/push.md does what it says."""

import re
import shlex
import sys
from pathlib import Path

from tests.cli.command import Ams
from tests.cli.data_folder import Up
from tests.eventually import eventually_sync
from tests.processes import ChildProcess, free_port

DOCS = Path(__file__).parents[2] / "docs"


def commands() -> list[list[str]]:
    """The commands that the page has its readers type."""
    page = (DOCS / "push.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    return [shlex.split(line) for line in lines]


def test_the_example_receives_what_is_published_with_ams_up(tmp_path: Path) -> None:
    create, receiver, verify, publish = commands()
    url = "https://127.0.0.1:8000"
    here = f"https://127.0.0.1:{free_port()}"
    with Up(tmp_path) as up:
        up.start()
        ams = Ams(tmp_path)
        assert create[0] == "ams"
        shown = ams(*(word.replace(url, here) for word in create[1:]))
        assert shown.status == 0, shown.errors
        hash_ = re.search(r"ams_verification_hash with (\w+)", shown.output)
        authorization = re.search(r"authorization +(\w+)", shown.output)
        assert hash_
        assert authorization
        secrets = {"HASH": hash_[1], "AUTHORIZATION": authorization[1], url: here}
        arguments = [secrets.get(word, word) for word in receiver[2:]]
        program = DOCS.parent / receiver[1]
        process = ChildProcess("receiver", [sys.executable, program, *arguments], tmp_path)
        process.start()
        try:
            eventually_sync(lambda: ams(*verify[1:]).status == 0, within=20)
            assert ams(*publish[1:]).status == 0
            line = f"projects/demo/subscriptions/pushed 0 {publish[-1]}"
            eventually_sync(lambda: line in process.log().splitlines())
            eventually_sync(lambda: "delivered      1 mess" in ams(*show()).output)
            assert "is currently active" in ams(*show()).output
        finally:
            process.kill()
        assert up.process.terminate() == 0
        assert up.left() == {}
        assert '"msg":"stopped"' in up.log("push")


def show() -> list[str]:
    (command,) = re.findall(r"`ams (subscription show \w+)`", (DOCS / "push.md").read_text())
    return shlex.split(command)
