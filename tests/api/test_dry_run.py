"""`dryRun=true` says what would be done, and does nothing."""

import re
from typing import Any

import pytest

from ams.api.app import OPERATIONS
from tests.api.client import (
    FORBIDDEN,
    Object,
    Project,
    User,
    assert_empty,
    assert_error,
    create_user,
    object_in,
)

DRY = {"dryRun": "true"}
#: Method and path of what has a preview.
PREVIEWED = [(each.method, each.full_path) for each in OPERATIONS if each.preview is not None]


async def trail(project: Project) -> list[Object]:
    found: list[Object] = object_in(await project.request("GET", "/audit"))["entries"]
    return found


async def filled(project: Project) -> User:
    """Topic `t` with five messages, three of which `s` has not acknowledged; lists hold a user."""
    user = await project.user("publisher", "consumer")
    await project.topic("t")
    await project.subscription("s", "t")
    await project.subscription("r", "t")
    await project.allow("topics/t", user)
    await project.allow("subscriptions/s", user)
    await project.publish("t", *"abcde")
    await project.read("s", 2)
    return user


# Any: handed to httpx.
async def dry(project: Project, method: str, path: str, **request: Any) -> Object:  # noqa: ANN401 (handed to httpx)
    """The answer of a dry run, which has left everything as it was."""
    before = await trail(project), await project.offsets()
    answer = await project.request(method, path, params=DRY, **request)
    assert (await trail(project), await project.offsets()) == before
    return object_in(answer)


async def test_the_loss_of_a_topic(project: Project) -> None:
    await filled(project)
    found = await dry(project, "DELETE", "/topics/t")
    assert found.pop("bytes") > 0
    assert found == {"messages": 5, "subscriptions": 2, "aclEntries": 1}
    assert_empty(await project.request("DELETE", "/topics/t", params={"dryRun": "false"}))
    assert (await project.request("GET", "/topics/t")).status_code == 404


async def test_the_loss_of_a_subscription(project: Project) -> None:
    await filled(project)
    found = await dry(project, "DELETE", "/subscriptions/s")
    assert found == {"backlog": 3, "aclEntries": 1}
    assert_empty(await project.request("DELETE", "/topics/t"))
    found = object_in(await project.request("DELETE", "/subscriptions/s", params=DRY))
    assert found == {"backlog": 0, "aclEntries": 1}
    assert_empty(await project.request("DELETE", "/subscriptions/s"))


async def test_the_loss_of_a_project(project: Project) -> None:
    await filled(project)
    await project.topic("other")
    await project.publish("other", "f")
    found = await dry(project, "DELETE", "")
    assert found.pop("bytes") > 0
    assert found == {
        "topics": 2,
        "subscriptions": 2,
        "schemas": 0,
        "members": 1,
        "aclEntries": 2,
        "messages": 6,
    }
    assert_empty(await project.request("DELETE"))


async def test_the_loss_of_a_user(project: Project) -> None:
    user = await filled(project)
    path = f"/v1/users/{user.name}"
    found = object_in(await project.node.request("DELETE", path, params=DRY))
    assert found == {"memberships": 1, "aclEntries": 2}
    object_in(await project.node.request("GET", path))
    assert_empty(await project.node.request("DELETE", path))
    assert_error(await project.node.request("DELETE", path, params=DRY), 404, "User doesn't exist")


@pytest.mark.parametrize(
    ("offset", "skipped", "replayed"), [(0, 0, 2), (2, 0, 0), (3, 1, 0), (5, 3, 0)]
)
async def test_what_moving_an_offset_skips_or_replays(
    project: Project, offset: int, skipped: int, replayed: int
) -> None:
    await filled(project)
    body = {"offset": offset}
    found = await dry(project, "POST", "/subscriptions/s:modifyOffset", json=body)
    assert found == {"skipped": skipped, "replayed": replayed}


async def test_a_move_that_would_be_refused_is_refused(project: Project) -> None:
    """Contract: ams-core 6.4."""
    await filled(project)
    path = "/subscriptions/s:modifyOffset"
    for offset in (-1, 6, 10**30):
        answer = await project.request("POST", path, params=DRY, json={"offset": offset})
        assert_error(answer, 400, "Offset out of bounds")
    answer = await project.request("POST", path, params=DRY, content=b"{")
    assert_error(answer, 400, "Invalid Offset Arguments")
    outsider = await project.user("consumer")
    for asked in ({}, DRY):
        answer = await project.request("POST", path, params=asked, json={}, token=outsider.token)
        assert_error(answer, 403, FORBIDDEN)
    assert_empty(await project.request("DELETE", "/topics/t"))
    assert object_in(await project.request("POST", path, params=DRY, json={})) == {
        "skipped": 0,
        "replayed": 0,
    }
    answer = await project.request("POST", path, params=DRY, json={"offset": 1})
    assert_error(answer, 400, "Offset out of bounds")


async def test_who_may_not_do_it_may_not_try_it_either(queue: Project) -> None:
    stranger = await create_user(queue.node)
    viewer = await queue.user("metrics_viewer")
    names = {"project": queue.name, "topic": "t", "subscription": "s", "user": stranger.name}
    for method, template in PREVIEWED:
        path = re.sub(r"<(\w+)>", lambda match: names[match[1]], template)
        answer = await queue.node.request(method, path, token=stranger.token, params=DRY)
        assert_error(answer, 401, "Unauthorized")
        answer = await queue.node.request(method, path, token=viewer.token, params=DRY)
        assert answer.status_code == (401 if path.startswith("/v1/users") else 403), path
    await queue.node.request("DELETE", f"/v1/users/{stranger.name}")


async def test_what_does_not_exist_is_404(project: Project) -> None:
    for thing, path in (("Topic", "/topics/no"), ("Subscription", "/subscriptions/no")):
        for method, verb in (("DELETE", ""), ("POST", ":purge")):
            answer = await project.request(method, path + verb, params=DRY)
            assert_error(answer, 404, f"{thing} doesn't exist")


@pytest.mark.parametrize(
    "query",
    [
        *("dryRun", "dryRun=", "dryRun=1", "dryRun=yes", "dryRun=True", "dryRun=%D1%82rue"),
        *("dryRun=%zz", "dryRun=true;", "dryrun=true", "DryRun=true&x=y", "dryRun=1&dryRun=true"),
    ],
)
async def test_an_unclear_dry_run_is_400_and_nothing_is_done(queue: Project, query: str) -> None:
    for method, path in (
        ("DELETE", ""),
        ("DELETE", "/topics/t"),
        ("DELETE", "/subscriptions/s"),
        ("POST", "/topics/t:purge"),
        ("POST", "/subscriptions/s:purge"),
        ("POST", "/subscriptions/s:modifyOffset"),
    ):
        answer = await queue.request(method, f"{path}?{query}", content=b"")
        assert_error(answer, 400, "Invalid dryRun (needs true or false)")
    assert await queue.offsets() == {"max": 0, "min": 0, "current": 0}
