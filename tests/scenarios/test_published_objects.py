"""What the published client makes of answers works as well (contract: ams-core 12.4, 12.6)."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from argo_ams_library import AmsMessage, AmsSubscription, AmsTopic, ArgoMessagingService
from argo_ams_library.amsuser import AmsUser, AmsUserProject

from tests.scenarios.called_methods import assert_all_called, uncalled_methods


@pytest.fixture(scope="module", autouse=True)
def uncalled() -> Iterator[set[str]]:
    classes = (AmsTopic, AmsSubscription, AmsMessage, AmsUser, AmsUserProject)
    yield from uncalled_methods(__file__, *classes)


def test_a_topic_is_made_or_found_and_has_all_that_can_be_done_with_it(
    ams: ArgoMessagingService,
) -> None:
    topic = ams.topic("t")
    assert (topic.name, topic.fullname) == ("t", f"/projects/{ams.project}/topics/t")
    assert ams.topic("t").fullname == topic.fullname
    made = topic.subscription("s", ackdeadline=20)
    assert topic.subscription("s").ackdeadline == made.ackdeadline == 20
    assert [each.name for each in topic.iter_subs()] == ["s"]
    assert topic.publish(AmsMessage(data="one"))["messageIds"] == ["0"]
    assert topic.acl([])
    assert topic.acl() == {"authorized_users": []}
    topic.delete()
    assert not ams.has_topic("t")


def test_a_subscription_has_all_that_can_be_done_with_it(ams: ArgoMessagingService) -> None:
    topic = ams.topic("t")
    subscription = topic.subscription("s")
    topic.publish([AmsMessage(data=str(number)) for number in range(4)])
    pulled = subscription.pull(num=2)
    assert [message.get_data() for _, message in pulled] == [b"0", b"1"]
    assert subscription.ack([ack_id for ack_id, _ in pulled])
    assert [message.get_data() for message in subscription.pullack()] == [b"2"]
    assert subscription.offsets("current") == 3
    assert subscription.offsets(move_to=1) == {"max": 4, "min": 0, "current": 1}
    hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    assert subscription.time_to_offset(hour_ago) == 0
    assert subscription.acl([])
    assert subscription.acl() == {"authorized_users": []}
    assert subscription.pushconfig() == {}
    subscription.delete()
    assert not ams.has_sub("s")


def test_a_message_comes_back_with_its_id_and_time(ams: ArgoMessagingService) -> None:
    topic = ams.topic("t")
    subscription = topic.subscription("s")
    sent = AmsMessage(attributes={"a": "b"})
    sent.set_attr("c", "d")
    sent.set_data("text")
    topic.publish(sent)
    topic.publish(sent(data="other", attributes={}))
    (_, first), (_, second) = subscription.pull(num=2)
    assert (first.get_data(), first.get_attr()) == (b"text", {"a": "b", "c": "d"})
    assert (second.get_data(), second.get_msgid()) == (b"other", "1")
    assert first.get_publishtime().endswith("Z")
    assert set(first.dict()) == {"attributes", "data", "messageId", "publishTime"}
    assert json.loads(second.json()) == second.dict()


def test_a_user_is_read_from_an_answer(ams: ArgoMessagingService) -> None:
    name = f"user-{uuid.uuid4().hex[:8]}"
    sent = AmsUser(
        name=name,
        email="user@example.org",
        projects=[AmsUserProject(ams.project, ["consumer"])],
        service_roles=["metrics_viewer"],
    )
    ams.create_user(sent)
    try:
        answer = ams.do_get(f"https://{ams.endpoint}/v1/users/{name}", "user_get")
        found = AmsUser().load_from_dict(answer)
        assert (found.name, found.email, found.created_on) == (name, sent.email, found.modified_on)
        assert json.loads(found.to_json()) == json.loads(sent.to_json())
        place = AmsUserProject().load_from_dict(answer["projects"][0])
        assert (place.project, place.topics, place.subscriptions) == (ams.project, [], [])
    finally:
        ams.delete_user(name)


def test_no_method_of_an_object_is_left_out(
    uncalled: set[str], request: pytest.FixtureRequest
) -> None:
    """Contract: ams-core 12.6."""
    assert_all_called(uncalled, request)
