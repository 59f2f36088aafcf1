"""Access lists of topics and subscriptions (contract: ams-core 1.6, 3.6, 3.7, 4.7)."""

import pytest

from tests.api.client import Project, assert_empty, assert_error, create_user, object_in

BOTH = pytest.mark.parametrize(
    ("resource", "thing"), [("topics/t", "Topic"), ("subscriptions/s", "Subscription")]
)


async def names_of(project: Project, resource: str) -> list[str]:
    answer = object_in(await project.request("GET", f"/{resource}:acl"))
    assert set(answer) == {"authorized_users"}
    names: list[str] = answer["authorized_users"]
    return names


@BOTH
async def test_a_list_is_replaced_as_a_whole_and_keeps_its_order(
    queue: Project, resource: str, thing: str
) -> None:
    """Contract: ams-core 3.6, 3.7."""
    assert await names_of(queue, resource) == []
    first, second, third = [await queue.user("publisher", "consumer") for _ in range(3)]
    await queue.allow(resource, third, first, second)
    assert await names_of(queue, resource) == [third.name, first.name, second.name]
    await queue.allow(resource, second, third)
    assert await names_of(queue, resource) == [second.name, third.name]
    await queue.allow(resource)
    assert await names_of(queue, resource) == []


@BOTH
async def test_a_name_given_twice_is_kept_once(queue: Project, resource: str, thing: str) -> None:
    """Contract: O-16."""
    first, second = [await queue.user("consumer") for _ in range(2)]
    await queue.allow(resource, second, first, second)
    assert await names_of(queue, resource) == [second.name, first.name]


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'{"authorized_users": null}',
        b'{"authorized_users": "x"}',
        b'{"authorized_users": {}}',
        b'{"authorized_users": [7]}',
        b'{"authorized_users": []} x',
    ],
)
async def test_a_bad_body_is_400(quiet: Project, resource: str, thing: str, body: bytes) -> None:
    """Contract: ams-core 3.7 row 1."""
    answer = await quiet.request("POST", f"/{resource}:modifyAcl", content=body)
    assert_error(answer, 400, f"Invalid {thing} ACL Arguments")


@BOTH
async def test_users_who_are_no_members_are_named_in_order(
    queue: Project, resource: str, thing: str
) -> None:
    """Contract: ams-core 3.7 row 2. A service role makes nobody a member; nothing is changed."""
    member = await queue.user("consumer")
    await queue.allow(resource, member)
    admin = await queue.user(service_roles=["service_admin"])
    body = {"authorized_users": ["y", member.name, admin.name, "x", "y"]}
    answer = await queue.request("POST", f"/{resource}:modifyAcl", json=body)
    assert_error(answer, 404, f"User(s): y, {admin.name}, x, y do not exist")
    assert await names_of(queue, resource) == [member.name]


@pytest.mark.parametrize(
    ("path", "thing"), [("topics/nothing", "Topic"), ("subscriptions/nothing", "Subscription")]
)
async def test_the_list_of_nothing_is_404(queue: Project, path: str, thing: str) -> None:
    """Contract: ams-core 3.6, O-15."""
    member = await queue.user("consumer")
    body = {"authorized_users": [member.name]}
    for answer in (
        await queue.request("GET", f"/{path}:acl"),
        await queue.request("POST", f"/{path}:modifyAcl", json=body),
    ):
        assert_error(answer, 404, f"{thing} doesn't exist")


@pytest.mark.parametrize("kind", ["topics", "subscriptions"])
async def test_a_list_is_refused_in_the_order_body_users_resource(
    quiet: Project, kind: str
) -> None:
    """Contract: ams-core 3.7 rows 1 to 3, 4.7."""
    path = f"/{kind}/nothing:modifyAcl"
    answer = await quiet.request("POST", path, json={"authorized_users": None})
    assert_error(answer, 400, f"Invalid {kind[:-1].capitalize()} ACL Arguments")
    answer = await quiet.request("POST", path, json={"authorized_users": ["nobody", "x"]})
    assert_error(answer, 404, "User(s): nobody, x do not exist")
    answer = await quiet.request("POST", path, json={"authorized_users": []})
    assert_error(answer, 404, f"{kind[:-1].capitalize()} doesn't exist")


@BOTH
async def test_a_deleted_user_leaves_the_list_and_does_not_come_back_with_their_name(
    queue: Project, resource: str, thing: str
) -> None:
    """Contract: ams-core 3.6, ams-users-metrics 14 #50."""
    user = await queue.user("consumer")
    await queue.allow(resource, user)
    path = f"/v1/users/{user.name}"
    assert_empty(await queue.node.request("DELETE", path))
    assert await names_of(queue, resource) == []
    body = {"projects": [{"project": queue.name, "roles": ["consumer"]}]}
    object_in(await queue.node.request("POST", path, json=body))
    assert await names_of(queue, resource) == []


