"""Requests for accounts (contract: ams-users-metrics 7)."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.client import (
    FORBIDDEN,
    Object,
    User,
    assert_empty,
    assert_error,
    create_user,
    new_name,
    object_in,
    secrets,
)
from tests.api.test_projects import assert_now
from tests.api.test_users import BAD, TOKEN, UUID
from tests.node import Node

PATH = "/v1/registrations"
UNKNOWN = "User registration doesn't exist"
TEXTS = {
    "first_name": "First",
    "last_name": "Last",
    "organization": "Organization",
    "description": "Description",
    "email": "no address at all",
}


@pytest_asyncio.fixture
async def admin(node: Node) -> AsyncIterator[User]:
    """A service admin."""
    admin = await create_user(node, service_roles=["service_admin"])
    yield admin
    await node.request("DELETE", f"/v1/users/{admin.name}")


async def register(node: Node, name: str | None = None, **texts: str) -> Object:
    body = {"name": name or new_name("user"), **texts}
    made = object_in(await node.request("POST", PATH, json=body))
    secrets.add(made["activation_token"])
    return made


async def decline(node: Node, registration: Object, **body: str) -> None:
    path = f"{PATH}/{registration['uuid']}:decline"
    assert object_in(await node.request("POST", path, json=body)) == {}


async def listed(node: Node, **query: str) -> list[Object]:
    answer = object_in(await node.request("GET", PATH, params=query))
    assert set(answer) == {"user_registrations"}
    found: list[Object] = answer["user_registrations"]
    return found


async def test_a_registration_is_answered_in_full_and_waits(node: Node) -> None:
    """Contract: ams-users-metrics 4.4, 7.1, 7.4. What the server sets can't be given."""
    ignored = {
        "uuid": "7",
        "status": "accepted",
        "activation_token": "chosen",
        "registered_at": "x",
        "modified_by": "x",
        "modified_at": "x",
        "decline_comment": "x",
        "unknown": 7,
    }
    name = new_name("user")
    body = {"name": name, **TEXTS, **ignored}
    made = object_in(await node.request("POST", PATH, json=body))
    secrets.add(made["activation_token"])
    assert made == {
        "uuid": made["uuid"],
        "name": name,
        **TEXTS,
        "status": "pending",
        "activation_token": made["activation_token"],
        "registered_at": made["registered_at"],
    }
    assert UUID.fullmatch(made["uuid"])
    assert TOKEN.fullmatch(made["activation_token"])
    assert_now(made["registered_at"])
    assert object_in(await node.request("GET", f"{PATH}/{made['uuid']}")) == made
    assert await listed(node, name=name) == [made]
    answer = await node.request("GET", f"/v1/users/{name}")
    assert_error(answer, 404, "User doesn't exist")


async def test_of_who_asks_only_the_name_is_needed(node: Node) -> None:
    """Contract: ams-users-metrics 4.4, 7.1: texts may be empty, and are there."""
    made = await register(node)
    assert {key: made[key] for key in TEXTS} == dict.fromkeys(TEXTS, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"7",
        b'{"name": "x"} x',
        b'{"name": 3}',
        b'{"name": "x", "email": ["x"]}',
        b'{"name": "x", "status": 3}',
        # No name, or one that no path can have.
        b"{}",
        b"null",
        b'{"name": ""}',
        b'{"name": null}',
        b'{"name": "a b"}',
        b'{"name": "a/b"}',
        b'{"name": "a\\n"}',
        b'{"name": "profile"}',
        b'{"name": "usageReport"}',
        b'{"name": "' + b"x" * 256 + b'"}',
    ],
)
async def test_a_bad_body_or_name_is_400(node: Node, body: bytes) -> None:
    """Contract: ams-users-metrics 7.1, 14 #11, #12 and #24."""
    assert_error(await node.request("POST", PATH, content=body), 400, BAD)


async def test_the_name_of_a_user_is_409(node: Node, admin: User) -> None:
    """Contract: ams-users-metrics 7.1. Several may ask for one name that is free."""
    answer = await node.request("POST", PATH, json={"name": admin.name})
    assert_error(answer, 409, "User already exists", "ALREADY_EXISTS")
    name = new_name("user")
    first, second = await register(node, name), await register(node, name)
    assert await listed(node, name=name) == [first, second]


