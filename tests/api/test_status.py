"""What the service says of itself (contract: ams-core 9, ams-users-metrics 9)."""

import pytest

import ams
from tests.api.client import Project, assert_error, object_in
from tests.conftest import StartNode
from tests.node import Node

STATUS = {"status": "ok", "push_functionality": "disabled"}
ALWAYS = {"build_time", "golang", "compiler", "os", "architecture"}
VIEWERS = ["service_admin", "admin_viewer"]


@pytest.mark.parametrize("token", [None, "unknown"])
async def test_anyone_may_ask_for_the_version(node: Node, token: str | None) -> None:
    """Contract: ams-core 9.1: a token is optional and never refused."""
    version = object_in(await node.request("GET", "/v1/version", token=token))
    assert set(version) == ALWAYS
    assert all(isinstance(value, str) for value in version.values())


async def test_the_service_token_does_not_show_the_release(node: Node) -> None:
    """Contract: ams-core 9.1, ams-users-metrics 2.5."""
    assert set(object_in(await node.request("GET", "/v1/version"))) == ALWAYS


async def test_viewers_see_the_release(project: Project) -> None:
    """Contract: ams-core 9.1: by their service roles."""
    for role in VIEWERS:
        user = await project.user(service_roles=[role])
        for request in ({"token": user.token}, {"token": None, "params": {"key": user.token}}):
            version = object_in(await project.node.request("GET", "/v1/version", **request))
            assert version["release"] == ams.__version__
            assert set(version) == {*ALWAYS, "release"}
        in_project = await project.user(role)
        answer = await project.node.request("GET", "/v1/version", token=in_project.token)
        assert set(object_in(answer)) == ALWAYS


async def test_the_version_names_the_host_that_clients_reach(start_node: StartNode) -> None:
    """Contract: ams-core 9.1."""
    node = await start_node(server={"proxy_hostname": "msg.example.org"})
    version = object_in(await node.request("GET", "/v1/version", token=None))
    assert version["hostname"] == "msg.example.org"


@pytest.mark.parametrize("token", [None, "unknown"])
@pytest.mark.parametrize("query", ["", "?details=", "?details=false", "?details=1"])
async def test_anyone_may_ask_for_the_status(node: Node, token: str | None, query: str) -> None:
    """Contract: ams-core 9.2."""
    answer = await node.request("GET", f"/v1/status{query}", token=token)
    assert object_in(answer) == STATUS


@pytest.mark.parametrize("token", [None, "", "unknown"])
async def test_details_for_nobody_are_403(node: Node, token: str | None) -> None:
    """Contract: ams-core 9.2, O-43."""
    answer = await node.request("GET", "/v1/status?details=true", token=token)
    assert_error(answer, 403, "Access to this resource is forbidden")


async def test_details_for_the_service_token_are_403(node: Node) -> None:
    """Contract: ams-core 9.2, ams-users-metrics 2.5."""
    answer = await node.request("GET", "/v1/status?details=true")
    assert_error(answer, 403, "Access to this resource is forbidden")


async def test_details_are_for_viewers(project: Project) -> None:
    """Contract: ams-core 9.2, O-43."""
    for role in VIEWERS:
        viewer = await project.user(service_roles=[role])
        answer = await project.node.request("GET", "/v1/status?details=true", token=viewer.token)
        assert object_in(answer) == STATUS
    for other in (
        await project.user(),
        await project.user("service_admin", "project_admin"),
        await project.user(service_roles=["push_worker"]),
    ):
        answer = await project.node.request("GET", "/v1/status?details=true", token=other.token)
        assert_error(answer, 401, "Unauthorized")