@pytest.mark.parametrize("roles", [["publisher"], ["publisher", "consumer"]])
async def test_a_publisher_lists_the_topics_that_list_them(
    project: Project, roles: list[str]
) -> None:
    """Contract: ams-core 1.6, 3.4; the total is of what they may see (1.14)."""
    user = await project.user(*roles)
    topics = [await project.topic(name) for name in "abcd"]
    empty = {"topics": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await project.request("GET", "/topics", token=user.token)) == empty
    await project.allow("topics/a", user)
    await project.allow("topics/c", user)
    seen = object_in(await project.request("GET", "/topics", token=user.token))
    assert seen == {"topics": [topics[2], topics[0]], "nextPageToken": "", "totalSize": 2}
    page = object_in(await project.request("GET", "/topics?pageSize=1", token=user.token))
    assert (page["topics"], page["totalSize"]) == ([topics[2]], 2)


async def test_a_consumer_lists_the_subscriptions_that_list_them(project: Project) -> None:
    """Contract: ams-core 1.6, 4.5."""
    user = await project.user("consumer")
    await project.topic("t")
    made = [await project.subscription(name, "t") for name in "abcd"]
    await project.allow("subscriptions/a", user)
    await project.allow("subscriptions/c", user)
    seen = object_in(await project.request("GET", "/subscriptions", token=user.token))
    assert seen == {"subscriptions": [made[2], made[0]], "nextPageToken": "", "totalSize": 2}


@pytest.mark.parametrize("role", ["project_admin", "service_admin"])
async def test_an_admin_lists_everything_whatever_else_they_are(queue: Project, role: str) -> None:
    """Contract: ams-core 1.6."""
    if role == "service_admin":
        user = await queue.user("publisher", "consumer", service_roles=[role])
    else:
        user = await queue.user("publisher", "consumer", role)
    for path in ("/topics", "/subscriptions"):
        page = object_in(await queue.request("GET", path, token=user.token))
        assert page["totalSize"] == 1


#: What a consumer may do with a subscription that lists them; with a body that is accepted.
CONSUMING = [
    ("POST", ":pull", {}),
    ("POST", ":acknowledge", {"ackIds": ["projects/{}/subscriptions/s:0"]}),
    ("GET", ":offsets", None),
    ("POST", ":modifyOffset", {"offset": 0}),
    ("GET", ":timeToOffset?time=2020-01-02T03:04:05.000Z", None),
    ("POST", ":modifyAckDeadline", {"ackDeadlineSeconds": 20}),
]


@pytest.mark.parametrize(("method", "verb", "body"), CONSUMING)
async def test_a_consumer_has_to_be_on_the_list(
    queue: Project, method: str, verb: str, body: dict[str, object] | None
) -> None:
    """Contract: ams-core 1.6, 5.2 row 4, O-6, decision 16."""
    user = await queue.user("consumer")
    await queue.publish("t", "something to acknowledge")
    await queue.pull("s")
    if body and "ackIds" in body:
        body = {"ackIds": [f"projects/{queue.name}/subscriptions/s:0"]}
    path = f"/subscriptions/s{verb}"
    answer = await queue.request(method, path, json=body, token=user.token)
    assert_error(answer, 403, "Access to this resource is forbidden")
    await queue.allow("subscriptions/s", user)
    answer = await queue.request(method, path, json=body, token=user.token)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("role", ["project_admin", "service_admin"])
async def test_an_admin_who_is_also_publisher_or_consumer_has_to_be_on_the_list(
    queue: Project, role: str
) -> None:
    """Contract: O-5."""
    user = await create_user(
        queue.node,
        projects={queue.name: ["publisher", "consumer", role]},
        service_roles=[role] if role == "service_admin" else [],
    )
    for resource, path in (
        ("topics/t", "/topics/t:publish"),
        ("subscriptions/s", "/subscriptions/s:pull"),
    ):
        answer = await queue.request("POST", path, json={}, token=user.token)
        assert_error(answer, 403, "Access to this resource is forbidden")
        await queue.allow(resource, user)
        object_in(await queue.request("POST", path, json={}, token=user.token))
    await queue.node.request("DELETE", f"/v1/users/{user.name}")


async def test_an_admin_needs_no_place_on_a_list(queue: Project) -> None:
    """Contract: ams-core 1.6."""
    user = await queue.user("project_admin")
    for path in ("/topics/t:publish", "/subscriptions/s:pull"):
        object_in(await queue.request("POST", path, json={}, token=user.token))