@pytest.mark.parametrize("body", [b"", b'""', b"{}", b"junk"])
async def test_accepting_makes_the_user(node: Node, admin: User, body: bytes) -> None:
    """Contract: ams-users-metrics 7.2: the body is not read; the token is another one."""
    made = await register(node, **TEXTS)
    path = f"{PATH}/{made['uuid']}"
    answer = await node.request("POST", f"{path}:accept", content=body, token=admin.token)
    user = object_in(answer)
    secrets.add(user["token"])
    assert user == {
        "uuid": user["uuid"],
        "name": made["name"],
        **TEXTS,
        "token": user["token"],
        "service_roles": [],
        "created_on": user["created_on"],
        "modified_on": user["created_on"],
        "created_by": admin.name,
    }
    assert TOKEN.fullmatch(user["token"])
    assert user["token"] != made["activation_token"]
    assert user["uuid"] != made["uuid"]
    answer = await node.request("GET", "/v1/users/profile", token=user["token"])
    assert object_in(answer) == user
    answer = await node.request("GET", "/v1/users/profile", token=made["activation_token"])
    assert_error(answer, 401, "Unauthorized")
    accepted = object_in(await node.request("GET", path))
    assert_now(accepted["modified_at"])
    del made["activation_token"]
    assert accepted == {
        **made,
        "status": "accepted",
        "modified_by": admin.name,
        "modified_at": accepted["modified_at"],
    }
    await node.request("DELETE", f"/v1/users/{user['name']}")


async def test_what_the_service_token_does_has_no_author(node: Node) -> None:
    """Contract: ams-users-metrics 2.7."""
    made = await register(node)
    path = f"{PATH}/{made['uuid']}"
    user = object_in(await node.request("POST", f"{path}:accept"))
    assert "created_by" not in user
    accepted = object_in(await node.request("GET", path))
    assert "modified_by" not in accepted
    assert_now(accepted["modified_at"])
    await node.request("DELETE", f"/v1/users/{user['name']}")


async def test_a_name_that_was_taken_meanwhile_is_409_and_the_registration_waits_on(
    node: Node,
) -> None:
    """Contract: ams-users-metrics 7.2."""
    made = await register(node)
    path = f"/v1/users/{made['name']}"
    object_in(await node.request("POST", path, json={}))
    answer = await node.request("POST", f"{PATH}/{made['uuid']}:accept")
    assert_error(answer, 409, "User already exists", "ALREADY_EXISTS")
    assert object_in(await node.request("GET", f"{PATH}/{made['uuid']}")) == made
    await node.request("DELETE", path)
    object_in(await node.request("POST", f"{PATH}/{made['uuid']}:accept"))
    await node.request("DELETE", path)


@pytest.mark.parametrize(
    ("body", "comment"),
    [
        (b'{"comment": "not known here"}', "not known here"),
        (b'{"comment": "a", "other": "b"}', "a"),
        (b'{"comment": "a"} {"comment": 7} junk', "a"),
        (b'{"Comment": "a"}', None),
        (b'{"comment": ""}', None),
        (b'{"comment": null}', None),
        (b"{}", None),
        (b"null", None),
        (b"", None),
    ],
)
async def test_a_registration_is_declined(
    node: Node, admin: User, body: bytes, comment: str | None
) -> None:
    """Contract: ams-users-metrics 7.3, 14 #13 and #27: nothing is as good as `{}`."""
    made = await register(node, **TEXTS)
    path = f"{PATH}/{made['uuid']}"
    answer = await node.request("POST", f"{path}:decline", content=body, token=admin.token)
    assert object_in(answer) == {}
    declined = object_in(await node.request("GET", path))
    del made["activation_token"]
    assert declined == {
        **made,
        "status": "declined",
        **({} if comment is None else {"decline_comment": comment}),
        "modified_by": admin.name,
        "modified_at": declined["modified_at"],
    }
    assert_now(declined["modified_at"])
    answer = await node.request("GET", f"/v1/users/{made['name']}")
    assert_error(answer, 404, "User doesn't exist")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"7", b"x", b'{"comment": 7}', b'{"comment": "a", "x": 7}']
)
async def test_a_bad_reason_is_400_and_the_registration_waits_on(node: Node, body: bytes) -> None:
    """Contract: ams-users-metrics 7.3."""
    made = await register(node)
    path = f"{PATH}/{made['uuid']}"
    answer = await node.request("POST", f"{path}:decline", content=body)
    assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
    assert object_in(await node.request("GET", path)) == made


async def test_a_reason_that_is_too_long_is_400(node: Node) -> None:
    made = await register(node)
    path = f"{PATH}/{made['uuid']}"
    answer = await node.request("POST", f"{path}:decline", json={"comment": "x" * 100_000})
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert object_in(await node.request("GET", path)) == made


