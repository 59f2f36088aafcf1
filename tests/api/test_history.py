"""How topics and subscriptions fared, over HTTP."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from redis import Redis

from ams.messages.history import ROUNDS
from tests.api.client import FORBIDDEN, Object, Project, assert_empty, assert_error, object_in
from tests.conftest import StartNode
from tests.eventually import eventually

TOPIC = "/topics/t:history"
SUBSCRIPTION = "/subscriptions/s:history"


@pytest.mark.parametrize(
    ("window", "seconds", "number"), [("1h", 60, 60), ("24h", 600, 144), ("7d", 3600, 168)]
)
async def test_a_window_has_its_steps_oldest_first(
    queue: Project, window: str, seconds: int, number: int
) -> None:
    for path, fields in (
        (TOPIC, {"time", "published", "rate", "stored"}),
        (SUBSCRIPTION, {"time", "delivered", "rate", "backlog"}),
    ):
        found = object_in(await queue.request("GET", path, params={"window": window}))
        assert (found["window"], found["stepSeconds"]) == (window, seconds)
        points = found["points"]
        assert [set(point) for point in points] == [fields] * number
        times = [datetime.fromisoformat(point["time"]) for point in points]
        step = timedelta(seconds=seconds)
        assert {after - before for before, after in pairwise(times)} == {step}


async def test_an_hour_is_the_usual_window(queue: Project) -> None:
    for path in (TOPIC, SUBSCRIPTION):
        assert object_in(await queue.request("GET", path))["window"] == "1h"


async def test_what_was_sampled_is_shown_and_what_was_not_is_null(start_node: StartNode) -> None:
    node = await start_node()
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    await project.publish("t", *"abc")
    await project.read("s", 1)
    # Its next round is due when a minute begins, or when it starts and nobody has had one.
    node.kill()
    with Redis.from_url(str(node.settings["redis"]["url"])) as redis:
        redis.delete(ROUNDS)
    await node.start()

    async def last(path: str) -> Object:
        points = object_in(await project.request("GET", path))["points"]
        assert points[0] == {**points[0], "rate": None}
        found: Object = points[-1]
        return found

    async def sampled() -> bool:
        topic, subscription = await last(TOPIC), await last(SUBSCRIPTION)
        return (topic["stored"], subscription["backlog"]) == (3, 2)

    await eventually(sampled)


async def test_a_subscription_without_a_topic_has_no_history(queue: Project) -> None:
    assert_empty(await queue.request("DELETE", "/topics/t"))
    assert object_in(await queue.request("GET", SUBSCRIPTION))["points"] == []


async def test_publishers_and_consumers_must_be_on_the_list(queue: Project) -> None:
    """As for the metrics (contract: ams-users-metrics 2.6)."""
    for role, path, resource in (
        ("publisher", TOPIC, "topics/t"),
        ("consumer", SUBSCRIPTION, "subscriptions/s"),
    ):
        user = await queue.user(role)
        assert_error(await queue.request("GET", path, token=user.token), 403, FORBIDDEN)
        await queue.allow(resource, user)
        object_in(await queue.request("GET", path, token=user.token))


async def test_what_does_not_exist_is_404(quiet: Project) -> None:
    for thing, path in (("Topic", "topics"), ("Subscription", "subscriptions")):
        answer = await quiet.request("GET", f"/{path}/no:history", params={"window": "x"})
        assert_error(answer, 404, f"{thing} doesn't exist")


@pytest.mark.parametrize("window", ["2h", "1H", " 1h", "\u0661h", "1h" * 100])
async def test_another_window_is_400(quiet: Project, window: str) -> None:
    for path in (TOPIC, SUBSCRIPTION):
        answer = await quiet.request("GET", path, params={"window": window})
        assert_error(answer, 400, "Invalid window (needs 1h, 24h or 7d)")
