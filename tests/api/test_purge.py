"""Getting rid of messages."""

from tests.api.client import (
    FORBIDDEN,
    Object,
    Project,
    assert_empty,
    assert_error,
    data_of,
    object_in,
)

TOPIC = "/topics/t:purge"
SUBSCRIPTION = "/subscriptions/s:purge"
DRY = {"dryRun": "true"}


async def recorded(project: Project, action: str) -> list[Object]:
    answer = await project.request("GET", "/audit", params={"action": action})
    return [entry["detail"] for entry in object_in(answer)["entries"]]


async def test_a_purged_topic_is_empty_and_its_offsets_go_on(queue: Project) -> None:
    await queue.publish("t", *"abc")
    expected = object_in(await queue.request("POST", TOPIC, params=DRY))
    assert expected["messages"] == 3
    assert (await queue.offsets())["min"] == 0
    assert object_in(await queue.request("POST", TOPIC)) == expected
    assert await queue.offsets() == {"max": 3, "min": 3, "current": 3}
    assert await queue.publish("t", "d") == ["3"]
    assert await queue.read("s", 10) == [data_of("d")]
    assert await recorded(queue, "topics:purge") == [expected]


async def test_a_purge_of_many_messages_counts_them_all(queue: Project) -> None:
    """More than are removed at a time."""
    for _ in range(3):
        await queue.publish_messages("t", *([{"data": "YQ=="}] * 4000))
    assert object_in(await queue.request("POST", TOPIC))["messages"] == 12_000
    assert await queue.offsets() == {"max": 12_000, "min": 12_000, "current": 12_000}


async def test_an_empty_topic_can_be_purged(queue: Project) -> None:
    assert object_in(await queue.request("POST", TOPIC)) == {"messages": 0, "bytes": 0}


async def test_only_admins_purge_a_topic(queue: Project) -> None:
    user = await queue.user("publisher", "consumer")
    await queue.allow("topics/t", user)
    await queue.allow("subscriptions/s", user)
    assert_error(await queue.request("POST", TOPIC, token=user.token), 403, FORBIDDEN)
    admin = await queue.user("project_admin")
    object_in(await queue.request("POST", TOPIC, token=admin.token))


async def test_a_purged_subscription_goes_on_at_the_end(queue: Project) -> None:
    await queue.subscription("r", "t")
    await queue.publish("t", *"abcd")
    await queue.read("s", 1)
    await queue.pull("s", 2)
    assert object_in(await queue.request("POST", SUBSCRIPTION, params=DRY)) == {"skipped": 3}
    assert await queue.offsets() == {"max": 4, "min": 0, "current": 1}
    assert object_in(await queue.request("POST", SUBSCRIPTION)) == {"skipped": 3}
    assert await queue.offsets() == {"max": 4, "min": 0, "current": 4}
    assert_error(await queue.acknowledge("s", 2), 500, "no ack pending")
    assert len(await queue.read("r", 10)) == 4
    assert object_in(await queue.request("POST", SUBSCRIPTION)) == {"skipped": 0}
    assert await recorded(queue, "subscriptions:purge") == [{"skipped": 0}, {"skipped": 3}]


async def test_a_subscription_without_a_topic_has_nothing_to_skip(queue: Project) -> None:
    await queue.publish("t", "a")
    assert_empty(await queue.request("DELETE", "/topics/t"))
    for query in (DRY, {}):
        answer = await queue.request("POST", SUBSCRIPTION, params=query)
        assert object_in(answer) == {"skipped": 0}


async def test_a_consumer_purges_subscriptions_on_whose_list_they_are(queue: Project) -> None:
    """As they may move them (contract: decision 16)."""
    consumer = await queue.user("consumer")
    await queue.publish("t", "a")
    for query in (DRY, {}):
        answer = await queue.request("POST", SUBSCRIPTION, token=consumer.token, params=query)
        assert_error(answer, 403, FORBIDDEN)
    assert (await queue.offsets())["current"] == 0
    await queue.allow("subscriptions/s", consumer)
    answer = await queue.request("POST", SUBSCRIPTION, token=consumer.token)
    assert object_in(answer) == {"skipped": 1}


async def test_what_does_not_exist_is_404(quiet: Project) -> None:
    for thing, path in (("Topic", "topics"), ("Subscription", "subscriptions")):
        answer = await quiet.request("POST", f"/{path}/nothing:purge")
        assert_error(answer, 404, f"{thing} doesn't exist")
