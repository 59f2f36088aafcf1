"""Who may see metrics of a topic or a subscription (contract: ams-users-metrics 2.6)."""

import pytest

from tests.api.client import FORBIDDEN, Project, assert_error
from tests.api.test_metrics import metrics_of
from tests.conftest import StartNode

RESOURCES = pytest.mark.parametrize(
    ("resource", "thing", "role"),
    [("topics/t", "Topic", "publisher"), ("subscriptions/s", "Subscription", "consumer")],
)


@RESOURCES
async def test_an_admin_sees_them(queue: Project, resource: str, thing: str, role: str) -> None:
    admin = await queue.user("project_admin")
    assert await metrics_of(queue, f"/{resource}", token=admin.token)
    answer = await queue.request("GET", f"/{resource}x:metrics", token=admin.token)
    assert_error(answer, 404, f"{thing} doesn't exist")


@RESOURCES
@pytest.mark.parametrize("more", [[], ["project_admin"], ["service_admin"]])
async def test_who_publishes_or_consumes_sees_them_if_the_list_holds_them(
    queue: Project, resource: str, thing: str, role: str, more: list[str]
) -> None:
    """Contract: ams-users-metrics 2.6: admins, too, and before they learn what exists."""
    service = [each for each in more if each == "service_admin"]
    user = await queue.user(role, *(set(more) - set(service)), service_roles=service)
    for path in (f"/{resource}:metrics", f"/{resource}x:metrics"):
        answer = await queue.request("GET", path, token=user.token)
        assert_error(answer, 403, FORBIDDEN)
    await queue.allow(resource, user)
    assert await metrics_of(queue, f"/{resource}", token=user.token)
    await queue.allow(resource)
    answer = await queue.request("GET", f"/{resource}:metrics", token=user.token)
    assert_error(answer, 403, FORBIDDEN)


async def test_the_list_of_the_other_kind_does_not_count(queue: Project) -> None:
    publisher, consumer = await queue.user("publisher"), await queue.user("consumer")
    await queue.allow("topics/t", publisher)
    await queue.allow("subscriptions/s", consumer)
    for path, user in (("/topics/t", consumer), ("/subscriptions/s", publisher)):
        answer = await queue.request("GET", f"{path}:metrics", token=user.token)
        assert_error(answer, 403, FORBIDDEN)


async def test_without_checks_by_resource_the_lists_do_not_count(start_node: StartNode) -> None:
    """Contract: ams-users-metrics 2.6."""
    project = await Project.create(await start_node(auth={"per_resource_auth": False}))
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("publisher", "consumer")
    for resource, thing in (("topics/t", "Topic"), ("subscriptions/s", "Subscription")):
        assert await metrics_of(project, f"/{resource}", token=user.token)
        answer = await project.request("GET", f"/{resource}x:metrics", token=user.token)
        assert_error(answer, 404, f"{thing} doesn't exist")


async def test_the_setting_for_acknowledging_does_not_open_them(start_node: StartNode) -> None:
    """Contract: decision 16 is about other routes than 2.6."""
    project = await Project.create(await start_node(auth={"consumer_acl_everywhere": False}))
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("consumer")
    answer = await project.request("GET", "/subscriptions/s:metrics", token=user.token)
    assert_error(answer, 403, FORBIDDEN)
