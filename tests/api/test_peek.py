"""Looking at the messages of a topic without consuming them."""

from collections.abc import Mapping

import pytest

from tests.api.client import FORBIDDEN, Object, Project, assert_error, data_of, object_in
from tests.conftest import StartNode

PATH = "/topics/t/messages"


async def peek(project: Project, **query: object) -> Object:
    return object_in(await project.request("GET", PATH, params=query))


def texts(found: Object) -> list[str]:
    return [message["data"] for message in found["messages"]]


def bounds(found: Object) -> tuple[int, int, int, int]:
    """The oldest kept, the first and the last looked at, the end."""
    return found["oldest"], found["firstOffset"], found["nextOffset"], found["end"]


async def attributed(project: Project, *attributes: Mapping[str, str]) -> None:
    messages = [{"data": data_of(str(n)), "attributes": a} for n, a in enumerate(attributes)]
    await project.publish_messages("t", *messages)


async def test_the_last_messages_are_shown_as_a_pull_shows_them(queue: Project) -> None:
    await queue.publish_messages(
        "t", {"data": data_of("one"), "attributes": {"a": "1", "b": ""}}, {"data": data_of("two")}
    )
    found = await peek(queue)
    pulled = [message["message"] for message in await queue.pull("s", 10)]
    assert found["messages"] == pulled
    assert bounds(found) == (0, 0, 2, 2)


async def test_no_cursor_moves_and_nothing_is_counted(queue: Project) -> None:
    await queue.publish("t", *"abc")
    page = {"view": "full"}
    before = object_in(await queue.request("GET", "/subscriptions", params=page))
    await peek(queue)
    await peek(queue, offset=0)
    assert await queue.offsets() == {"max": 3, "min": 0, "current": 0}
    after = object_in(await queue.request("GET", "/subscriptions", params=page))
    for found in (before, after):
        found["subscriptions"][0]["statistics"].pop("oldestUnacknowledgedSeconds")
    assert after == before


async def test_an_empty_topic_has_nothing_to_show(queue: Project) -> None:
    for query in ({}, {"offset": 0}, {"offset": 7}, {"time": "2016-11-14T12:00:00Z"}):
        assert await peek(queue, **query) == {
            "messages": [],
            "firstOffset": 0,
            "nextOffset": 0,
            "oldest": 0,
            "end": 0,
        }


@pytest.mark.parametrize(
    ("query", "shown", "first"),
    [
        ({}, "cdefghijkl", 2),
        ({"limit": 2}, "kl", 10),
        ({"limit": 100}, "abcdefghijkl", 0),
        ({"offset": 0, "limit": 3}, "abc", 0),
        ({"offset": 10}, "kl", 10),
        ({"offset": 12}, "", 12),
        ({"offset": 10**15 - 1}, "", 12),
        ({"time": "2016-11-14T12:00:00Z", "limit": 1}, "a", 0),
        ({"time": "2999-11-14T12:00:00Z"}, "", 12),
    ],
)
async def test_it_begins_where_it_is_told_and_says_where_to_go_on(
    queue: Project, query: dict[str, object], shown: str, first: int
) -> None:
    await queue.publish("t", *"abcdefghijkl")
    found = await peek(queue, **query)
    assert texts(found) == [data_of(text) for text in shown]
    assert bounds(found) == (0, first, first + len(shown), 12)


async def test_a_time_is_that_of_a_message(queue: Project) -> None:
    for text in "abc":
        await queue.publish("t", text)
    second = (await peek(queue))["messages"][1]
    found = await peek(queue, time=second["publishTime"])
    assert texts(found) == [data_of("b"), data_of("c")]


async def test_what_is_gone_is_left_out(queue: Project) -> None:
    await queue.publish("t", *"abc")
    object_in(await queue.request("POST", "/topics/t:purge"))
    await queue.publish("t", "d")
    found = await peek(queue, offset=0)
    assert (texts(found), bounds(found)) == ([data_of("d")], (3, 3, 4, 4))


async def test_attributes_choose_messages(queue: Project) -> None:
    await attributed(queue, {"k": "1"}, {"k": "2"}, {"o": "1"}, {"k": "a=b"}, {"k": "1", "o": "2"})
    for condition, shown in (
        ("k", "0134"),
        ("k=1", "04"),
        ("k=a=b", "3"),
        ("k=", ""),
        ("nothing", ""),
        ("", "01234"),
        (["k=1", "o"], "4"),
        (["k=1", "k=2"], ""),
    ):
        found = await peek(queue, attribute=condition)
        assert texts(found) == [data_of(number) for number in shown], condition
        assert bounds(found) == (0, 0, 5, 5)


