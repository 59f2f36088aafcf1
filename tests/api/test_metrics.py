"""Metrics of projects, topics and subscriptions (contract: ams-users-metrics 8.1 to 8.5)."""

import base64
import re
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.api.client import FORBIDDEN, Object, Project, assert_error, new_name, object_in
from tests.api.past import move, redis_of, set_days, topic_uuids

NEVER = "0001-01-01T00:00:00Z"


async def metrics_of(project: Project, path: str = "", **request: str) -> list[Object]:
    answer = object_in(await project.request("GET", f"{path}:metrics", **request))
    assert list(answer) == ["metrics"]
    found: list[Object] = answer["metrics"]
    return found


async def by_name(project: Project, path: str = "") -> dict[str, list[Object]]:
    """The time series by the metric's name."""
    return {each["metric"]: each["timeseries"] for each in await metrics_of(project, path)}


async def value_of(project: Project, path: str, metric: str) -> float:
    (point,) = (await by_name(project, path))[metric]
    value: float = point["value"]
    return value


def metric(
    name: str, resource: str, description: str, *points: Object, kind: str = "counter"
) -> Object:
    """As the catalogue has it (contract: ams-users-metrics 4.5)."""
    return {
        "metric": name,
        "metric_type": kind,
        "value_type": "int64" if kind == "counter" else "float64",
        "resource_type": name.rpartition(".")[0],
        "resource_name": resource,
        "timeseries": list(points),
        "description": description,
    }


def point(timestamp: date | str, value: float) -> Object:
    return {"timestamp": str(timestamp), "value": value}


