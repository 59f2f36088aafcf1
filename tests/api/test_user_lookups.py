"""Users found by their token and by their uuid (contract: ams-users-metrics 5.3, 5.4)."""

import uuid

import pytest

from tests.api.client import FORBIDDEN, Project, assert_error, object_in, secrets
from tests.eventually import eventually
from tests.node import SERVICE_TOKEN, Node


@pytest.mark.parametrize("role", [None, "push_worker"])
async def test_a_user_is_found_by_token_in_full(queue: Project, role: str | None) -> None:
    """Contract: ams-users-metrics 5.3. A push worker finds itself by it."""
    creator = await queue.user(service_roles=["service_admin"])
    user = await queue.user("consumer", service_roles=[role] if role else [])
    await queue.allow("subscriptions/s", user)
    caller = user.token if role else creator.token
    full = object_in(await queue.node.request("GET", f"/v1/users/{user.name}"))
    assert full["projects"][0]["subscriptions"] == ["s"]
    answer = await queue.node.request("GET", f"/v1/users:byToken/{user.token}", token=caller)
    assert object_in(answer) == full
    assert full["token"] == user.token


@pytest.mark.parametrize("role", ["service_admin", "argo_api_authn"])
async def test_a_user_is_found_by_uuid_in_full(project: Project, role: str) -> None:
    """Contract: ams-users-metrics 5.4: the gateway for certificates reads the token."""
    caller = await project.user(service_roles=[role])
    user = await project.user("consumer", service_roles=["admin_viewer"])
    full = object_in(await project.node.request("GET", f"/v1/users/{user.name}"))
    answer = await project.node.request("GET", f"/v1/users:byUUID/{user.uuid}", token=caller.token)
    assert object_in(answer) == full
    assert full["token"] == user.token


@pytest.mark.parametrize("variable", ["token", "uuid"])
async def test_who_is_not_found_is_404(node: Node, variable: str) -> None:
    """Contract: ams-users-metrics 5.3, 5.4."""
    kind = {"token": "byToken", "uuid": "byUUID"}[variable]
    for unknown in (str(uuid.uuid4()), "-", "0" * 64, "x" * 255):
        answer = await node.request("GET", f"/v1/users:{kind}/{unknown}")
        assert_error(answer, 404, "User doesn't exist")


async def test_the_service_token_is_nobodys(node: Node) -> None:
    """Contract: ams-users-metrics 2.7."""
    answer = await node.request("GET", f"/v1/users:byToken/{SERVICE_TOKEN}")
    assert_error(answer, 404, "User doesn't exist")


@pytest.mark.parametrize("variable", ["token", "uuid"])
@pytest.mark.parametrize("name", ["a.b", "a%20b", "%0A", "a:b", "%C3%A9", "x" * 256])
async def test_what_is_no_name_is_400(node: Node, variable: str, name: str) -> None:
    """Contract: ams-users-metrics 1.7, 5.3: before the caller is looked at."""
    kind = {"token": "byToken", "uuid": "byUUID"}[variable]
    answer = await node.request("GET", f"/v1/users:{kind}/{name}", token=None)
    assert_error(answer, 400, f"Invalid {variable} name")


async def test_the_other_role_of_the_two_is_not_enough(project: Project) -> None:
    """Contract: ams-users-metrics 3.2."""
    user = await project.user("project_admin")
    for role, path in (
        ("push_worker", f"/v1/users:byUUID/{user.uuid}"),
        ("argo_api_authn", f"/v1/users:byToken/{user.token}"),
    ):
        caller = await project.user(service_roles=[role])
        answer = await project.node.request("GET", path, token=caller.token)
        assert_error(answer, 403, FORBIDDEN)


async def test_the_token_in_the_path_is_not_logged(project: Project) -> None:
    """Contract: decision 18."""
    user, of_nobody = await project.user(), "token_of_nobody-0123456789"
    secrets.add(of_nobody)
    for token in (user.token, of_nobody):
        for prefix in ("/v1/users:byToken/", "/v1//users:byToken/", "/v1/users:byToken/x/"):
            await project.node.request("GET", f"{prefix}{token}")
    headers = {"X-Request-Id": "last-look-up"}
    await project.node.request("GET", "/v1/version", headers=headers)
    await eventually(lambda: "last-look-up" in project.node.log())
    log = project.node.log()
    assert user.token not in log
    assert of_nobody not in log


async def test_a_renewed_token_finds_and_the_old_one_does_not(project: Project) -> None:
    user = await project.user()
    renewed = object_in(await project.node.request("POST", f"/v1/users/{user.name}:refreshToken"))
    secrets.add(renewed["token"])
    answer = await project.node.request("GET", f"/v1/users:byToken/{renewed['token']}")
    assert object_in(answer)["uuid"] == user.uuid
    answer = await project.node.request("GET", f"/v1/users:byToken/{user.token}")
    assert_error(answer, 404, "User doesn't exist")
