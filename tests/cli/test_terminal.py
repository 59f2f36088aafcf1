"""What a person at a terminal sees, where it differs from what a program gets."""

import os
import pty
from contextlib import suppress

from ams.client import Client, OutgoingMessage
from tests.cli.command import Ams

#: Columns of the terminal.
WIDTH = 40


def seen(ams: Ams, *arguments: str, typed: bytes = b"") -> str:
    """Runs a command in a terminal, and returns all that it shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ams.folder)
        command = ams.command(*arguments)
        os.execve(command[0], command, {**ams.environment, "COLUMNS": str(WIDTH), "TERM": "xterm"})
    os.write(terminal, typed)
    output = b""
    with suppress(OSError):  # how the terminal says that its last user is gone
        while piece := os.read(terminal, 65_536):
            output += piece
    os.close(terminal)
    os.waitpid(pid, 0)
    return output.decode().replace("\r\n", "\n")


def test_a_table_is_folded_not_cut(ams: Ams) -> None:
    name = "".join(f"topic-number-{number}-" for number in range(10))
    ams("topic", "create", name)
    shown = seen(ams, "topic", "list")
    cells = [line[: line.find("  ")].strip() for line in shown.splitlines()[1:]]
    assert "".join(cells).startswith(name)
    assert "\x1b[1m" in shown


def test_one_thing_is_shown_with_values_that_can_be_copied(ams: Ams) -> None:
    shown = seen(ams, "user", "show", "admin")
    token = ams("user", "show", "admin", "--json").json()["token"]
    assert token in shown


def test_a_person_is_asked_before_something_is_removed(ams: Ams) -> None:
    ams("topic", "create", "t")
    assert "Delete topic t and its messages?" in seen(ams, "topic", "delete", "t", typed=b"n\n")
    assert ams("topic", "show", "t").status == 0
    assert "Deleted topic t." in seen(ams, "topic", "delete", "t", typed=b"y\n")
    ams("topic", "create", "u")
    assert "?" not in seen(ams, "topic", "delete", "u", "--yes")


def test_a_person_is_told_that_nothing_was_acknowledged(ams: Ams) -> None:
    ams("topic", "create", "t")
    ams("subscription", "create", "s", "t")
    assert "No messages." in seen(ams, "pull", "s")
    ams("publish", "t", "hello")
    assert "Not acknowledged: add --ack" in seen(ams, "pull", "s")
    assert "Not acknowledged" not in seen(ams, "pull", "s", "--ack")


def test_a_person_is_told_how_to_look_at_more_messages(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    admin.topics.publish(project, topic, [OutgoingMessage(b"x")] * 2)
    assert "go on with --offset 1." in seen(ams, "topic", "peek", "t", "--offset", "0", "-n", "1")
    assert "go on" not in seen(ams, "topic", "peek", "t")


def test_numbers_are_aligned_on_the_right(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    admin.topics.publish(project, topic, [OutgoingMessage(b"x")])
    days = seen(ams, "topic", "metrics", "t").splitlines()[-1]
    assert days.rstrip().endswith("         1")


def test_a_person_is_asked_before_messages_are_purged(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    admin.topics.publish(project, topic, [OutgoingMessage(b"x")])
    shown = seen(ams, "topic", "purge", "t", typed=b"n\n")
    assert ("Remove all messages" in shown, "nothing was done" in shown) == (True, True)
    assert admin.topics.peek(project, topic).messages
