"""The published Python client works unchanged (contract: ams-core 12)."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from argo_ams_library import (
    AmsMessage,
    AmsServiceException,
    ArgoMessagingService,
)
from argo_ams_library.amsuser import AmsUser, AmsUserProject

from tests.node import SERVICE_TOKEN
from tests.scenarios.called_methods import assert_all_called, uncalled_methods


@pytest.fixture(scope="module", autouse=True)
def uncalled() -> Iterator[set[str]]:
    yield from uncalled_methods(__file__, ArgoMessagingService)


@pytest.fixture
def topic(ams: ArgoMessagingService) -> str:
    ams.create_topic("topic")
    ams.create_sub("sub", "topic")
    return "topic"


def test_lists_are_of_all_that_is_there(ams: ArgoMessagingService, topic: str) -> None:
    """Contract: ams-core 12.1, 12.4: the client does not page."""
    assert ams.topic("other").name == "other"
    names = [each["name"].rpartition("/")[2] for each in ams.list_topics()["topics"]]
    assert names == ["other", topic]
    assert [each["topic"] for each in ams.list_subs()["subscriptions"]] == [
        f"/projects/{ams.project}/topics/{topic}"
    ]


def test_any_route_can_be_called_by_its_address(ams: ArgoMessagingService) -> None:
    address = f"https://{ams.endpoint}/v1/projects/{ams.project}/topics/raw"
    made = ams.do_put(address, "", "topic_create")
    assert ams.do_get(address, "topic_get") == made
    assert ams.do_post(f"{address}:publish", "{}", "topic_publish") == {"messageIds": []}
    assert ams.do_delete(address, "topic_delete") == {}


def test_without_a_token_a_certificate_is_asked_for(ams: ArgoMessagingService) -> None:
    """Contract: ams-core 12.2: one that has a token asks nobody."""
    ams.assign_token(SERVICE_TOKEN, "", "")
    with pytest.raises(AmsServiceException, match="No certificate provided") as refused:
        ams.auth_via_cert("", "")
    assert refused.value.code == 400


def test_topics(ams: ArgoMessagingService) -> None:
    ams.create_topic("first")
    ams.create_topic("second")
    assert {topic.name for topic in ams.iter_topics()} == {"first", "second"}
    assert ams.has_topic("first")
    assert not ams.has_topic("third")
    assert ams.get_topic("first")["name"] == f"/projects/{ams.project}/topics/first"
    with pytest.raises(AmsServiceException) as refused:
        ams.create_topic("first")
    assert refused.value.code == 409
    ams.delete_topic("first")
    assert not ams.has_topic("first")


def test_subscriptions(ams: ArgoMessagingService, topic: str) -> None:
    assert ams.has_sub("sub")
    assert not ams.has_sub("other")
    subscription = ams.get_sub("sub", retobj=True)
    assert subscription.name == "sub"
    assert subscription.topic.name == topic
    assert [sub.name for sub in ams.iter_subs()] == ["sub"]
    ams.delete_sub("sub")
    assert not ams.has_sub("sub")


def test_publish_one_and_many_then_pull_and_ack(ams: ArgoMessagingService, topic: str) -> None:
    first = AmsMessage(data="one", attributes={"k": "v"})
    assert ams.publish(topic, first)["messageIds"] == ["0"]
    batch = [AmsMessage(data=f"message {i}", attributes={"i": str(i)}) for i in range(3)]
    assert ams.publish(topic, batch)["messageIds"] == ["1", "2", "3"]
    ams.set_pullopt("maxMessages", 10)
    assert ams.get_pullopt("maxMessages") == "10"
    pulled = ams.pull_sub("sub", num=10, return_immediately=True)
    assert [message.get_data() for _, message in pulled] == [
        b"one",
        *(f"message {i}".encode() for i in range(3)),
    ]
    assert pulled[0][1].get_attr() == {"k": "v"}
    assert ams.ack_sub("sub", [ack_id for ack_id, _ in pulled])
    assert ams.pull_sub("sub", num=10, return_immediately=True) == []


def test_pullack(ams: ArgoMessagingService, topic: str) -> None:
    ams.publish(topic, [AmsMessage(data=str(i)) for i in range(5)])
    assert [message.get_data() for message in ams.pullack_sub("sub", num=3)] == [b"0", b"1", b"2"]
    assert [message.get_data() for message in ams.pullack_sub("sub", num=3)] == [b"3", b"4"]


def test_a_wrong_ack_is_the_error_that_the_client_knows(
    ams: ArgoMessagingService, topic: str
) -> None:
    with pytest.raises(AmsServiceException, match="no ack pending"):
        ams.ack_sub("sub", [f"projects/{ams.project}/subscriptions/sub:0"])


def test_offsets_and_moving_them(ams: ArgoMessagingService, topic: str) -> None:
    ams.publish(topic, [AmsMessage(data=str(i)) for i in range(4)])
    assert ams.getoffsets_sub("sub") == {"max": 4, "min": 0, "current": 0}
    ams.modifyoffset_sub("sub", 3)
    assert ams.getoffsets_sub("sub", "current") == 3
    subscription = ams.get_sub("sub", retobj=True)
    assert subscription.offsets(move_to=1) == {"max": 4, "min": 0, "current": 1}


@pytest.mark.parametrize("microsecond", [0, 123_456])
def test_time_to_offset_with_and_without_a_fraction(
    ams: ArgoMessagingService, topic: str, microsecond: int
) -> None:
    """Contract: O-33. The client sends a blank for the T when there is no fraction."""
    ams.publish(topic, AmsMessage(data="x"))
    before = (datetime.now(UTC) - timedelta(minutes=1)).replace(
        microsecond=microsecond, tzinfo=None
    )
    assert ams.time_to_offset_sub("sub", before) == 0


def test_access_lists(ams: ArgoMessagingService, topic: str) -> None:
    user = f"user-{uuid.uuid4().hex[:8]}"
    ams.create_user(AmsUser(name=user, projects=[AmsUserProject(ams.project, ["publisher"])]))
    try:
        assert ams.getacl_topic(topic)["authorized_users"] == []
        ams.modifyacl_topic(topic, [user])
        assert ams.getacl_topic(topic)["authorized_users"] == [user]
        ams.modifyacl_sub("sub", [user])
        assert ams.getacl_sub("sub")["authorized_users"] == [user]
    finally:
        ams.delete_user(user)


def test_users(ams: ArgoMessagingService) -> None:
    name = f"user-{uuid.uuid4().hex[:8]}"
    made = ams.create_user(
        AmsUser(
            name=name,
            email="user@example.org",
            projects=[AmsUserProject(ams.project, ["consumer"])],
        )
    )
    try:
        assert ams.get_user(name).token == made.token
        assert ams.get_user(name).projects[0].roles == ["consumer"]
        assert name in [user.name for user in ams.list_users().users]
        refreshed = ams.refresh_user_token(name)
        assert refreshed.token != made.token
        endpoint = ams.endpoint
        own = ArgoMessagingService(endpoint=endpoint, token=refreshed.token, project=ams.project)
        assert own.get_user_profile().name == name
        old = ArgoMessagingService(endpoint=endpoint, token=made.token, project=ams.project)
        with pytest.raises(AmsServiceException) as refused:
            old.get_user_profile()
        assert refused.value.code == 401
    finally:
        ams.delete_user(name)


def client_of(ams: ArgoMessagingService, token: str) -> ArgoMessagingService:
    """The client of another user."""
    return ArgoMessagingService(endpoint=ams.endpoint, token=token, project=ams.project)


def test_a_user_is_changed_and_found(ams: ArgoMessagingService) -> None:
    name, other = (f"user-{uuid.uuid4().hex[:8]}" for _ in range(2))
    made = ams.create_user(AmsUser(name=name, email="user@example.org"))
    try:
        changed = ams.update_user(
            name,
            first_name="First",
            organization="Organization",
            username=other,
            service_roles=["admin_viewer"],
            projects=[AmsUserProject(ams.project, ["consumer"])],
        )
        assert (changed.name, changed.firstname, changed.email) == (other, "First", made.email)
        assert changed.service_roles == ["admin_viewer"]
        assert [(p.project, p.roles) for p in changed.projects] == [(ams.project, ["consumer"])]
        for found in (
            ams.get_user_by_token(made.token),
            ams.get_user_by_uuid(made.uuid),
            client_of(ams, made.token).get_user_profile(),
        ):
            assert (found.name, found.uuid, found.token) == (other, made.uuid, made.token)
            assert found.projects[0].roles == ["consumer"]
        with pytest.raises(AmsServiceException) as refused:
            ams.get_user(name)
        assert refused.value.code == 404
        with pytest.raises(AmsServiceException, match="invalid role: nonsense"):
            ams.update_user(other, service_roles=["nonsense"], projects=[])
    finally:
        ams.delete_user(other)


def test_the_pages_of_users_come_to_an_end(ams: ArgoMessagingService) -> None:
    """Contract: ams-users-metrics 14 #28. The client calls the page token otherwise."""
    names = [f"user-{uuid.uuid4().hex[:8]}" for _ in range(5)]
    for name in names:
        ams.create_user(AmsUser(name=name, projects=[AmsUserProject(ams.project, ["consumer"])]))
    try:
        found: list[AmsUser] = []
        page = ams.list_users(page_size=2)
        total = page.total_size
        while True:
            found += page.users
            assert len(found) <= total
            if not page.next_page_token:
                break
            page = ams.list_users(page_size=2, next_page_token=page.next_page_token)
        assert [user.name for user in found][:5] == names[::-1]
        assert len(found) == total
        assert [p.project for p in found[0].projects] == [ams.project]
    finally:
        for name in names:
            ams.delete_user(name)


