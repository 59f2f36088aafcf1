"""What operators ask: full lists, peek, history, purge, dry runs, who may do what."""

import pytest

from ams.cli.listing import SUBSCRIPTION_COUNTERS, TOPIC_COUNTERS
from ams.client import Client, Offsets, OutgoingMessage
from tests.cli.command import Ams


@pytest.fixture
def published(ams: Ams, admin: Client, project: str, topic: str) -> Ams:
    """The command in a project with topic t, to which three messages were published."""
    messages = [OutgoingMessage(data, {"kind": "line"}) for data in (b"a", b"b", b"c")]
    admin.topics.publish(project, topic, messages)
    return ams


def test_a_full_list_shows_how_topics_fare(published: Ams, admin: Client, project: str) -> None:
    admin.topics.create(project, "idle")
    header, *rows = published(
        "topic", "list", "--sort", "storedMessages", "--descending"
    ).output.splitlines()
    assert header.split()[:3] == ["TOPIC", "STORED", "SIZE"]
    assert [row.split()[:2] for row in rows] == [["t", "3"], ["idle", "0"]]
    found = published("topic", "list", "--full", "--filter", "ID", "--json").json()["topics"]
    assert [topic["statistics"]["messages"] for topic in found] == [0]
    assert published("topic", "list", "--sort", "colour").status == 2


def test_a_full_list_shows_how_subscriptions_fare(published: Ams) -> None:
    (row,) = published("subscription", "list", "--full").output.splitlines()[1:]
    assert row.split()[:3] == ["s", "t", "3"]
    assert row.split()[-1] == "none"


@pytest.mark.usefixtures("topic")
def test_the_api_sorts_by_all_that_the_command_names(admin: Client, project: str) -> None:
    for by in TOPIC_COUNTERS:
        assert admin.topics.page(project, full=True, order_by=by).topics
    for by in SUBSCRIPTION_COUNTERS:
        assert admin.subscriptions.page(project, full=True, order_by=by).subscriptions


def test_messages_are_looked_at_and_stay(published: Ams) -> None:
    shown = published("topic", "peek", "t", "-n", "2").output
    assert [line.split()[0] for line in shown.splitlines()] == ["1", "b", "2", "c"]
    peeked = published("topic", "peek", "t", "--offset", "0", "-n", "1", "--json").json()
    assert (len(peeked["messages"]), peeked["nextOffset"], peeked["end"]) == (1, 1, 3)
    found = published("topic", "peek", "t", "--time", "2026-01-01", "-a", "kind=line", "-a", "kind")
    assert found.output.count("kind=line") == 3
    nothing = published("topic", "peek", "t", "-a", "kind=other")
    assert (nothing.output, nothing.errors) == ("", "No messages.\n")
    assert published("topic", "peek", "t", "--time", "2026-01-01", "--offset", "0").status == 2


def test_the_past_is_shown_in_steps(published: Ams) -> None:
    header, *steps = published("topic", "history", "t", "--window", "7d").output.splitlines()
    assert header.split() == ["UNTIL", "PUBLISHED", "A", "SECOND", "STORED"]
    assert len(steps) == 168
    history = published("subscription", "history", "s", "--json").json()
    assert (history["window"], history["stepSeconds"]) == ("1h", 60)
    assert "BACKLOG" in published("subscription", "history", "s").output
    wrong = published("topic", "history", "t", "--window", "2h")
    assert (wrong.status, "needs 1h, 24h or 7d" in wrong.errors) == (1, True)


def test_a_dry_run_says_what_would_be_lost_and_loses_nothing(
    published: Ams, admin: Client, project: str
) -> None:
    for command, shown in (
        (("project", "delete", project), "messages deleted        3, "),
        (("topic", "delete", "t"), "subscriptions without a topic  1"),
        (("topic", "purge", "t"), "messages removed  3, "),
        (("subscription", "delete", "s"), "messages not acknowledged  3"),
        (("subscription", "purge", "s"), "messages skipped  3"),
        (("subscription", "seek", "s", "--end"), "messages skipped          3"),
        (("user", "delete", "demo-publisher"), "memberships ended       1"),
    ):
        result = published(*command, "--dry-run")
        assert (result.status, shown in result.output) == (0, True), result
        assert result.errors.startswith("Nothing was done.")
    assert published("topic", "purge", "t", "--dry-run", "--json").json()["messages"] == 3
    assert admin.subscriptions.offsets(project, "s") == Offsets(max=3, min=0, current=0)


def test_messages_are_purged(published: Ams) -> None:
    skipped = published("subscription", "purge", "s")
    assert skipped.output == "Messages skipped by subscription s: 3.\n"
    assert published("subscription", "purge", "s", "--json").json() == {"skipped": 0}
    removed = published("topic", "purge", "t", "--yes")
    assert removed.output == "Messages removed from topic t: 3.\n"
    assert published("topic", "purge", "no").errors == "Error: Topic doesn't exist\n"


def test_it_is_explained_who_may_do_what(published: Ams) -> None:
    refused = published("access", "explain", "demo-publisher", "topics:list").output
    assert "no (HTTP status 401)" in refused
    allowed = published("access", "explain", "admin", "topics:publish", "topics/t", "--json").json()
    assert (allowed["allowed"], allowed["roles"]) == (True, ["service_admin"])
    assert published("access", "explain", "admin", "no:such").errors == "Error: Unknown action\n"
