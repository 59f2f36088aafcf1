"""Members, registrations and changes of users through the client library."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest

from ams.client import (
    AsyncClient,
    Client,
    InvalidName,
    Registration,
    ServiceError,
    UnexpectedAnswer,
    User,
    UserDetails,
)
from ams.client.call import Call, Repeat
from tests.client.odd_server import Answer, OddServer
from tests.node import Node


@pytest.fixture
def user(client: Client, project: str) -> Iterator[User]:
    """A user without roles, gone after the test, also by another name."""
    made = client.users.create(f"{project}-user")
    yield made
    client.users.delete(client.users.by_uuid(made.uuid).name)


def test_a_member_is_added_changed_listed_and_removed(
    client: Client, project: str, user: User
) -> None:
    members = client.members
    assert members.add(project, user.name, ["publisher"]).projects[0].roles == ("publisher",)
    with pytest.raises(ServiceError, match="already a member"):
        members.add(project, user.name)
    changed = members.update(project, user.name, ["publisher", "consumer"])
    assert changed.projects[0].roles == ("publisher", "consumer")
    assert members.show(project, user.name) == changed
    assert [member.projects for member in members.list(project)] == [()]
    assert list(members.list(project, details=True)) == [changed]
    members.remove(project, user.name)
    with pytest.raises(ServiceError, match=r"^User doesn't exist$"):
        members.show(project, user.name)


def test_members_are_read_page_by_page(client: Client, project: str) -> None:
    names = [f"{project}-{number}" for number in range(3)]
    for name in names:
        client.members.create(project, name)
    listed = [member.name for member in client.members.list(project, page_size=2)]
    assert listed == names[::-1]
    page = client.members.page(project, 2)
    assert (len(page.users), page.total_size, bool(page.next_page_token)) == (2, 3, True)
    for name in names:
        client.users.delete(name)


def test_a_project_admin_makes_a_member_and_gets_the_token(
    node: Node, client: Client, project: str
) -> None:
    """Contract: ams-users-metrics 6.3; afterwards only service admins see the token (2.4)."""
    admin = client.members.create(project, f"{project}-admin", roles=["project_admin"])
    with Client(node.http, admin.token) as owner:
        made = owner.members.create(project, f"{project}-new", roles=["consumer"], email="a@b.c")
        assert (made.email, made.projects[0].roles, len(made.token)) == (
            "a@b.c",
            ("consumer",),
            64,
        )
        assert owner.members.show(project, made.name).token == ""
        with pytest.raises(ServiceError, match=r"^invalid role: service_admin$"):
            owner.members.update(project, made.name, ["service_admin"])
    for each in (admin, made):
        client.users.delete(each.name)


def test_a_user_is_changed_where_something_is_given(
    client: Client, project: str, user: User
) -> None:
    details = UserDetails(email="a@b.c", last_name="B")
    changed = client.users.update(user.name, project_roles={project: ["consumer"]}, details=details)
    assert (changed.email, changed.last_name, changed.token) == ("a@b.c", "B", user.token)
    assert client.users.update(user.name, service_roles=["admin_viewer"]).projects
    renamed = client.users.update(user.name, name=f"{user.name}-2", project_roles={})
    assert (renamed.name, renamed.projects, renamed.service_roles, renamed.email) == (
        f"{user.name}-2",
        (),
        ("admin_viewer",),
        "a@b.c",
    )


def test_a_user_is_found_by_token_and_by_uuid(client: Client, user: User) -> None:
    assert client.users.by_token(user.token) == user
    assert client.users.by_uuid(user.uuid) == user
    with pytest.raises(ServiceError, match=r"^User doesn't exist$"):
        client.users.by_token("0" * 64)


def test_a_user_tells_when_the_token_was_last_used(
    client: Client, odd_server: OddServer, user: User
) -> None:
    """The broker writes it down once a minute, which is too long to wait for."""
    assert user.token_last_used is None
    sent = msgspec.to_builtins(user) | {"token_last_used": "2026-01-02T03:04:00Z"}
    odd_server.otherwise = Answer(body=msgspec.json.encode(sent))
    with Client(odd_server.url) as other:
        used = other.users.show(user.name).token_last_used
    assert used == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def test_no_error_shows_a_token_that_is_looked_up(odd_server: OddServer) -> None:
    with Client(odd_server.url) as client:
        odd_server.otherwise = Answer(body=b"[]")
        with pytest.raises(UnexpectedAnswer, match="GET /v1/users:byToken/") as unexpected:
            client.users.by_token("secret")
        with pytest.raises(InvalidName) as invalid:
            client.users.by_token("secret/../")
    assert "secret" not in f"{unexpected.value}{invalid.value}"


def test_a_registration_becomes_a_user_once(client: Client, project: str) -> None:
    details = UserDetails(email="a@b.c", first_name="A", organization=project)
    made = client.registrations.create(f"{project}-new", details=details)
    assert (made.status, made.email, made.modified_at) == ("pending", "a@b.c", None)
    assert client.registrations.show(made.uuid) == made
    filtered = client.registrations.list(
        status="pending", organization=project, activation_token=made.activation_token
    )
    assert filtered == (made,)
    user = client.registrations.accept(made.uuid)
    assert (user.name, user.first_name, len(user.token)) == (f"{project}-new", "A", 64)
    with pytest.raises(ServiceError, match=r"^User registration doesn't exist$"):
        client.registrations.accept(made.uuid)
    accepted = client.registrations.show(made.uuid)
    assert (accepted.status, accepted.activation_token) == ("accepted", "")
    client.registrations.delete(made.uuid)
    assert client.registrations.list(organization=project) == ()
    client.users.delete(user.name)


async def test_a_registration_is_declined(async_client: AsyncClient, project: str) -> None:
    registrations = async_client.registrations
    made = await registrations.create(f"{project}-new")
    await registrations.decline(made.uuid, "Who are you?")
    declined = await registrations.show(made.uuid)
    assert (declined.status, declined.decline_comment) == ("declined", "Who are you?")
    await registrations.delete(made.uuid)


async def test_members_are_awaited_just_so(async_client: AsyncClient, project: str) -> None:
    made = await async_client.members.create(project, f"{project}-user", roles=["consumer"])
    assert [member async for member in async_client.members.list(project, details=True)] == [made]
    await async_client.members.remove(project, made.name)
    await async_client.users.delete(made.name)


def test_a_registration_is_encoded_as_the_broker_sent_it(client: Client, project: str) -> None:
    made = client.registrations.create(f"{project}-new")
    path = f"/v1/registrations/{made.uuid}"
    client.registrations.decline(made.uuid, "No")
    sent = client.send(Call("GET", path, msgspec.json.decode, Repeat.SAFE))
    shown: Registration = client.registrations.show(made.uuid)
    assert msgspec.json.decode(msgspec.json.encode(shown)) == sent
    client.registrations.delete(made.uuid)


def test_a_project_gets_another_name_and_description(client: Client) -> None:
    client.projects.create("before", "Old")
    assert client.projects.update("before", description="New").description == "New"
    renamed = client.projects.update("before", name="after")
    assert (renamed.name, renamed.description) == ("after", "New")
    with pytest.raises(ServiceError, match=r"^project doesn't exist$"):
        client.projects.show("before")
    client.projects.delete("after")
