"""`ams top`: which topics and subscriptions are busy, and which fall behind."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest

from ams.client import Client, OutgoingMessage
from tests.cli.command import Ams
from tests.eventually import eventually_sync

#: Long enough for a rate that is not 0, with what is published meanwhile.
INTERVAL = ("--interval", "0.5")


@contextmanager
def publishing(admin: Client, project: str, topic: str) -> Iterator[None]:
    """Publishes all the while."""
    over = Event()

    def publish() -> None:
        while not over.wait(0.05):
            admin.topics.publish(project, topic, [OutgoingMessage(b"x")] * 3)

    thread = Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_programs_get_rates_and_backlogs_as_json(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    admin.topics.create(project, "idle")
    admin.subscriptions.create(project, "none", "idle")
    with publishing(admin, project, topic):
        busy = ams("top", *INTERVAL, "--json").json()
    assert busy["seconds"] >= 0.5
    assert [each["topic"] for each in busy["topics"]] == ["t", "idle"]
    assert [each["rate"] > 0 for each in busy["topics"]] == [True, False]
    assert [each["subscription"] for each in busy["subscriptions"]] == ["s", "none"]
    first, second = busy["subscriptions"]
    assert (first["project"], first["topic"], first["push_state"]) == (project, "t", "none")
    assert first["backlog"] >= 3
    assert first["oldest_unacknowledged_seconds"] >= 0
    assert (second["backlog"], second["oldest_unacknowledged_seconds"]) == (0, None)


@pytest.mark.usefixtures("topic")
def test_without_a_terminal_both_tables_are_printed_once(ams: Ams) -> None:
    topics, subscriptions = ams("top", "--once", "--interval", "0.1").output.split("\n\n")
    assert topics.split() == [
        *("PROJECT", "TOPIC", "RATE", "MESSAGES", "STORED", "SIZE", "LAST", "PUBLISH"),
        *(ams.environment["AMS_PROJECT"], "t", "0/s", "0", "0", "0", "B"),
    ]
    assert subscriptions.split()[-5:] == ["s", "t", "0", "0/s", "none"]


@pytest.mark.usefixtures("topic")
def test_all_projects_are_shown_on_demand(ams: Ams, project: str) -> None:
    shown = ams("top", "--all", "--json", "--interval", "0.1").json()
    assert {project, "demo"} <= {each["project"] for each in shown["topics"]}


def test_who_may_not_list_topics_gets_an_error(ams: Ams) -> None:
    refused = ams("top", "--once", "--token", "nobody's")
    assert (refused.status, refused.output) == (1, "")
    assert refused.errors == "Error: Unauthorized\n"


def test_in_a_terminal_it_goes_on_until_ctrl_c(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    terminal, end = pty.openpty()
    environment = {**ams.environment, "TERM": "xterm", "COLUMNS": "160", "LINES": "30"}
    command = ams.command("top", "--interval", "0.1")
    process = subprocess.Popen(
        command, cwd=ams.folder, env=environment, stdin=end, stdout=end, stderr=end
    )
    os.close(end)
    seen = b""

    def read() -> None:
        nonlocal seen
        with suppress(OSError):  # how the terminal says that its last user is gone
            while piece := os.read(terminal, 65_536):
                seen += piece

    reader = Thread(target=read)
    reader.start()
    try:
        eventually_sync(lambda: re.search(rb"\s0\s+0\s+0 B", seen))
        admin.topics.publish(project, topic, [OutgoingMessage(b"x")] * 7)
        eventually_sync(lambda: re.search(rb"\s7\s+7\s+[0-9]+ B", seen))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(terminal)
    assert b"Traceback" not in seen
