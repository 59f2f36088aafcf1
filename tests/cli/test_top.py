"""`ams top`: which topics and subscriptions are busy, and which fall behind."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Self

import pytest

from ams.client import Client, OutgoingMessage
from tests.cli.command import Ams
from tests.eventually import eventually_sync

#: Long enough for a rate that is not 0, with what is published meanwhile.
INTERVAL = ("--interval", "0.5")

#: What was written last: some pictures of a whole screen.
NEWEST_BYTES = 10_000
#: Lines of a screen on which there is room for all that other tests have left.
HIGH = "300"


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


class Screen:
    """A terminal in which `ams top` runs."""

    def __init__(self, ams: Ams, *options: str, **environment: str) -> None:
        self._terminal, end = pty.openpty()
        size = {"TERM": "xterm", "COLUMNS": "160", "LINES": "30"}
        self.process = subprocess.Popen(
            ams.command("top", "--interval", "0.1", *options),
            cwd=ams.folder,
            env={**ams.environment, **size, **environment},
            stdin=end,
            stdout=end,
            stderr=end,
        )
        os.close(end)
        self.seen = b""
        self._reader = Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._terminal)

    def shows(self, pattern: bytes) -> None:
        """Waits for something to be seen."""
        eventually_sync(
            lambda: re.search(pattern, re.sub(rb"\x1b\[[0-9;?]*\w", b"", self.seen)), within=30
        )

    def _read(self) -> None:
        with suppress(OSError):  # how the terminal says that its last user is gone
            while piece := os.read(self._terminal, 65_536):
                self.seen += piece


def test_in_a_terminal_it_goes_on_until_ctrl_c(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    with Screen(ams) as screen:
        screen.shows(rb"\s0\s+0\s+0 B")
        admin.topics.publish(project, topic, [OutgoingMessage(b"x")] * 7)
        screen.shows(rb"\s7\s+7\s+[0-9]+ B")
        screen.process.send_signal(signal.SIGINT)
        assert screen.process.wait(10) == 0
    assert b"Traceback" not in screen.seen


@pytest.mark.parametrize(
    ("columns", "topics", "subscriptions"),
    [
        ("100", rb"0/s +1,234 +1,234 +[0-9.]+ KiB", rb"1,234 +\w+ +0/s +none"),
        ("60", rb"0/s +1,234 +1,234 +[0-9.]+ KiB", rb"1,234 +\w+ +0/s"),
        ("40", rb"0/s", rb" 1,234"),
    ],
)
def test_in_a_narrow_terminal_names_are_cut_and_numbers_are_not(
    ams: Ams, admin: Client, project: str, columns: str, topics: bytes, subscriptions: bytes
) -> None:
    name = "a-long-name-" * 6
    admin.topics.create(project, name)
    admin.subscriptions.create(project, name, name)
    admin.topics.publish(project, name, [OutgoingMessage(b"x")] * 1234)
    cut = "a-long-.*… .*".encode()
    with Screen(ams, COLUMNS=columns) as screen:
        screen.shows(rb" RATE[^\n]*\n[^\n]*" + cut + topics)
        screen.shows(rb" BACKLOG[^\n]*\n[^\n]*" + cut + subscriptions)


@pytest.mark.usefixtures("topic")
def test_projects_may_come_and_go_meanwhile(ams: Ams, admin: Client) -> None:
    with Screen(ams, "--all", LINES=HIGH) as screen:
        screen.shows(rb"demo-topic")
        admin.projects.create("short-lived")
        admin.topics.create("short-lived", "visitor")
        screen.shows(rb"visitor")
        admin.projects.delete("short-lived")
        eventually_sync(lambda: b"visitor" not in screen.seen[-NEWEST_BYTES:], within=30)
        assert screen.process.poll() is None


@pytest.mark.usefixtures("topic")
def test_a_terminal_that_can_only_print_gets_the_tables_once(ams: Ams) -> None:
    with Screen(ams, TERM="dumb") as screen:
        assert screen.process.wait(10) == 0
    assert b"BACKLOG" in screen.seen
