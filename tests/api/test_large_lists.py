"""Lists of a hundred thousand: the last page is as fast as the first."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tests.api.client import Object, Project, User, object_in
from tests.api.past import sql
from tests.conftest import StartNode
from tests.node import SERVICE_TOKEN, Node

MANY: Final = 100_000
PAGE: Final = 4000
#: Rows of one statement.
BATCH: Final = 5000
#: What a late page may take at most besides twice what an early one takes, in seconds.
SLACK: Final = 0.05

WHEN: Final = datetime(2024, 1, 1)  # noqa: DTZ001 (as databases write it)


async def fill(node: Node, table: str, columns: str, row: Callable[[int], str]) -> None:
    """Adds rows; `row` gives the values of one, as SQL."""
    for start in range(0, MANY, BATCH):
        rows = ", ".join(f"({row(number)})" for number in range(start, start + BATCH))
        await sql(node, f"INSERT INTO {table} ({columns}) VALUES {rows}")


async def walk(node: Node, path: str, items: str, token: str = SERVICE_TOKEN) -> int:
    """Goes through a list to its end; no page may be slower for its place. Returns the length."""

    async def page(from_token: str) -> Object:
        # Not by `node.request`, which compares each answer with the documentation.
        query = {"pageSize": str(PAGE), "pageToken": from_token}
        return object_in(await node.client.get(path, params=query, headers={"x-api-key": token}))

    async def seconds(from_token: str) -> float:
        begun = time.monotonic()
        await page(from_token)
        return time.monotonic() - begun

    found: set[str] = set()
    starts = [""]
    while True:
        here = await page(starts[-1])
        names = {each.get("name") or each["traceId"] for each in here[items]}
        assert len(names) == len(here[items])
        assert not names & found
        found |= names
        if not here["nextPageToken"]:
            break
        starts.append(here["nextPageToken"])
    # In turns, and the fastest of each: the machine may be busy with other things.
    times = [(await seconds(starts[0]), await seconds(starts[-2])) for _ in range(5)]
    first, late = (min(each) for each in zip(*times, strict=True))
    assert late < 2 * first + SLACK
    return len(found)


async def test_each_page_of_a_hundred_thousand_takes_as_long_as_the_first(
    start_node: StartNode, new_database: Callable[[], str]
) -> None:
    node = await start_node(database={"url": new_database()})
    project = await Project.create(node)
    publisher: User = await project.user("publisher")
    ((project_id,),) = await sql(node, "SELECT id FROM projects WHERE name = %s", project.name)
    ((user_id,),) = await sql(node, "SELECT id FROM users WHERE name = %s", publisher.name)

    await fill(
        node,
        "topics",
        "uuid, project_id, name, epoch, created_on",
        lambda n: f"'t{n}', {project_id}, 'T{n}', 1, '{WHEN}'",
    )
    assert await walk(node, f"/v1/projects/{project.name}/topics", "topics") == MANY

    await sql(node, f"INSERT INTO topic_acls (topic_id, user_id) SELECT id, {user_id} FROM topics")
    theirs = await walk(node, f"/v1/projects/{project.name}/topics", "topics", publisher.token)
    assert theirs == MANY

    ((secret,),) = await sql(node, "SELECT token_ciphertext FROM users")
    await fill(
        node,
        "users",
        "uuid, name, email, first_name, last_name, organization, description, service_roles,"
        " token_ciphertext, token_digest, created_on, modified_on",
        lambda n: (
            f"'u{n}', 'U{n}', '', '', '', '', '', '[]', '{secret}', 'd{n}', '{WHEN}', '{WHEN}'"
        ),
    )
    assert await walk(node, "/v1/users", "users") == MANY + 1

    await fill(
        node,
        "audit",
        "at, actor_uuid, actor_name, action, resource, source, trace_id, detail",
        lambda n: (
            f"'{WHEN + timedelta(seconds=n)}', '', 'somebody', 'topics:create', '/topics/t', '',"
            f" 'a{n}', '{{}}'"
        ),
    )
    assert await walk(node, "/v1/audit", "entries") > MANY