async def test_what_is_not_pending_is_404_for_accept_and_decline(node: Node) -> None:
    """Contract: ams-users-metrics 7.2, 7.3: before the body is looked at."""
    declined, accepted = await register(node), await register(node)
    await decline(node, declined)
    object_in(await node.request("POST", f"{PATH}/{accepted['uuid']}:accept"))
    unknown = {"uuid": str(uuid.uuid4())}
    long = {"uuid": "x" * 255}
    for registration in (declined, accepted, unknown, long):
        for verb in ("accept", "decline"):
            for body in (b"", b"{", b"{}"):
                path = f"{PATH}/{registration['uuid']}:{verb}"
                assert_error(await node.request("POST", path, content=body), 404, UNKNOWN)
    await node.request("DELETE", f"/v1/users/{accepted['name']}")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_registration_is_404(node: Node, method: str) -> None:
    """Contract: ams-users-metrics 7.4, 7.6. The activation token names none."""
    # Its token is no secret here: where names stand, the log shows it.
    made = object_in(await node.request("POST", PATH, json={"name": new_name("user")}))
    for unknown in (str(uuid.uuid4()), made["activation_token"], "x" * 255):
        assert_error(await node.request(method, f"{PATH}/{unknown}"), 404, UNKNOWN)


async def test_a_registration_is_deleted_and_its_user_stays(node: Node) -> None:
    """Contract: ams-users-metrics 7.6: whatever its state."""
    pending, accepted, declined = [await register(node) for _ in range(3)]
    object_in(await node.request("POST", f"{PATH}/{accepted['uuid']}:accept"))
    await decline(node, declined)
    for registration in (pending, accepted, declined):
        path = f"{PATH}/{registration['uuid']}"
        assert_empty(await node.request("DELETE", path))
        assert_error(await node.request("GET", path), 404, UNKNOWN)
        assert await listed(node, name=registration["name"]) == []
    path = f"/v1/users/{accepted['name']}"
    object_in(await node.request("GET", path))
    await node.request("DELETE", path)


async def test_the_list_is_filtered_exactly_and_oldest_first(node: Node) -> None:
    """Contract: ams-users-metrics 7.5."""
    organization = new_name("Org")
    first = await register(node, organization=organization, email="a@b")
    second = await register(node, first["name"], organization=organization, email="A@b")
    third = await register(node, organization=organization.lower(), email="a@b")
    await decline(node, second)
    second = object_in(await node.request("GET", f"{PATH}/{second['uuid']}"))
    everything = await listed(node)
    ours = [each for each in everything if each in (first, second, third)]
    assert ours == [first, second, third]
    empty = dict.fromkeys(("status", "activation_token", "name", "email", "organization"), "")
    assert await listed(node, **empty) == everything
    assert await listed(node, pageSize="1", pageToken="!", other="x") == everything
    for query, expected in (
        ({}, [first, second]),
        ({"status": "pending"}, [first]),
        ({"status": "declined"}, [second]),
        ({"status": "accepted"}, []),
        ({"status": "Pending"}, []),
        ({"status": "x" * 100}, []),
        ({"name": first["name"]}, [first, second]),
        ({"name": first["name"].upper()}, []),
        ({"name": "\x00"}, []),
        ({"email": "a@b"}, [first]),
        ({"email": "a@b "}, []),
        ({"email": "x" * 1000}, []),
        ({"activation_token": first["activation_token"]}, [first]),
        ({"activation_token": "unknown"}, []),
        ({"activation_token": first["activation_token"], "email": "A@b"}, []),
    ):
        assert await listed(node, organization=organization, **query) == expected
    assert await listed(node, activation_token=third["activation_token"]) == [third]
    await node.request("DELETE", f"{PATH}/{third['uuid']}")
    assert await listed(node, organization=organization.lower()) == []


async def test_who_may_register_may_not_see_or_accept(node: Node) -> None:
    """Contract: ams-users-metrics 7, 3.2; 14 #8: deletion is for service admins."""
    web_form = await create_user(node, service_roles=["register_admin"])
    answer = await node.request("POST", PATH, json={"name": new_name("user")}, token=web_form.token)
    made = object_in(answer)
    assert TOKEN.fullmatch(made["activation_token"])
    path = f"{PATH}/{made['uuid']}"
    for method, closed in (
        ("GET", PATH),
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}:accept"),
        ("POST", f"{path}:decline"),
    ):
        answer = await node.request(method, closed, token=web_form.token)
        assert_error(answer, 403, FORBIDDEN)
    await node.request("DELETE", f"/v1/users/{web_form.name}")


async def test_of_many_who_accept_at_once_one_does(node: Node) -> None:
    """Contract: ams-users-metrics 14 #48."""
    made = await register(node)
    path = f"{PATH}/{made['uuid']}:accept"
    answers = await asyncio.gather(*(node.request("POST", path) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    await node.request("DELETE", f"/v1/users/{made['name']}")