def test_members_as_a_project_admin_changes_them(ams: ArgoMessagingService) -> None:
    name, other, admin = (f"user-{uuid.uuid4().hex[:8]}" for _ in range(3))
    ams.create_user(AmsUser(name=other))
    token = ams.create_project_member(admin, roles=["project_admin"]).token
    own = client_of(ams, token)
    try:
        made = own.create_project_member(name, roles=["publisher"], email="made@example.org")
        assert made.token
        assert (made.created_by, made.email) == (admin, "made@example.org")
        seen = own.get_project_member(name)
        assert (seen.uuid, seen.token, seen.created_by) == (made.uuid, "", "")
        assert ams.get_project_member(name).token == made.token
        added = own.add_project_member(other, roles=["consumer"])
        assert [(p.project, p.roles) for p in added.projects] == [(ams.project, ["consumer"])]
        with pytest.raises(AmsServiceException) as refused:
            own.add_project_member(other)
        assert refused.value.code == 409
        with pytest.raises(AmsServiceException, match="invalid role: service_admin"):
            own.create_project_member("x", roles=["service_admin"])
        assert own.remove_project_member(other, ams.project) == {}
        with pytest.raises(AmsServiceException) as refused:
            own.get_project_member(other)
        assert refused.value.code == 404
    finally:
        for user in (name, other, admin):
            ams.delete_user(user)


