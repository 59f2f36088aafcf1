"""The past of a topic, made by hand: what was published on other days."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from typing import Final, cast
from urllib.parse import urlsplit

import asyncmy
from redis import Redis

from tests.api.client import Project
from tests.messages.logs import pack_state, unpack_state
from tests.node import Node

EPOCH: Final = date(1970, 1, 1)
#: Of a time in the log, in microseconds.
DAY: Final = 86_400_000_000


def redis_of(node: Node, *, text: bool = True) -> Redis:
    """A client of the node's Redis, which tells texts or bytes; whoever asks closes it."""
    return Redis.from_url(str(node.settings["redis"]["url"]), decode_responses=text)


async def sql(node: Node, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Runs a statement on the node's database, `%s` standing for the values; returns its rows."""
    url = urlsplit(str(node.settings["database"]["url"]))
    if url.scheme == "sqlite":
        with closing(sqlite3.connect(url.path)) as database, database:
            return database.execute(statement.replace("%s", "?"), values).fetchall()
    connection = await asyncmy.connect(
        host=url.hostname,
        port=url.port,
        user=url.username,
        password=url.password,
        db=url.path.removeprefix("/"),
        autocommit=True,
    )
    async with connection, connection.cursor() as cursor:
        await cursor.execute(statement, values)
        return [tuple(row) for row in await cursor.fetchall()]


async def topic_uuids(project: Project, name: str = "t") -> list[str]:
    """What the topics of this name are called in Redis: the living one last, deleted ones too."""
    found: list[str] = []
    for table in ("retired_topics", "topics"):
        query = (
            f"SELECT {table}.uuid FROM {table} JOIN projects ON projects.id = project_id"
            f" WHERE projects.name = %s AND {table}.name = %s ORDER BY {table}.id"
        )
        found += [str(uuid) for (uuid,) in await sql(project.node, query, project.name, name)]
    return found


async def move(project: Project, days: int, name: str = "t") -> date:
    """Leaves a topic as if its last publishes had been days earlier; returns when they really were.

    What is published next moves them to the days gone by, and is of today.
    """
    key = f"ams:{{{(await topic_uuids(project, name))[-1]}}}:topic"
    with redis_of(project.node, text=False) as redis:
        was = unpack_state(cast("bytes | None", redis.hget(key, "state")))
        published = was["last_publish"]
        redis.hset(key, "state", pack_state(was | {"last_publish": published - days * DAY}))
    return EPOCH + timedelta(microseconds=published)


async def set_days(project: Project, messages: Mapping[date, int], name: str = "t") -> None:
    """Has so many messages been published to a topic on these days, which are gone by."""
    key = f"ams:{{{(await topic_uuids(project, name))[-1]}}}:topic"
    with redis_of(project.node) as redis:
        redis.hset(key, mapping={str((day - EPOCH).days): n for day, n in messages.items()})
