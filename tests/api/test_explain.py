"""Why somebody may do something, or may not."""

import sqlite3
from contextlib import closing

import pytest

from ams.auth.access import LIST_RULES
from tests.api.client import FORBIDDEN, Object, Project, User, assert_error, create_user, object_in
from tests.conftest import StartNode
from tests.node import SERVICE_TOKEN

PATH = "/access:explain"
LIST_OF_S = "the access list of subscriptions/s"


async def explained(
    project: Project, user: User, action: str, resource: str = "", token: str = SERVICE_TOKEN
) -> Object:
    query = {"user": user.name, "action": action, "resource": resource}
    return object_in(await project.request("GET", PATH, params=query, token=token))


async def verdict(project: Project, user: User, action: str, resource: str = "") -> tuple[int, str]:
    found = await explained(project, user, action, resource)
    assert found["allowed"] is (found["code"] == 200)
    return found["code"], found["reason"].replace(user.name, "U").replace(project.name, "P")


async def test_a_role_that_may_is_named(queue: Project) -> None:
    user = await queue.user("project_admin", "metrics_viewer")
    assert await explained(queue, user, "topics:create") == {
        "allowed": True,
        "code": 200,
        "reason": f"{user.name} is project_admin and may do topics:create.",
        "roles": ["metrics_viewer", "project_admin"],
    }


async def test_roles_that_may_not_are_named_with_those_that_may(queue: Project) -> None:
    user = await queue.user("consumer", "publisher")
    expected = "U is consumer, publisher; topics:create is for project_admin, service_admin."
    assert await verdict(queue, user, "topics:create") == (403, expected)


async def test_who_has_no_role_gets_401(queue: Project) -> None:
    stranger, member = await queue.user(), await queue.user("publisher")
    path = f"/v1/projects/{queue.name}"
    assert await verdict(queue, stranger, "topics:list") == (401, "U is no member of P.")
    assert (await queue.node.request("GET", path, token=stranger.token)).status_code == 401
    expected = "U has no role in the whole service."
    assert await verdict(queue, member, "users:create") == (401, expected)


async def test_a_member_without_a_role_gets_401(queue: Project) -> None:
    """As who pushes may be one (contract: ams-core 7.3)."""
    member = await create_user(queue.node, projects={queue.name: []})
    roles = object_in(await queue.node.request("GET", f"/v1/users/{member.name}"))["projects"]
    assert roles[0]["roles"] == []
    expected = "U is a member of P without a role."
    assert await verdict(queue, member, "topics:list") == (401, expected)
    await queue.node.request("DELETE", f"/v1/users/{member.name}")


async def test_an_unknown_user_is_said_to_be_one(queue: Project) -> None:
    for name in ("nobody-of-this-name", "x" * 300, "\0", "<b>"):
        query = {"user": name, "action": "topics:list"}
        found = object_in(await queue.request("GET", PATH, params=query))
        assert found == {
            "allowed": False,
            "code": 401,
            "reason": f"There is no user {name}.",
            "roles": [],
        }


async def test_an_access_list_is_named_whether_it_holds_the_user_or_not(queue: Project) -> None:
    """Contract: O-5, decision 16."""
    user = await queue.user("publisher", "consumer")
    for action, resource, role in (
        ("topics:publish", "topics/t", "publisher"),
        ("subscriptions:pull", "subscriptions/s", "consumer"),
        ("subscriptions:acknowledge", "subscriptions/s", "consumer"),
        ("subscriptions:purge", "subscriptions/s", "consumer"),
    ):
        await queue.allow(resource)
        words = f"U is {role} and may do {action}"
        expected = f"{words}, but must be on the access list of {resource}, and is not."
        assert await verdict(queue, user, action, resource) == (403, expected)
        await queue.allow(resource, user)
        expected = f"{words}, and is on the access list of {resource}."
        assert await verdict(queue, user, action, resource) == (200, expected)


async def test_peeking_needs_the_list_of_a_subscription_to_the_topic(queue: Project) -> None:
    user = await queue.user("consumer")
    code, words = await verdict(queue, user, "topics:peek", "topics/t")
    assert code == 403
    assert "must be on the access list of a subscription to topics/t, and is not" in words
    await queue.allow("subscriptions/s", user)
    assert (await verdict(queue, user, "topics:peek", "topics/t"))[0] == 200
    admin = await queue.user("consumer", "project_admin")
    code, words = await verdict(queue, admin, "topics:peek", "topics/t")
    assert code == 200
    assert words.endswith("which counts for consumers who are no admins only.")


async def test_who_needs_no_list_is_told_whom_it_counts_for(queue: Project) -> None:
    admin = await queue.user("project_admin")
    expected = (
        "U is project_admin and may do topics:publish, and needs no place on the access list of"
        " topics/t, which counts for publishers only."
    )
    assert await verdict(queue, admin, "topics:publish", "topics/t") == (200, expected)


async def test_a_list_that_shows_less_is_said_to(queue: Project) -> None:
    """Contract: ams-core 1.6."""
    user = await queue.user("publisher", "consumer")
    for action in ("topics:list", "subscriptions:list"):
        code, words = await verdict(queue, user, action)
        assert (code, words.endswith(", and sees those whose access list holds them.")) == (
            200,
            True,
        )


@pytest.mark.parametrize(
    ("setting", "action", "words"),
    [
        (
            {"per_resource_auth": False},
            "subscriptions:pull",
            "and access lists do not count: per_resource_auth is off.",
        ),
        (
            {"consumer_acl_everywhere": False},
            "subscriptions:acknowledge",
            f"and {LIST_OF_S} counts for pulling only: consumer_acl_everywhere is off.",
        ),
    ],
)
async def test_a_setting_that_turns_lists_off_is_named(
    start_node: StartNode, setting: dict[str, object], action: str, words: str
) -> None:
    project = await Project.create(await start_node(auth=setting))
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("consumer")
    code, reason = await verdict(project, user, action, "subscriptions/s")
    assert (code, reason) == (200, f"U is consumer and may do {action}, {words}")