def take_now(metrics: list[Object]) -> str:
    """The time that most of the metrics share, which must be that of the call."""
    now: str = metrics[0]["timeseries"][0]["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now)
    age = datetime.now(UTC) - datetime.fromisoformat(now)
    assert timedelta(0) <= age < timedelta(seconds=20)
    return now


PROJECT_TOPICS = "Counter that displays the number of topics belonging to the specific project"
PROJECT_SUBSCRIPTIONS = (
    "Counter that displays the number of subscriptions belonging to the specific project"
)
MEMBER_TOPICS = (
    "Counter that displays the number of topics that a user has access to the specific project"
)
MEMBER_SUBSCRIPTIONS = (
    "Counter that displays the number of subscriptions that a user has access to the specific"
    " project"
)
PROJECT_DAYS = (
    "A collection of counters that represents the total number of messages published each day to"
    " all of the project's topics"
)
TOPIC_SUBSCRIPTIONS = (
    "Counter that displays the number of subscriptions belonging to a specific topic"
)
TOPIC_MESSAGES = "Counter that displays the number of messages published to the specific topic"
TOPIC_BYTES = (
    "Counter that displays the total size of data (in bytes) published to the specific topic"
)
TOPIC_DAYS = (
    "A collection of counters that represents the total number of messages published each day to a"
    " specific topic"
)
PUBLISHING_RATE = (
    "A rate that displays how many messages were published per second between the last two publish"
    " events"
)
SUBSCRIPTION_MESSAGES = (
    "Counter that displays the number of messages consumed from the specific subscription"
)
SUBSCRIPTION_BYTES = (
    "Counter that displays the total size of data (in bytes) consumed from the specific"
    " subscription"
)
CONSUMPTION_RATE = (
    "A rate that displays how many messages were consumed per second between the last two consume"
    " events"
)


class TestOfAProject:
    async def test_all_of_them_in_their_order(self, project: Project) -> None:
        """Contract: ams-users-metrics 8.3: who was created first comes first.

        A member whom no list holds is left out, and so is who is a member no more.
        """
        first = await project.user("publisher", "consumer")
        second = await project.user("publisher")
        await project.user("publisher")
        left = await project.user("publisher")
        for name in ("t", "u"):
            await project.topic(name)
            await project.publish(name, "a", "b")
            await project.allow(f"topics/{name}", second, left, *[first] * (name == "t"))
        await project.subscription("s", "t")
        await project.allow("subscriptions/s", first)
        object_in(await project.request("POST", f"/members/{left.name}:remove", json={}))
        found = await metrics_of(project)
        now, today = take_now(found), await move(project, 0)
        assert found == [
            metric("project.number_of_topics", project.name, PROJECT_TOPICS, point(now, 2)),
            metric(
                "project.number_of_subscriptions",
                project.name,
                PROJECT_SUBSCRIPTIONS,
                point(now, 1),
            ),
            *(
                metric(
                    "project.user.number_of_topics",
                    f"{project.name}.{user.name}",
                    MEMBER_TOPICS,
                    point(now, value),
                )
                for user, value in ((first, 1), (second, 2))
            ),
            metric(
                "project.user.number_of_subscriptions",
                f"{project.name}.{first.name}",
                MEMBER_SUBSCRIPTIONS,
                point(now, 1),
            ),
            metric("project.number_of_daily_messages", project.name, PROJECT_DAYS, point(today, 4)),
        ]
        assert [list(each) for each in found] == [[*found[0]]] * len(found)
        assert [*found[0]] == [
            "metric",
            "metric_type",
            "value_type",
            "resource_type",
            "resource_name",
            "timeseries",
            "description",
        ]

    async def test_of_one_that_has_nothing(self, project: Project) -> None:
        found = await metrics_of(project)
        assert [(each["metric"], [p["value"] for p in each["timeseries"]]) for each in found] == [
            ("project.number_of_topics", [0]),
            ("project.number_of_subscriptions", [0]),
            ("project.number_of_daily_messages", []),
        ]

    async def test_the_30_newest_days_with_a_publish_newest_first(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.2. Of all topics together; silent days are absent."""
        await queue.topic("u")
        await queue.publish("t", "a", "b")
        today = await move(queue, 0)
        old = {today - timedelta(days=2 * n): n for n in range(1, 40)}
        await set_days(queue, old)
        await set_days(queue, dict.fromkeys([*old][5:], 100), "u")
        await set_days(queue, {today - timedelta(days=3): 7}, "u")
        days = {**old, today: 2, today - timedelta(days=3): 7}
        for day in [*old][5:]:
            days[day] += 100
        newest = [point(day, days[day]) for day in sorted(days, reverse=True)[:30]]
        assert (await by_name(queue))["project.number_of_daily_messages"] == newest
        own = [point(day, n) for day, n in [(today, 2), *old.items()][:30]]
        assert (await by_name(queue, "/topics/t"))["topic.number_of_daily_messages"] == own

    async def test_deleted_topics_leave_their_days(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.1, 14 #36."""
        await queue.publish("t", "a", "b")
        today = await move(queue, 1)
        await queue.publish("t", "c")
        await queue.request("DELETE", "/topics/t")
        series = await by_name(queue)
        assert series["project.number_of_daily_messages"] == [
            point(today, 1),
            point(today - timedelta(days=1), 2),
        ]
        assert [p["value"] for p in series["project.number_of_topics"]] == [0]
        assert [p["value"] for p in series["project.number_of_subscriptions"]] == [1]

    async def test_a_deleted_project_leaves_no_days(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.1; nothing of its topics stays in Redis, either."""
        await queue.publish("t", "a")
        await move(queue, 1)
        await queue.publish("t", "b")
        await queue.request("DELETE", "/topics/t")
        await queue.topic("t")
        await queue.publish("t", "c")
        await move(queue, 1)
        await queue.publish("t", "d")
        uuids = await topic_uuids(queue)
        with redis_of(queue.node) as redis:
            kept = [redis.exists(f"ams:{{{uuid}}}:days") for uuid in uuids]
            # Those of a topic that lives are in its hash, and move when it goes.
            assert kept == [1, 0]
            await queue.request("DELETE")
            for uuid in uuids:
                left = [*redis.scan_iter(f"ams:{{{uuid}}}*")]
                assert f"ams:{{{uuid}}}:days" not in left
                # Tombstones, for a while.
                assert all(0 < redis.ttl(key) <= 600 for key in left)
        assert_error(await queue.request("GET", ":metrics"), 404, "project doesn't exist")
        object_in(await queue.request("POST", json={}))
        await queue.topic("t")
        for path, of in (("", "project"), ("/topics/t", "topic")):
            assert (await by_name(queue, path))[f"{of}.number_of_daily_messages"] == []

    async def test_an_unknown_one_is_404(self, project: Project) -> None:
        answer = await project.node.request("GET", f"/v1/projects/{new_name('no')}:metrics")
        assert_error(answer, 404, "project doesn't exist")

    @pytest.mark.parametrize("role", ["publisher", "consumer", "metrics_viewer"])
    async def test_only_admins_see_them(self, project: Project, role: str) -> None:
        user = await project.user(role)
        assert_error(await project.request("GET", ":metrics", token=user.token), 403, FORBIDDEN)
        admin = await project.user("project_admin")
        assert await metrics_of(project, token=admin.token)


class TestOfATopic:
    async def test_all_of_them_in_their_order(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.4. Bytes are those of the data as sent (14 #35)."""
        data = base64.b64encode(b"twelve bytes").decode()
        messages: list[Object] = [
            {"data": data, "attributes": {"not": "counted"}},
            {"data": "YQ=="},
        ]
        await queue.publish_messages("t", *messages)
        found = await metrics_of(queue, "/topics/t")
        now, today = take_now(found), await move(queue, 0)
        published = found[-1]["timeseries"][0]["timestamp"]
        assert published <= now
        assert found == [
            metric("topic.number_of_subscriptions", "t", TOPIC_SUBSCRIPTIONS, point(now, 1)),
            metric("topic.number_of_messages", "t", TOPIC_MESSAGES, point(now, 2)),
            metric("topic.number_of_bytes", "t", TOPIC_BYTES, point(now, 16 + 4)),
            metric("topic.number_of_daily_messages", "t", TOPIC_DAYS, point(today, 2)),
            metric("topic.publishing_rate", "t", PUBLISHING_RATE, point(published, 2), kind="rate"),
        ]

    async def test_of_one_without_a_publish(self, project: Project) -> None:
        """Contract: ams-users-metrics 8.4, 1.8: a time that is not set is in the year 1."""
        await project.topic("t")
        series = await by_name(project, "/topics/t")
        assert series["topic.publishing_rate"] == [point(NEVER, 0)]
        assert series["topic.number_of_daily_messages"] == []
        for name in ("subscriptions", "messages", "bytes"):
            assert [p["value"] for p in series[f"topic.number_of_{name}"]] == [0]

    async def test_whole_numbers_have_no_fraction(self, queue: Project) -> None:
        """Contract: ams-users-metrics 1.5."""
        await queue.publish("t", *"abcdefg")
        answer = await queue.request("GET", "/topics/t:metrics")
        assert re.findall(r'"value":\s*([^}\s]+)', answer.text) == ["1", "7", "28", "7", "7"]

    async def test_the_rate_is_that_between_the_last_two_publishes(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.1. An empty publish is one, and makes it 0."""
        await queue.publish("t", "a")
        await move(queue, 1)
        await queue.publish("t", *"bcd")
        rate = await value_of(queue, "/topics/t", "topic.publishing_rate")
        assert rate == pytest.approx(3 / 86_400, rel=0.01)
        await queue.publish("t")
        assert await value_of(queue, "/topics/t", "topic.publishing_rate") == 0

    async def test_the_rate_is_a_number_though_the_clock_went_back(self, queue: Project) -> None:
        """Contract: ams-users-metrics 14 #37."""
        await queue.publish("t", "a")
        await move(queue, -1)
        await queue.publish("t", "b", "c")
        assert await value_of(queue, "/topics/t", "topic.publishing_rate") == 2

    async def test_a_new_topic_of_a_deleted_ones_name_inherits_its_days(
        self, queue: Project
    ) -> None:
        """Contract: ams-users-metrics 8.1: the days, but no counter."""
        elsewhere = await Project.create(queue.node)
        for project, name in ((queue, "u"), (elsewhere, "t")):
            await project.topic(name)
            await project.publish(name, "of another")
            await project.request("DELETE", f"/topics/{name}")
        for _ in range(2):
            await queue.publish("t", "a", "b")
            today = await move(queue, 2)
            await queue.publish("t", "c")
            await queue.request("DELETE", "/topics/t")
            await queue.topic("t")
        series = await by_name(queue, "/topics/t")
        days = [point(today, 2), point(today - timedelta(days=2), 4)]
        assert series["topic.number_of_daily_messages"] == days
        assert [p["value"] for p in series["topic.number_of_messages"]] == [0]
        assert series["topic.publishing_rate"] == [point(NEVER, 0)]
        await queue.publish("t", "d")
        series = await by_name(queue, "/topics/t")
        days[0]["value"] += 1
        assert series["topic.number_of_daily_messages"] == days
        assert [p["value"] for p in series["topic.number_of_messages"]] == [1]
        assert [p["value"] for p in series["topic.number_of_subscriptions"]] == [1]
        assert_error(await queue.request("GET", "/topics/u:metrics"), 404, "Topic doesn't exist")
        await elsewhere.remove()


class TestOfASubscription:
    async def test_all_of_them_in_their_order(self, queue: Project) -> None:
        """Contract: ams-users-metrics 8.5; a message that comes again counts again (8.1)."""
        await queue.publish_messages("t", {"data": "YWJj"}, {"data": "YQ=="})
        await queue.pull("s", 10)
        found = await metrics_of(queue, "/subscriptions/s")
        now, consumed = take_now(found), found[-1]["timeseries"][0]["timestamp"]
        assert NEVER < consumed <= now
        assert found == [
            metric("subscription.number_of_messages", "s", SUBSCRIPTION_MESSAGES, point(now, 2)),
            metric("subscription.number_of_bytes", "s", SUBSCRIPTION_BYTES, point(now, 8)),
            metric(
                "subscription.consumption_rate",
                "s",
                CONSUMPTION_RATE,
                point(consumed, 2),
                kind="rate",
            ),
        ]
        await queue.pull("s", 1)
        path = "/subscriptions/s"
        assert await value_of(queue, path, "subscription.number_of_messages") == 3
        assert await value_of(queue, path, "subscription.number_of_bytes") == 12
        assert await value_of(queue, path, "subscription.consumption_rate") > 0

    async def test_an_empty_pull_makes_the_rate_0_and_counts_as_a_time(
        self, queue: Project
    ) -> None:
        """Contract: ams-users-metrics 8.1, 14 #35."""
        assert await queue.pull("s") == []
        series = await by_name(queue, "/subscriptions/s")
        (rate,) = series["subscription.consumption_rate"]
        assert rate["timestamp"] > NEVER
        assert rate["value"] == 0

    async def test_of_one_that_was_never_used(self, queue: Project) -> None:
        await queue.publish("t", "a")
        series = await by_name(queue, "/subscriptions/s")
        assert series["subscription.consumption_rate"] == [point(NEVER, 0)]
        for name in ("messages", "bytes"):
            assert [p["value"] for p in series[f"subscription.number_of_{name}"]] == [0]

    async def test_without_a_topic_all_is_0(self, queue: Project) -> None:
        await queue.publish("t", "a")
        await queue.pull("s")
        await queue.request("DELETE", "/topics/t")
        series = await by_name(queue, "/subscriptions/s")
        assert series["subscription.consumption_rate"] == [point(NEVER, 0)]
        assert [p["value"] for p in series["subscription.number_of_messages"]] == [0]
