"""Topics (contract: ams-core 3)."""

import asyncio

import pytest

from tests.api.client import Project, assert_empty, assert_error, object_in
from tests.api.test_projects import assert_now


async def test_a_new_topic_is_answered_with_its_fields(project: Project) -> None:
    """Contract: ams-core 3.1, 3.2, O-44, O-45. The published client sends no body at all."""
    made = object_in(await project.request("PUT", "/topics/t"))
    assert made == {
        "name": f"/projects/{project.name}/topics/t",
        "created_on": made["created_on"],
    }
    assert_now(made["created_on"])
    assert object_in(await project.request("GET", "/topics/t")) == made


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"unknown": "x", "other": null}'])
async def test_a_body_of_creation_may_say_nothing(project: Project, body: bytes) -> None:
    """Contract: ams-core 1.9, 3.2."""
    made = object_in(await project.request("PUT", "/topics/t", content=body))
    assert set(made) == {"name", "created_on"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"7", b"{} {}", b'{"unknown": 7}', b'{"unknown": ["x"]}', b"\xff"],
)
async def test_a_bad_body_is_400_even_where_the_topic_exists(quiet: Project, body: bytes) -> None:
    """Contract: ams-core 1.9, 3.2 row 1."""
    answer = await quiet.request("PUT", "/topics/t", content=body)
    assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")


@pytest.mark.parametrize(
    ("schema", "code", "message", "status"),
    [
        ("schema-1", 400, "wrong schema name declaration", "INVALID_ARGUMENT"),
        ("projects/other/schemas/s", 400, "wrong schema name declaration", "INVALID_ARGUMENT"),
        ("projects/{project}/schemas/", 400, "wrong schema name declaration", "INVALID_ARGUMENT"),
        ("projects/{project}/schemas/s", 404, "Schema doesn't exist", "NOT_FOUND"),
    ],
)
async def test_a_reference_to_a_schema_that_is_none_is_refused(
    project: Project, schema: str, code: int, message: str, status: str
) -> None:
    """Contract: ams-core 3.2 rows 2 and 3, O-12, O-13."""
    body = {"schema": schema.format(project=project.name)}
    assert_error(await project.request("PUT", "/topics/t", json=body), code, message, status)


async def test_a_name_that_is_taken_is_409(quiet: Project) -> None:
    """Contract: ams-core 3.2 row 4."""
    answer = await quiet.request("PUT", "/topics/t")
    assert_error(answer, 409, "Topic already exists", "ALREADY_EXISTS")


async def test_of_creations_at_once_one_succeeds(project: Project) -> None:
    """Contract: O-51."""
    answers = await asyncio.gather(*(project.request("PUT", "/topics/t") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/topics/nothing"),
        ("DELETE", "/topics/nothing"),
        ("GET", "/topics/nothing:acl"),
        ("GET", "/topics/nothing/subscriptions"),
        ("POST", "/topics/nothing:publish"),
    ],
)
async def test_an_unknown_topic_is_404(quiet: Project, method: str, path: str) -> None:
    """Contract: ams-core 3.3, 3.5, 3.6, 3.10, 3.11 row 1."""
    assert_error(await quiet.request(method, path), 404, "Topic doesn't exist")


async def test_a_topic_of_another_project_is_unknown_here(project: Project) -> None:
    other = await Project.create(project.node)
    await other.topic("t")
    assert_error(await project.request("GET", "/topics/t"), 404, "Topic doesn't exist")
    await other.remove()


async def test_a_publisher_sees_topics_of_whose_list_they_are_not(project: Project) -> None:
    """Contract: ams-core 3.3."""
    made = await project.topic("t")
    publisher = await project.user("publisher")
    shown = await project.request("GET", "/topics/t", token=publisher.token)
    assert object_in(shown) == made


async def test_the_list_is_newest_first(project: Project) -> None:
    """Contract: ams-core 1.14, 3.4."""
    empty = {"topics": [], "nextPageToken": "", "totalSize": 0}
    assert object_in(await project.request("GET", "/topics")) == empty
    topics = [await project.topic(name) for name in ("b", "a", "c")]
    page = {"topics": topics[::-1], "nextPageToken": "", "totalSize": 3}
    assert object_in(await project.request("GET", "/topics")) == page