def test_a_project_is_changed(ams: ArgoMessagingService) -> None:
    old = ams.project
    assert ams.update_project(old, description="changed")["description"] == "changed"
    ams.create_topic("topic")
    ams.project = ams.update_project(old, updated_name=f"{old}-renamed")["name"]
    assert ams.get_topic("topic")["name"] == f"/projects/{old}-renamed/topics/topic"
    with pytest.raises(AmsServiceException) as refused:
        ams.get_project(old)
    assert refused.value.code == 404
    ams.update_project(ams.project, updated_name=old)
    ams.project = old


def test_a_project_is_made_once_and_deleted(ams: ArgoMessagingService) -> None:
    name = f"{ams.project}-other"
    assert ams.create_project(name, description="")["name"] == name
    with pytest.raises(AmsServiceException, match="Project already exists") as refused:
        ams.create_project(name, description="")
    assert refused.value.code == 409
    assert ams.delete_project(name) == {}


def test_projects_status_and_version(ams: ArgoMessagingService) -> None:
    assert ams.get_project(ams.project)["description"] == "of the published client"
    assert ams.status()["status"] == "ok"
    assert ams.version()


def test_metrics_of_the_service(ams: ArgoMessagingService) -> None:
    metrics = ams.metrics()["metrics"]
    assert [each["metric"] for each in metrics[:2]] == [
        "ams_node.cpu_usage",
        "ams_node.memory_usage",
    ]


