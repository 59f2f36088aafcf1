"""`ams metrics`, those of projects, topics and subscriptions, and `ams usage`."""

from datetime import UTC, datetime

import pytest

from tests.cli.command import Ams, Result


@pytest.fixture
def published(ams: Ams) -> Ams:
    """A project with topic t, to which 1234 messages were published, and subscription s."""
    ams("topic", "create", "t")
    ams("subscription", "create", "s", "t")
    assert ams("publish", "t", "--lines", stdin=b"hello!\n" * 1234).status == 0
    return ams


def fields(result: Result) -> dict[str, str]:
    """What a command shows of one thing, by name."""
    assert result.status == 0, result.errors
    lines = result.output.partition("\n\n")[0].splitlines()
    return {name: value.strip() for name, _, value in (line.partition("  ") for line in lines)}


def test_a_topic_and_a_subscription_tell_how_busy_they_are(published: Ams) -> None:
    topic = published("topic", "metrics", "t")
    shown = fields(topic)
    assert (shown["subscriptions"], shown["messages"]) == ("1", "1,234")
    assert shown["data"] == "9.6 KiB of base64"
    today = datetime.now(UTC).date().isoformat()
    assert topic.output.endswith(f"\n\nDAY         MESSAGES\n{today}     1,234\n")
    never = fields(published("subscription", "metrics", "s"))
    assert (never["messages"], never["last pulled"]) == ("0", "never")
    assert "rate then" not in never
    published("pull", "s")
    assert fields(published("subscription", "metrics", "s"))["messages"] == "10"
    metrics = published("topic", "metrics", "t", "--json").json()["metrics"]
    assert metrics[1]["timeseries"][0]["value"] == 1234


def test_a_project_tells_what_it_holds_and_for_whom(published: Ams) -> None:
    project = published.environment["AMS_PROJECT"]
    name = f"{project}-user"
    published("member", "create", name, "--role", "publisher")
    published("topic", "acl", "t", "--set", name)
    shown = published("project", "metrics", project)
    assert fields(shown) == {"topics": "1", "subscriptions": "1"}
    _, members, days = shown.output.split("\n\n")
    assert members.split() == ["MEMBER", "TOPICS", "SUBSCRIPTIONS", name, "1", "0"]
    assert days.split()[-1] == "1,234"


def test_hosts_tell_their_use_of_processor_and_memory(ams: Ams) -> None:
    header, *hosts = ams("metrics").output.splitlines()
    assert header.split() == ["HOST", "CPU", "MEMORY", "MEASURED"]
    assert all(host.split()[1].endswith("%") for host in hosts)
    assert ams("metrics", "--json").json()["metrics"]


def test_the_use_of_a_project_is_reported_for_some_days(published: Ams) -> None:
    project = published.environment["AMS_PROJECT"]
    today = datetime.now(UTC).date().isoformat()
    _, row = published("usage", "--from", today, "--to", today).output.splitlines()
    assert row.split() == [project, "1,234", "1,234.00", "1", "1", "0"]
    early = published("usage", "--to", "2020-01-01")
    assert (early.output, early.errors) == ("", "Nothing was published in these days.\n")
    report = published("usage", "--all", "--json").json()["projects_metrics"]
    assert project in [each["project"] for each in report["projects"]]
    for wrong in ("yesterday", "2026-02-30"):
        assert published("usage", "--from", wrong).status == 2


def test_a_project_admin_is_told_how_to_get_a_report(published: Ams) -> None:
    """Contract: ams-users-metrics 2.3, 401 without a role in the service."""
    name = f"{published.environment['AMS_PROJECT']}-admin"
    made = published("member", "create", name, "--role", "project_admin", "--json").json()
    own = ("--token", made["token"])
    refused = published("usage", *own)
    assert (refused.status, "Unauthorized" in refused.errors, "--mine" in refused.errors) == (
        1,
        True,
        True,
    )
    report = published("usage", "--mine", *own).output
    assert ("1,234" in report, "HOST" in report) == (True, True)
    nothing = published("usage", "--mine", "--project", "demo", *own)
    assert (nothing.output, nothing.errors) == ("", "You administer no such project.\n")


def test_the_subscriptions_of_a_topic_are_listed(published: Ams) -> None:
    assert published("topic", "subscriptions", "t").output.split() == ["SUBSCRIPTION", "s"]
    names = published("topic", "subscriptions", "t", "--json").json()["subscriptions"]
    assert [name.rpartition("/")[2] for name in names] == ["s"]
    published("topic", "create", "u")
    empty = published("topic", "subscriptions", "u")
    assert (empty.output, empty.errors) == ("", "No subscriptions.\n")


def test_what_a_topic_keeps_is_shown_in_units(ams: Ams) -> None:
    for options, shown in (
        (["--retention", "36h", "--retention-bytes", "1536K"], "36h, 1.5 MiB"),
        (["--retention", "14d"], "14d"),
        (["--retention", "0", "--retention-bytes", "0"], "for ever, any size"),
        ([], "default"),
    ):
        ams("topic", "create", "t")
        assert fields(ams("topic", "retention", "t", *options))["keeps"] == shown