async def test_a_role_that_an_operator_has_given_counts(start_node: StartNode) -> None:
    node = await start_node()
    path = str(node.settings["database"]["url"]).removeprefix("sqlite://")
    with closing(sqlite3.connect(path)) as database, database:
        rows = [("topics:list", "reader"), ("access:explain", "service_admin")]
        database.executemany("INSERT INTO role_grants (route, role) VALUES (?, ?)", rows)
    await node.restart()
    project = await Project.create(node)
    reader, admin = await project.user("reader"), await project.user("project_admin")
    expected = "U is reader and may do topics:list."
    assert await verdict(project, reader, "topics:list") == (200, expected)
    expected = "U is project_admin; topics:list is for reader."
    assert await verdict(project, admin, "topics:list") == (403, expected)


async def test_what_is_open_needs_no_role(queue: Project) -> None:
    stranger = await queue.user()
    expected = "No role is needed for version:list."
    assert await verdict(queue, stranger, "version:list") == (200, expected)


async def test_roles_in_the_whole_service_are_shown_to_service_admins_only(queue: Project) -> None:
    """Contract: ams-users-metrics 2.4."""
    helper = await queue.user(service_roles=["service_admin"])
    viewer = await queue.user("metrics_viewer", service_roles=["admin_viewer"])
    admin = await queue.user("project_admin")
    found = await explained(queue, helper, "topics:create")
    assert (found["allowed"], found["roles"]) == (True, ["service_admin"])
    found = await explained(queue, helper, "topics:create", token=admin.token)
    assert (found["allowed"], found["roles"]) == (True, [])
    assert "somebody with a role in the whole service" in found["reason"]
    found = await explained(queue, viewer, "topics:create", token=admin.token)
    assert (found["allowed"], found["roles"]) == (False, ["metrics_viewer"])
    for action in ("users:create", "projects:list", "version:list"):
        query = {"user": viewer.name, "action": action}
        answer = await queue.request("GET", PATH, params=query, token=admin.token)
        assert_error(answer, 403, FORBIDDEN)


async def test_publishers_and_consumers_may_not_ask(queue: Project) -> None:
    user = await queue.user("publisher", "consumer")
    query = {"user": user.name, "action": "topics:list"}
    answer = await queue.request("GET", PATH, params=query, token=user.token)
    assert_error(answer, 403, FORBIDDEN)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "Name a user and an action"),
        ({"user": "u"}, "Name a user and an action"),
        ({"action": "topics:list"}, "Name a user and an action"),
        ({"user": "u", "action": "topics:fly"}, "Unknown action"),
        ({"user": "u", "action": "topics"}, "Unknown action"),
    ],
)
async def test_a_wrong_question_is_400(quiet: Project, query: dict[str, str], message: str) -> None:
    assert_error(await quiet.request("GET", PATH, params=query), 400, message)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("topics:publish", ""),
        ("topics:publish", "t"),
        ("topics:publish", "subscriptions/s"),
        ("topics:publish", "topics/"),
        ("topics:publish", "topics/t/messages"),
        ("topics:publish", "topics/t\n"),
        ("topics:publish", "topics/" + "t" * 256),
        ("subscriptions:pull", "topics/t"),
        ("topics:list", "topics/t"),
        ("users:create", "users/u"),
    ],
)
async def test_a_resource_that_does_not_fit_the_action_is_400(
    quiet: Project, action: str, resource: str
) -> None:
    query = {"user": "u", "action": action, "resource": resource}
    answer = await quiet.request("GET", PATH, params=query)
    expected = "Invalid resource (needs topics/T or subscriptions/S, as the action has it)"
    assert_error(answer, 400, expected)


async def test_what_does_not_exist_is_404_to_who_may_know(queue: Project) -> None:
    user = await queue.user("publisher", "consumer")
    for thing, action, resource in (
        ("Topic", "topics:publish", "topics/no"),
        ("Topic", "topics:peek", "topics/no"),
        ("Subscription", "subscriptions:pull", "subscriptions/no"),
    ):
        query = {"user": user.name, "action": action, "resource": resource}
        assert_error(await queue.request("GET", PATH, params=query), 404, f"{thing} doesn't exist")
    assert (await verdict(queue, user, "topics:create", "topics/no"))[0] == 403


async def test_the_answer_is_what_a_request_gets(queue: Project) -> None:
    """Of every route that looks at a list and is there, for every kind of caller."""
    await queue.publish("t", "a")
    listed, unlisted = await queue.user("publisher", "consumer"), await queue.user("consumer")
    admin, viewer = await queue.user("project_admin"), await queue.user("metrics_viewer")
    stranger = await queue.user()
    await queue.allow("topics/t", listed)
    await queue.allow("subscriptions/s", listed)
    document = object_in(await queue.node.request("GET", "/v1/openapi.json", token=None))
    tried = 0
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] not in LIST_RULES:
                continue
            path = template.format(project=queue.name, topic="t", subscription="s")
            resource = "topics/t" if "{topic}" in template else "subscriptions/s"
            for user in (listed, unlisted, admin, viewer, stranger):
                code, _ = await verdict(queue, user, operation["operationId"], resource)
                answer = await queue.node.request(
                    method.upper(), path, token=user.token, json={"ackDeadlineSeconds": 5}
                )
                real = answer.status_code
                assert (real if real in (401, 403) else 200) == code, (path, user, answer.text)
                tried += 1
    assert tried >= 50
