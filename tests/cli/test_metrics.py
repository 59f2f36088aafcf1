"""`ams metrics`, those of projects, topics and subscriptions, and `ams usage`."""

from datetime import UTC, datetime

import pytest

from ams.client import Client, OutgoingMessage
from tests.cli.command import Ams, Result


@pytest.fixture
def published(ams: Ams, admin: Client, project: str, topic: str) -> Ams:
    """The command in a project with topic t, to which 1234 messages were published."""
    admin.topics.publish(project, topic, [OutgoingMessage(b"hello!")] * 1234)
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


def test_a_project_tells_what_it_holds_and_for_whom(
    published: Ams, admin: Client, project: str
) -> None:
    name = admin.members.create(project, f"{project}-user", roles=["publisher"]).name
    admin.topics.modify_acl(project, "t", [name])
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


def test_the_use_of_a_project_is_reported_for_some_days(published: Ams, project: str) -> None:
    today = datetime.now(UTC).date().isoformat()
    _, row = published("usage", "--from", today, "--to", today).output.splitlines()
    assert row.split() == [project, "1,234", "1,234.00", "1", "1", "0"]
    early = published("usage", "--to", "2020-01-01")
    assert (early.output, early.errors) == ("", "Nothing was published in these days.\n")
    report = published("usage", "--all", "--json").json()["projects_metrics"]
    assert project in [each["project"] for each in report["projects"]]
    assert published("usage", "--from", "2026-02-30").status == 2


def test_a_project_admin_is_told_how_to_get_a_report(
    published: Ams, admin: Client, project: str
) -> None:
    """Contract: ams-users-metrics 2.3, 401 without a role in the service."""
    made = admin.members.create(project, f"{project}-admin", roles=["project_admin"])
    own = ("--token", made.token)
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


def test_the_subscriptions_of_a_topic_are_listed(
    ams: Ams, admin: Client, project: str, topic: str
) -> None:
    assert ams("topic", "subscriptions", topic).output.split() == ["SUBSCRIPTION", "s"]
    names = ams("topic", "subscriptions", topic, "--json").json()["subscriptions"]
    assert names == [f"/projects/{project}/subscriptions/s"]
    admin.topics.create(project, "u")
    empty = ams("topic", "subscriptions", "u")
    assert (empty.output, empty.errors) == ("", "No subscriptions.\n")


def test_what_a_topic_keeps_is_shown_in_units(ams: Ams, admin: Client, project: str) -> None:
    kept = {
        "a": (129_600, 1_572_864, "36h, 1.5 MiB"),
        "b": (1_209_600, None, "14d"),
        "c": (0, 0, "for ever, any size"),
        "d": (None, None, "default"),
    }
    for name, (seconds, size, _) in kept.items():
        admin.topics.create(project, name, retention_seconds=seconds, retention_bytes=size)
    rows = [line.split("  ") for line in ams("topic", "list").output.splitlines()[1:]]
    assert {row[0]: row[-1] for row in rows} == {name: kept[name][2] for name in kept}
