"""The JSON metrics (contract: ams-users-metrics 8) and those of Prometheus agree."""

from collections.abc import Iterator

import pytest

from tests.api.client import Project, object_in
from tests.exporter import Exporter, exporter_on
from tests.node import Node


@pytest.fixture(scope="module")
def exporter(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    with exporter_on(tmp_path_factory.mktemp("exporter"), node.config) as exporter:
        yield exporter


async def values(project: Project, path: str = "") -> dict[str, float]:
    """The newest value of each metric."""
    found = object_in(await project.request("GET", f"{path}:metrics"))["metrics"]
    return {each["metric"]: each["timeseries"][0]["value"] for each in found if each["timeseries"]}


async def test_topics_subscriptions_and_projects_have_the_same_figures_in_both(
    queue: Project, exporter: Exporter
) -> None:
    """Contract: ams-users-metrics 8.1 to 8.6."""
    await queue.topic("gone")
    await queue.publish("gone", "deleted with its topic")
    await queue.request("DELETE", "/topics/gone")
    for texts in (["one"], ["two", "three"]):
        await queue.publish("t", *texts)
    await queue.pull("s", 2)
    await queue.pull("s", 2)
    topic, subscription = await values(queue, "/topics/t"), await values(queue, "/subscriptions/s")
    project = await values(queue)
    report = object_in(
        await queue.node.request("GET", f"/v1/metrics/va_metrics?projects={queue.name}")
    )
    admin = await queue.user("project_admin")
    usage = object_in(
        await queue.node.request(
            "GET", f"/v1/users/usageReport?projects={queue.name}", token=admin.token
        )
    )
    figures = exporter.figures()

    def of_topic(name: str) -> float:
        return figures(f"ams_topic_{name}", project=queue.name, topic="t")

    def of_subscription(name: str) -> float:
        return figures(f"ams_subscription_{name}", project=queue.name, subscription="s")

    def of_project(name: str) -> float:
        return figures(f"ams_project_{name}", project=queue.name)

    assert of_topic("messages_total") == topic["topic.number_of_messages"] == 3
    assert of_topic("bytes_total") == topic["topic.number_of_bytes"]
    assert of_topic("subscriptions") == topic["topic.number_of_subscriptions"] == 1
    assert of_topic("publishing_rate") == topic["topic.publishing_rate"]
    assert of_subscription("messages_total") == subscription["subscription.number_of_messages"] == 4
    assert of_subscription("bytes_total") == subscription["subscription.number_of_bytes"]
    assert of_subscription("consumption_rate") == subscription["subscription.consumption_rate"]
    assert of_project("topics") == project["project.number_of_topics"] == 1
    assert of_project("subscriptions") == project["project.number_of_subscriptions"] == 1
    assert of_project("daily_messages") == project["project.number_of_daily_messages"] == 4
    (reported,) = report["projects_metrics"]["projects"]
    assert of_project("messages_total") == reported["message_count"] == 4
    assert usage["va_metrics"]["projects_metrics"]["total_message_count"] == 4


async def test_full_lists_have_the_same_figures(queue: Project, exporter: Exporter) -> None:
    await queue.publish("t", "one", "two")
    lists = {
        kind: object_in(await queue.request("GET", f"/{kind}?view=full"))[kind]
        for kind in ("topics", "subscriptions")
    }
    (topic,), (subscription,) = (lists["topics"], lists["subscriptions"])
    figures = exporter.figures()
    for name, key in (
        ("messages_total", "messages"),
        ("bytes_total", "bytes"),
        ("stored_messages", "storedMessages"),
        ("stored_bytes", "storedBytes"),
    ):
        value = figures(f"ams_topic_{name}", project=queue.name, topic="t")
        assert value == topic["statistics"][key]
    backlog = figures("ams_subscription_backlog_messages", project=queue.name, subscription="s")
    assert backlog == subscription["statistics"]["backlog"] == 2
