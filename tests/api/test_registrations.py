"""Registrations (contract: ams-users-metrics 7)."""

import asyncio

import pytest

from tests.api.client import Object, assert_empty, assert_error, create_user, new_name, object_in
from tests.node import Node

NOT_FOUND = "User registration doesn't exist"


async def register(node: Node, name: str = "", **body: str) -> Object:
    body = {"name": name or new_name("user"), **body}
    return object_in(await node.request("POST", "/v1/registrations", json=body))


async def shown(node: Node, registration: Object) -> Object:
    return object_in(await node.request("GET", f"/v1/registrations/{registration['uuid']}"))


async def test_a_registration_is_pending_with_a_token(node: Node) -> None:
    """Contract: 7.1, 7.4."""
    registrar = await create_user(node, service_roles=["register_admin"])
    body = {"name": new_name("user"), "email": "a@example.org", "status": "accepted"}
    answer = await node.request("POST", "/v1/registrations", json=body, token=registrar.token)
    made = object_in(answer)
    assert len(made["activation_token"]) == 64
    assert made == {
        "uuid": made["uuid"],
        "name": body["name"],
        "first_name": "",
        "last_name": "",
        "organization": "",
        "description": "",
        "email": "a@example.org",
        "status": "pending",
        "activation_token": made["activation_token"],
        "registered_at": made["registered_at"],
    }
    assert await shown(node, made) == made


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"{}", b'{"name": 1}', b'{"name": "a b"}', b'{"name": "profile"}'],
)
async def test_a_registration_for_no_possible_name_is_refused(node: Node, content: bytes) -> None:
    """Contract: 14 #11, #12, #24."""
    answer = await node.request("POST", "/v1/registrations", content=content)
    assert_error(answer, 400, "Invalid User Arguments")


async def test_a_registration_for_a_user_there_is_is_refused(node: Node) -> None:
    user = await create_user(node)
    answer = await node.request("POST", "/v1/registrations", json={"name": user.name})
    assert_error(answer, 409, "User already exists", "ALREADY_EXISTS")


async def test_accepting_makes_the_user(node: Node) -> None:
    """Contract: 7.2."""
    admin = await create_user(node, service_roles=["service_admin"])
    asked = await register(node, first_name="A", email="a@example.org")
    path = f"/v1/registrations/{asked['uuid']}:accept"
    user = object_in(await node.request("POST", path, content=b'""', token=admin.token))
    assert (user["name"], user["first_name"], user["email"]) == (
        asked["name"],
        "A",
        "a@example.org",
    )
    assert (user["service_roles"], user["created_by"]) == ([], admin.name)
    assert "projects" not in user
    assert user["token"] != asked["activation_token"]
    profile = await node.request("GET", "/v1/users/profile", token=user["token"])
    assert object_in(profile)["uuid"] == user["uuid"]
    after = await shown(node, asked)
    assert (after["status"], after["modified_by"]) == ("accepted", admin.name)
    assert "activation_token" not in after
    assert_error(await node.request("POST", path), 404, NOT_FOUND)


async def test_accepting_a_taken_name_leaves_it_pending(node: Node) -> None:
    name = new_name("user")
    asked = [await register(node, name), await register(node, name)]
    paths = [f"/v1/registrations/{each['uuid']}:accept" for each in asked]
    answers = await asyncio.gather(*(node.request("POST", path) for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    states = [(await shown(node, each))["status"] for each in asked]
    assert sorted(states) == ["accepted", "pending"]


async def test_declining_keeps_the_comment(node: Node) -> None:
    """Contract: 7.3, 14 #13."""
    asked = await register(node)
    path = f"/v1/registrations/{asked['uuid']}:decline"
    for content in (b"[", b'{"comment": 1}', b'{"other": 1}'):
        answer = await node.request("POST", path, content=content)
        assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
    body = b'{"comment": "who?"} and more'
    assert object_in(await node.request("POST", path, content=body)) == {}
    after = await shown(node, asked)
    assert (after["status"], after["decline_comment"]) == ("declined", "who?")
    assert "activation_token" not in after
    assert_error(await node.request("POST", path, content=b"["), 404, NOT_FOUND)
    other = await register(node)
    declined = await node.request("POST", f"/v1/registrations/{other['uuid']}:decline")
    assert object_in(declined) == {}


async def test_registrations_are_filtered(node: Node) -> None:
    """Contract: 7.5."""
    email = f"{new_name('mail')}@example.org"
    first, second = await register(node, email=email), await register(node, email=email)

    async def listed(**query: str) -> list[Object]:
        answer = await node.request("GET", "/v1/registrations", params={"email": email, **query})
        found: list[Object] = object_in(answer)["user_registrations"]
        return found

    assert await listed() == [first, second]
    assert await listed(name=second["name"]) == [second]
    assert await listed(activation_token=first["activation_token"]) == [first]
    assert await listed(status="pending", organization="") == [first, second]
    assert await listed(status="nonsense") == []
    assert await listed(email=email.upper()) == []


async def test_a_registration_is_deleted_in_any_state(node: Node) -> None:
    """Contract: 7.6, 14 #8."""
    admin = await create_user(node, service_roles=["service_admin"])
    asked = await register(node)
    path = f"/v1/registrations/{asked['uuid']}"
    await node.request("POST", f"{path}:decline")
    assert_empty(await node.request("DELETE", path, token=admin.token))
    for method in ("DELETE", "GET"):
        assert_error(await node.request(method, path), 404, NOT_FOUND)
    answer = await node.request("GET", "/v1/audit", params={"resource": path.removeprefix("/v1")})
    actions = [entry["action"] for entry in object_in(answer)["entries"]]
    assert actions == ["registrations:delete", "registrations:declineNewUser"]
    assert asked["activation_token"] not in answer.text
