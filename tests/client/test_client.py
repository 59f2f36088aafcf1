"""The client library against a real broker."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ams.client import (
    Client,
    ConnectionFailed,
    InvalidName,
    OutgoingMessage,
    ServiceError,
    UserDetails,
    topics,
)
from ams.client.call import Call, Repeat
from tests.certificates import Certificates
from tests.node import Node
from tests.processes import free_port


def publish(client: Client, project: str, *texts: str) -> tuple[str, ...]:
    return client.topics.publish(project, "t", [OutgoingMessage(text.encode()) for text in texts])


def test_what_is_published_is_pulled_byte_by_byte(client: Client, project: str) -> None:
    messages = [OutgoingMessage(bytes(range(256)), {"k": "v", "ä": '"'}), OutgoingMessage()]
    assert client.topics.publish(project, "t", messages) == ("0", "1")
    first, second = client.subscriptions.pull(project, "s", 10)
    assert (first.message.data, first.message.attributes) == (
        messages[0].data,
        messages[0].attributes,
    )
    assert (second.message.data, second.message.attributes) == (b"", {})
    assert first.message.message_id == "0"
    client.subscriptions.acknowledge(project, "s", [first.ack_id, second.ack_id])
    assert client.subscriptions.pull(project, "s") == ()


def test_data_that_is_not_base64_is_told_apart(client: Client, project: str) -> None:
    """Contract: ams-core 3.11, base64 is not verified."""
    client.send(topics.publish(project, "t", [msgspec.Raw(b'{"data":"not base64!"}')]))
    (received,) = client.subscriptions.pull(project, "s")
    assert received.message.encoded_data == "not base64!"
    with pytest.raises(ValueError, match="message 0 is not base64"):
        _ = received.message.data


def test_lists_are_read_page_by_page(client: Client, project: str) -> None:
    for number in range(4):
        client.topics.create(project, f"t{number}")
        client.subscriptions.create(project, f"s{number}", "t")
    topics = [topic.short_name for topic in client.topics.list(project, page_size=2)]
    assert topics == ["t3", "t2", "t1", "t0", "t"]
    names = [
        subscription.short_name for subscription in client.subscriptions.list(project, page_size=2)
    ]
    assert names == ["s3", "s2", "s1", "s0", "s"]
    page = client.topics.page(project, 2)
    assert (len(page.topics), page.total_size, bool(page.next_page_token)) == (2, 5, True)
    assert client.topics.subscriptions(project, "t")[0] == f"/projects/{project}/subscriptions/s"


def test_a_topic_has_a_retention_of_its_own_only_if_asked(client: Client, project: str) -> None:
    assert client.topics.show(project, "t").retention_duration == ""
    topic = client.topics.create(project, "kept", retention_seconds=60, retention_bytes=0)
    assert (topic.retention_duration, topic.retention_bytes) == ("60s", "0")
    client.topics.modify_retention(project, "kept", size=1000)
    topic = client.topics.show(project, "kept")
    assert (topic.retention_duration, topic.retention_bytes) == ("", "1000")


def test_a_subscription_can_be_moved(client: Client, project: str) -> None:
    publish(client, project, "a", "b", "c")
    subscriptions = client.subscriptions
    subscriptions.modify_offset(project, "s", 2)
    offsets = subscriptions.offsets(project, "s")
    assert (offsets.min, offsets.max, offsets.current) == (0, 3, 2)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    assert subscriptions.time_to_offset(project, "s", long_ago) == 0
    subscriptions.modify_ack_deadline(project, "s", 77)
    assert subscriptions.show(project, "s").ack_deadline_seconds == 77
    subscriptions.delete(project, "s")
    with pytest.raises(ServiceError, match=r"^Subscription doesn't exist$"):
        subscriptions.show(project, "s")


def test_users_and_their_rights_are_managed(node: Node, client: Client, project: str) -> None:
    name = f"{project}-user"
    user = client.users.create(
        name,
        project_roles={project: ["publisher"]},
        details=UserDetails(email="a@b.c", first_name="A"),
    )
    assert (user.name, user.email, user.first_name, user.last_name) == (name, "a@b.c", "A", "")
    assert user.projects[0].roles == ("publisher",)
    with Client(node.http, user.token) as publisher:
        with pytest.raises(ServiceError) as refused:
            publish(publisher, project, "x")
        assert (refused.value.code, refused.value.status) == (403, "FORBIDDEN")
        client.topics.modify_acl(project, "t", [name])
        assert client.topics.acl(project, "t") == (name,)
        assert publish(publisher, project, "x") == ("0",)
        profile = publisher.users.profile()
        assert (profile.name, profile.projects[0].topics) == (name, ("t",))
        token = client.users.refresh_token(name).token
        assert token == client.users.show(name).token != user.token
    assert name in [user.name for user in client.users.list(project=project)]
    client.users.delete(name)
    assert name not in [user.name for user in client.users.list(page_size=1)]


def test_an_object_is_encoded_as_the_broker_sent_it(client: Client, project: str) -> None:
    def sent(path: str) -> object:
        return client.send(Call("GET", f"/v1/{path}", msgspec.json.decode, Repeat.SAFE))

    publish(client, project, "x")
    for path, made in (
        (f"projects/{project}", client.projects.show(project)),
        (f"projects/{project}/topics/t", client.topics.show(project, "t")),
        (f"projects/{project}/subscriptions/s", client.subscriptions.show(project, "s")),
        ("status", client.status()),
        ("version", client.version()),
    ):
        assert msgspec.json.decode(msgspec.json.encode(made)) == sent(path)
    assert client.projects.show(project) in client.projects.list()


def test_https_needs_the_ca(node: Node, certificates: Certificates) -> None:
    with Client(node.https, ca=certificates.ca) as client:
        assert client.status().status == "ok"
    with Client(node.https) as client, pytest.raises(ConnectionFailed, match="certificate verify"):
        client.status()


def test_names_that_would_change_the_request_are_not_sent() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client:
        for name in ("", "t:acl", "..", "a/b", "t?x", "ä", "t\n"):
            with pytest.raises(InvalidName):
                client.topics.show("p", name)


def test_nobody_there_is_a_failed_connection() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url) as client, pytest.raises(ConnectionFailed) as failed:
        client.status()
    assert str(failed.value) == f"Can't reach {url}: Connection refused"


def test_wrong_arguments_are_refused_at_once(tmp_path: Path) -> None:
    for url in ("", "localhost:8080", "ftp://host", "http://", "http://[::1"):
        with pytest.raises(ValueError, match="URL"):
            Client(url)
    with pytest.raises(ValueError, match="token"):
        Client("http://host", "a\nb")
    with pytest.raises(ValueError, match="no way to log in") as refused:
        Client("http://me:secret@host")
    assert "secret" not in str(refused.value)
    with pytest.raises(TypeError, match="encode text"):
        OutgoingMessage("text")  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(FileNotFoundError):
        Client("https://host", ca=tmp_path / "missing")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ValueError, match="no certificates"):
        Client("https://host", ca=empty)