async def test_a_filter_goes_on_where_it_stopped(queue: Project) -> None:
    await attributed(queue, *({"k": str(number % 2)} for number in range(9)))
    found = await peek(queue, offset=0, attribute="k=1", limit=2)
    assert (texts(found), bounds(found)) == ([data_of("1"), data_of("3")], (0, 0, 4, 9))
    found = await peek(queue, offset=found["nextOffset"], attribute="k=1", limit=9)
    assert (texts(found), bounds(found)) == ([data_of("5"), data_of("7")], (0, 4, 9, 9))
    found = await peek(queue, attribute="k=1", limit=1)
    assert (texts(found), bounds(found)) == ([data_of("7")], (0, 7, 9, 9))


async def test_it_looks_at_no_more_than_a_pull_may_get(start_node: StartNode) -> None:
    node = await start_node(messages={"pull_max_messages": 4, "pull_max_bytes": 600})
    project = await Project.create(node)
    await project.topic("t")
    await attributed(project, *({"k": str(number)} for number in range(9)))
    assert bounds(await peek(project, limit=100)) == (0, 5, 9, 9)
    found = await peek(project, offset=0, attribute="k=7")
    assert (texts(found), bounds(found)) == ([], (0, 0, 4, 9))
    found = await peek(project, offset=4, attribute="k=7")
    assert (texts(found), bounds(found)) == ([data_of("7")], (0, 4, 8, 9))
    await project.topic("large")
    for _ in range(4):
        await project.publish_messages("large", {"data": data_of("large" * 60)})
    answer = await project.request("GET", "/topics/large/messages", params={"offset": 0})
    assert bounds(object_in(answer)) == (0, 0, 1, 4)
    assert bounds(object_in(await project.request("GET", "/topics/large/messages"))) == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"offset": "-1"}, "Invalid offset (needs a number)"),
        ({"offset": "x"}, "Invalid offset (needs a number)"),
        ({"offset": "1" * 400}, "Invalid offset (needs a number)"),
        ({"offset": "\u0663"}, "Invalid offset (needs a number)"),
        ({"time": "now"}, "Time is not in valid Zulu format."),
        ({"offset": "0", "time": "now"}, "Give an offset or a time, not both"),
        ({"limit": "0"}, "Invalid limit (needs a number from 1)"),
        ({"limit": "-1"}, "Invalid limit (needs a number from 1)"),
        ({"limit": "ten"}, "Invalid limit (needs a number from 1)"),
        ({"attribute": ["k"] * 11}, "Too many attribute conditions (10 at most)"),
    ],
)
async def test_a_wrong_parameter_is_400(
    quiet: Project, query: dict[str, object], message: str
) -> None:
    assert_error(await quiet.request("GET", PATH, params=query), 400, message)


async def test_an_unknown_topic_is_404(quiet: Project) -> None:
    answer = await quiet.request("GET", "/topics/nothing/messages", params={"limit": "x"})
    assert_error(answer, 404, "Topic doesn't exist")


async def test_consumers_need_a_place_on_the_list_of_a_subscription_to_the_topic(
    queue: Project,
) -> None:
    consumer = await queue.user("consumer")
    assert_error(await queue.request("GET", PATH, token=consumer.token), 403, FORBIDDEN)
    await queue.topic("other")
    await queue.subscription("elsewhere", "other")
    await queue.allow("subscriptions/elsewhere", consumer)
    assert_error(await queue.request("GET", PATH, token=consumer.token), 403, FORBIDDEN)
    await queue.allow("subscriptions/s", consumer)
    object_in(await queue.request("GET", PATH, token=consumer.token))
    for roles in (("project_admin",), ("project_admin", "consumer")):
        admin = await queue.user(*roles)
        object_in(await queue.request("GET", PATH, token=admin.token))


async def test_publishers_are_403(queue: Project) -> None:
    publisher = await queue.user("publisher")
    await queue.allow("topics/t", publisher)
    assert_error(await queue.request("GET", PATH, token=publisher.token), 403, FORBIDDEN)


async def test_it_is_on_record_without_what_was_seen(queue: Project) -> None:
    await attributed(queue, {"k": "a secret value"})
    admin = await queue.user("project_admin")
    await queue.request("GET", PATH, token=admin.token, params={"attribute": "k=a secret value"})
    await queue.request("GET", PATH, token=admin.token, params={"limit": "x"})
    answer = await queue.request("GET", "/audit", params={"action": "topics:peek"})
    (entry,) = object_in(answer)["entries"]
    assert (entry["actor"], entry["detail"]) == (admin.name, {"offset": 0, "messages": 1})
    assert entry["resource"] == f"/projects/{queue.name}/topics/t/messages"
    assert "secret" not in answer.text
