"""All topics and their subscriptions, in a few columns."""

from ams.metadata import inventory, topics
from ams.metadata.inventory import KeptTopic, Reader
from ams.metadata.records import ProjectRecord, SubscriptionRecord, TopicRecord
from ams.metadata.store import Store
from tests.metadata.make import make_project, make_subscription, make_topic


def kept(topic: TopicRecord, seconds: int | None = None, size: int | None = None) -> KeptTopic:
    """What is told of a topic."""
    return KeptTopic(topic.id, topic.uuid, topic.epoch, seconds, size)


def reader(subscription: SubscriptionRecord) -> Reader:
    """What is told of a subscription."""
    return Reader(subscription.uuid, subscription.epoch, subscription.start_offset)


async def test_all_topics_are_told_some_at_a_time(store: Store, project: ProjectRecord) -> None:
    other = await make_project(store, "OTHER")
    made = [await make_topic(store, project, name) for name in "abc"]
    limited = await topics.create(store, other, "d", retention_seconds=60, retention_bytes=0)
    for size in (1, 2, 4, 100):
        pages = [page async for page in inventory.kept_topics(store, size)]
        assert [len(page) for page in pages] == [min(size, 4 - at) for at in range(0, 4, size)]
        assert [topic for page in pages for topic in page] == [
            *map(kept, made),
            kept(limited, 60, 0),
        ]


async def test_there_may_be_no_topics(store: Store) -> None:
    assert [page async for page in inventory.kept_topics(store, 10)] == []
    assert await inventory.readers(store, []) == {}


async def test_subscriptions_of_many_topics_are_found_at_once(
    store: Store, project: ProjectRecord
) -> None:
    topic, other, alone = [await make_topic(store, project, name) for name in ("t", "u", "v")]
    first = await make_subscription(store, project, topic, "b")
    second = await make_subscription(store, project, topic, "a")
    third = await make_subscription(store, project, other, "c")
    assert await inventory.readers(store, [kept(topic), kept(other), kept(alone)]) == {
        topic.uuid: [reader(first), reader(second)],
        other.uuid: [reader(third)],
        alone.uuid: [],
    }
    await topics.delete(store, topic)
    assert await inventory.readers(store, [kept(topic)]) == {topic.uuid: []}
