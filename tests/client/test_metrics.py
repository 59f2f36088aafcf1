"""Metrics and reports through the client library."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from ams.client import AsyncClient, Client, InvalidName, OutgoingMessage, ServiceError
from ams.client.call import Call, Repeat
from tests.node import Node

HELLO = OutgoingMessage(b"hello!")


def test_a_topic_tells_what_was_published_today(client: Client, project: str) -> None:
    client.topics.publish(project, "t", [HELLO, HELLO])
    metrics = {each.metric: each for each in client.topics.metrics(project, "t")}
    (messages,) = metrics["topic.number_of_messages"].timeseries
    (today,) = metrics["topic.number_of_daily_messages"].timeseries
    assert (messages.value, today.value) == (2, 2)
    assert today.timestamp == datetime.now(UTC).date().isoformat()
    # As base64 (contract: ams-users-metrics 8.1).
    assert metrics["topic.number_of_bytes"].timeseries[0].value == 16


def test_a_subscription_and_a_project_tell_what_they_have(client: Client, project: str) -> None:
    client.topics.publish(project, "t", [HELLO])
    client.subscriptions.pull(project, "s")
    consumed = {each.metric: each for each in client.subscriptions.metrics(project, "s")}
    assert consumed["subscription.number_of_messages"].timeseries[0].value == 1
    held = {each.metric: each for each in client.projects.metrics(project)}
    assert held["project.number_of_topics"].timeseries[0].value == 1
    with pytest.raises(ServiceError, match=r"^Subscription doesn't exist$"):
        client.subscriptions.metrics(project, "no")


def test_hosts_tell_their_use_of_processor_and_memory(client: Client) -> None:
    metrics = {each.metric for each in client.metrics.hosts()}
    assert metrics == {"ams_node.cpu_usage", "ams_node.memory_usage"}


def test_a_report_is_on_the_days_and_projects_that_are_asked_for(
    client: Client, project: str
) -> None:
    client.topics.publish(project, "t", [HELLO])
    today = datetime.now(UTC).date()
    report = client.metrics.activity(today, projects=[project])
    (found,) = report.projects_metrics.projects
    assert (found.project, found.message_count, found.average_daily_messages) == (project, 1, 1)
    assert (report.total_topics_count, report.total_subscriptions_count) == (1, 1)
    early = client.metrics.activity(date(2000, 1, 1), date(2000, 1, 2), projects=[project])
    assert early.projects_metrics.projects == ()
    with pytest.raises(ServiceError, match="Start date cannot be after the end date"):
        client.metrics.activity(today, date(2000, 1, 1))
    with pytest.raises(InvalidName):
        client.metrics.activity(projects=["a,b"])


async def test_a_project_admin_gets_a_report_too(
    node: Node, client: Client, async_client: AsyncClient, project: str
) -> None:
    """Contract: ams-users-metrics 8.7, where `va_metrics` is refused with 401 (2.3)."""
    client.topics.publish(project, "t", [HELLO])
    admin = client.members.create(project, f"{project}-admin", roles=["project_admin"])
    async with AsyncClient(node.http, admin.token) as own:
        with pytest.raises(ServiceError, match=r"^Unauthorized$"):
            await own.metrics.activity()
        report = await own.metrics.usage_report(projects=[project, "elsewhere"])
    projects = report.va_metrics.projects_metrics.projects
    assert [each.project for each in projects] == [project]
    assert report.operational_metrics.metrics
    await async_client.users.delete(admin.name)


def test_metrics_are_encoded_as_the_broker_sent_them(client: Client, project: str) -> None:
    client.topics.publish(project, "t", [HELLO])
    path = "/v1/metrics/va_metrics"
    query = {"projects": project}
    sent = client.send(Call("GET", path, msgspec.json.decode, Repeat.SAFE, query=query))
    report = client.metrics.activity(projects=[project])
    assert msgspec.json.decode(msgspec.json.encode(report)) == sent