async def test_deletion_leaves_subscriptions_without_their_topic(queue: Project) -> None:
    """Contract: ams-core 3.5, 4.1, 5.2 row 5, 5.7."""
    await queue.publish("t", "lost with its topic")
    shown = object_in(await queue.request("GET", "/subscriptions/s"))
    assert_empty(await queue.request("DELETE", "/topics/t"))
    assert_error(await queue.request("GET", "/topics/t"), 404, "Topic doesn't exist")
    assert object_in(await queue.request("GET", "/subscriptions/s")) == shown
    for body in (b"{}", b"the body is not looked at"):
        answer = await queue.request("POST", "/subscriptions/s:pull", content=body)
        assert_error(answer, 409, "Subscription's topic doesn't exist")
    answer = await queue.acknowledge("s", 0)
    assert_error(answer, 500, "no ack pending")
    assert_error(
        await queue.request(
            "GET", "/subscriptions/s:timeToOffset", params={"time": "2026-01-02T03:04:05.000Z"}
        ),
        409,
        "Timestamp is out of bounds for the subscription's topic/partition",
    )


async def test_a_topic_that_is_made_again_starts_afresh_with_its_subscriptions(
    queue: Project,
) -> None:
    """Contract: ams-core 3.5, O-14."""
    await queue.publish("t", *"abcdef")
    await queue.read("s", 3)
    assert_empty(await queue.request("DELETE", "/topics/t"))
    await queue.topic("t")
    assert await queue.offsets() == {"max": 0, "min": 0, "current": 0}
    assert await queue.publish("t", "again") == ["0"]
    assert [m["message"]["messageId"] for m in await queue.pull("s", 10)] == ["0"]


async def test_the_access_list_of_a_topic_that_is_made_again_is_empty(project: Project) -> None:
    """Contract: ams-core 3.2."""
    publisher = await project.user("publisher")
    await project.topic("t")
    await project.allow("topics/t", publisher)
    await project.request("DELETE", "/topics/t")
    await project.topic("t")
    acl = await project.request("GET", "/topics/t:acl")
    assert object_in(acl) == {"authorized_users": []}


async def test_subscriptions_of_a_topic_are_listed_oldest_first(project: Project) -> None:
    """Contract: ams-core 3.10: plain references, and paging is ignored (1.14)."""
    await project.topic("t")
    await project.topic("other")
    path = "/topics/t/subscriptions?pageSize=1&pageToken=!"
    assert object_in(await project.request("GET", path)) == {"subscriptions": []}
    for name in ("b", "a", "c"):
        await project.subscription(name, "t")
    await project.subscription("elsewhere", "other")
    references = [f"/projects/{project.name}/subscriptions/{name}" for name in ("b", "a", "c")]
    assert object_in(await project.request("GET", path)) == {"subscriptions": references}


async def test_a_topic_shows_the_retention_of_its_own(project: Project) -> None:
    retention = {"messageRetentionDuration": "3600s", "messageRetentionBytes": "1000000"}
    made = await project.topic("t", **retention)
    assert made == {**made, **retention}
    assert object_in(await project.request("GET", "/topics/t")) == made
    assert object_in(await project.request("GET", "/topics"))["topics"] == [made]


async def test_retention_fields_are_told_apart_by_letter_case(project: Project) -> None:
    """Contract: ams-core 1.9: in these bodies names are case-sensitive."""
    made = await project.topic("t", messageretentionbytes="5")
    assert set(made) == {"name", "created_on"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (field, value, f"Invalid {field} (needs {needs})")
        for field, needs, values in (
            (
                "messageRetentionDuration",
                "seconds, as in 604800s",
                ("604800", "-1s", "1.5s", "1h", " 1s", "s", "1s\n", "1234567890s", "\u0661s"),
            ),
            ("messageRetentionBytes", "a number of bytes", ("-1", "1.5", "x", "1_0", "9" * 16)),
        )
        for value in values
    ],
)
async def test_a_bad_retention_is_400(quiet: Project, field: str, value: str, message: str) -> None:
    answer = await quiet.request("PUT", "/topics/new", json={field: value})
    assert_error(answer, 400, message)
    assert_error(await quiet.request("GET", "/topics/new"), 404, "Topic doesn't exist")


async def test_a_retention_can_be_changed_and_taken_back(project: Project) -> None:
    await project.topic("t", messageRetentionDuration="60s")
    path = "/topics/t:modifyRetention"
    admin = await project.user("project_admin")
    body = {"messageRetentionBytes": "0"}
    assert_empty(await project.request("POST", path, json=body, token=admin.token))
    shown = object_in(await project.request("GET", "/topics/t"))
    assert shown == {**shown, **body}
    assert "messageRetentionDuration" not in shown
    assert_empty(await project.request("POST", path, json={}))
    assert set(object_in(await project.request("GET", "/topics/t"))) == {"name", "created_on"}
    answer = await project.request("POST", path)
    assert_error(answer, 400, "Invalid Request Body", "BAD_REQUEST")
    answer = await project.request("POST", "/topics/nothing:modifyRetention", json={})
    assert_error(answer, 404, "Topic doesn't exist")
