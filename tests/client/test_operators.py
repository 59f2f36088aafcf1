"""What operators ask, through the client library."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ams.client import (
    AsyncClient,
    Client,
    Movement,
    OutgoingMessage,
    ServiceError,
    SubscriptionLoss,
    TopicLoss,
    UserLoss,
)
from ams.client.call import Call, Repeat


def publish(client: Client, project: str, *texts: str) -> None:
    messages = [OutgoingMessage(text.encode(), {"text": text}) for text in texts]
    client.topics.publish(project, "t", messages)


def test_a_full_list_tells_how_topics_fare_and_sorts_by_it(client: Client, project: str) -> None:
    publish(client, project, "a", "b")
    client.topics.create(project, "idle")
    usual = [topic.statistics for topic in client.topics.list(project)]
    assert usual == [None, None]
    listed = list(
        client.topics.list(project, full=True, order_by="storedMessages desc", page_size=1)
    )
    assert [topic.short_name for topic in listed] == ["t", "idle"]
    busy, idle = (topic.statistics for topic in listed)
    assert busy is not None
    assert idle is not None
    assert (busy.stored_messages, busy.subscriptions, idle.last_publish) == (2, 1, "")
    found = client.topics.list(project, order_by="name", name_has="ID")
    assert [topic.short_name for topic in found] == ["idle"]
    with pytest.raises(ServiceError, match="only the full view"):
        client.topics.page(project, order_by="messages")


async def test_a_full_list_tells_how_subscriptions_fare(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    publish(client, project, "a", "b")
    await async_client.subscriptions.pull(project, "s")
    listed = async_client.subscriptions.list(project, full=True, order_by="backlog desc")
    (statistics,) = [each.statistics async for each in listed]
    assert statistics is not None
    assert (statistics.backlog, statistics.delivered_messages) == (2, 1)
    assert statistics.oldest_unacknowledged_seconds is not None
    assert (statistics.last_pull > "2026", statistics.last_acknowledgement) == (True, "")


def test_a_full_list_is_encoded_as_the_broker_sent_it(client: Client, project: str) -> None:
    publish(client, project, "a")
    for kind, page in (
        ("topics", client.topics.page(project, full=True)),
        ("subscriptions", client.subscriptions.page(project, full=True)),
    ):
        path = f"/v1/projects/{project}/{kind}"
        call = Call("GET", path, msgspec.json.decode, Repeat.SAFE, query={"view": "full"})
        sent = client.send(call)
        made = msgspec.json.decode(msgspec.json.encode(page))
        for each in (*made[kind], *sent[kind]):
            # It grows from one answer to the next.
            each["statistics"].pop("oldestUnacknowledgedSeconds", None)
        assert made == sent


def test_messages_are_looked_at_and_stay(client: Client, project: str) -> None:
    publish(client, project, "a", "b", "c=d")
    peeked = client.topics.peek(project, "t", 2)
    assert [message.data for message in peeked.messages] == [b"b", b"c=d"]
    assert (peeked.first_offset, peeked.next_offset, peeked.oldest, peeked.end) == (1, 3, 0, 3)
    first = client.topics.peek(project, "t", 1, offset=0).messages
    assert [message.message_id for message in first] == ["0"]
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert len(client.topics.peek(project, "t", since=since).messages) == 3
    for attributes in ({"text": "c=d"}, {"text": "c=d", "text ": None}):
        found = client.topics.peek(project, "t", offset=0, attributes=attributes).messages
        assert [message.data for message in found] == ([b"c=d"] if len(attributes) == 1 else [])
    assert client.subscriptions.pull(project, "s")[0].message.data == b"a"


def test_what_would_be_lost_is_told_before_it_is(client: Client, project: str) -> None:
    name = f"{project}-user"
    client.members.create(project, name, roles=["publisher"])
    client.topics.modify_acl(project, "t", [name])
    publish(client, project, "a", "b")
    loss = client.topics.preview_delete(project, "t")
    assert loss == TopicLoss(messages=2, bytes=loss.bytes, subscriptions=1, acl_entries=1)
    assert client.subscriptions.preview_delete(project, "s") == SubscriptionLoss(
        backlog=2, acl_entries=0
    )
    assert client.users.preview_delete(name) == UserLoss(memberships=1, acl_entries=1)
    whole = client.projects.preview_delete(project)
    assert (whole.topics, whole.members, whole.messages) == (1, 1, 2)
    moved = client.subscriptions.preview_modify_offset(project, "s", 2)
    assert moved == Movement(skipped=2, replayed=0)
    assert client.subscriptions.preview_purge(project, "s").skipped == 2
    assert client.topics.preview_purge(project, "t").messages == 2
    assert client.subscriptions.offsets(project, "s").current == 0
    client.users.delete(name)


def test_messages_are_purged(client: Client, project: str) -> None:
    publish(client, project, "a", "b")
    assert client.subscriptions.purge(project, "s").skipped == 2
    assert client.topics.purge(project, "t").messages == 2
    offsets = client.subscriptions.offsets(project, "s")
    assert (offsets.min, offsets.current) == (2, 2)


def test_the_past_is_told_in_steps(client: Client, project: str) -> None:
    publish(client, project, "a")
    topic = client.topics.history(project, "t")
    assert (topic.window, topic.step_seconds) == ("1h", 60)
    day = client.topics.history(project, "t", "24h")
    assert (day.step_seconds, day.points[0].time < day.points[-1].time) == (600, True)
    subscription = client.subscriptions.history(project, "s", "7d")
    assert (subscription.window, subscription.step_seconds) == ("7d", 3600)
    with pytest.raises(ServiceError, match="Invalid window"):
        client.topics.history(project, "t", "2h")


def test_it_is_explained_who_may_do_what(client: Client, project: str) -> None:
    name = f"{project}-user"
    client.members.create(project, name, roles=["publisher"])
    refused = client.access.explain(project, name, "topics:publish", "topics/t")
    assert (refused.allowed, refused.code, refused.roles) == (False, 403, ("publisher",))
    assert "access list" in refused.reason
    assert client.access.explain(project, name, "topics:list").allowed
    client.users.delete(name)