def test_activity_of_projects_and_the_usage_report(ams: ArgoMessagingService, topic: str) -> None:
    ams.publish(topic, [AmsMessage(data=str(i)) for i in range(3)])
    days = {
        "start_date": datetime.now(UTC) - timedelta(days=1),
        "end_date": datetime.now(UTC) + timedelta(days=1),
    }
    activity = ams.va_metrics(projects=[ams.project], **days)
    assert activity["projects_metrics"] == {
        "projects": [
            {
                "project": ams.project,
                "message_count": 3,
                "average_daily_messages": 1,
                "topics_count": 1,
                "subscriptions_count": 1,
                "users_count": 0,
            }
        ],
        "total_message_count": 3,
        "average_daily_messages": 1,
    }
    everything = ams.va_metrics()
    assert ams.project in [each["project"] for each in everything["projects_metrics"]["projects"]]
    with pytest.raises(AmsServiceException, match="Project no-such doesn't exist") as refused:
        ams.va_metrics(projects=["no-such"])
    assert refused.value.code == 404
    with pytest.raises(AmsServiceException, match="cannot be after") as refused:
        ams.va_metrics(start_date=days["end_date"], end_date=days["start_date"])
    assert refused.value.code == 400
    name = f"user-{uuid.uuid4().hex[:8]}"
    projects = [AmsUserProject(ams.project, ["project_admin"])]
    made = ams.create_user(AmsUser(name=name, projects=projects))
    try:
        own = ArgoMessagingService(endpoint=ams.endpoint, token=made.token, project=ams.project)
        report = own.usage_report(projects=[ams.project, "no-such"], **days)
        assert report["va_metrics"] == {
            **ams.va_metrics(projects=[ams.project], **days),
            "total_users_count": 1,
        }
        assert report["operational_metrics"]["metrics"]
        with pytest.raises(AmsServiceException) as refused:
            own.metrics()
        assert refused.value.code == 401
    finally:
        ams.delete_user(name)
    with pytest.raises(AmsServiceException) as refused:
        ams.usage_report()
    assert refused.value.code == 401


def test_push_is_turned_on_and_off(pushing: ArgoMessagingService) -> None:
    """Contract: O-36: the client names no type."""
    pushing.create_topic("topic")
    pushing.create_sub("sub", "topic")
    pushing.pushconfig_sub("sub", "https://receiver.example.org/")
    config = pushing.get_sub("sub")["pushConfig"]
    assert (config["type"], config["pushEndpoint"], config["retryPolicy"]) == (
        "http_endpoint",
        "https://receiver.example.org/",
        {"type": "linear", "period": 300},
    )
    subscription = pushing.get_sub("sub", retobj=True)
    assert subscription.push_endpoint == "https://receiver.example.org/"
    assert (subscription.retry_policy_type, subscription.retry_policy_period) == ("linear", 300)
    subscription.pushconfig(push_endpoint="https://other.example.org/", retry_policy_period=500)
    assert pushing.get_sub("sub")["pushConfig"]["pushEndpoint"] == "https://other.example.org/"
    pushing.pushconfig_sub("sub")
    assert pushing.get_sub("sub")["pushConfig"]["type"] == ""
    with pytest.raises(AmsServiceException, match="valid https url") as refused:
        pushing.pushconfig_sub("sub", "http://receiver.example.org/")
    assert refused.value.code == 400


def test_a_subscription_is_made_with_push(pushing: ArgoMessagingService) -> None:
    """Contract: O-36, O-50: one with slowstart can be shown and listed."""
    pushing.create_topic("topic")
    made = pushing.create_sub(
        "sub", "topic", push_endpoint="https://receiver.example.org/", retobj=True
    )
    assert made.push_endpoint == "https://receiver.example.org/"
    pushing.pushconfig_sub("sub", "https://receiver.example.org/", retry_policy_type="slowstart")
    fresh = ArgoMessagingService(
        endpoint=pushing.endpoint, token=SERVICE_TOKEN, project=pushing.project
    )
    (listed,) = fresh.iter_subs()
    assert (listed.retry_policy_type, listed.retry_policy_period) == ("slowstart", 0)
    pushing.delete_sub("sub")
    assert not pushing.has_sub("sub")


def test_push_is_refused_where_it_is_disabled(ams: ArgoMessagingService, topic: str) -> None:
    with pytest.raises(AmsServiceException, match="Push functionality is currently") as refused:
        ams.pushconfig_sub("sub", "https://receiver.example.org/")
    assert refused.value.code == 409


def test_no_method_of_the_client_is_left_out(
    uncalled: set[str], request: pytest.FixtureRequest
) -> None:
    """Contract: ams-core 12.6."""
    assert_all_called(uncalled, request)
