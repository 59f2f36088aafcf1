"""The past of a topic, made by hand: what was published on other days."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from typing import Final

from redis import Redis

from tests.api.client import Project
from tests.node import Node

EPOCH: Final = date(1970, 1, 1)
#: Of a time in the log, in microseconds.
DAY: Final = 86_400_000_000


def redis_of(node: Node) -> Redis:
    """A client of the node's Redis; whoever asks closes it."""
    return Redis.from_url(str(node.settings["redis"]["url"]), decode_responses=True)


def database_of(node: Node) -> closing[sqlite3.Connection]:
    """The node's database."""
    path = str(node.settings["database"]["url"]).removeprefix("sqlite://")
    return closing(sqlite3.connect(path))


def topic_uuids(project: Project, name: str = "t") -> list[str]:
    """What the topics of this name are called in Redis: the living one last, deleted ones too."""
    found: list[str] = []
    with database_of(project.node) as database:
        for table in ("retired_topics", "topics"):
            query = (
                f"SELECT {table}.uuid FROM {table} JOIN projects ON projects.id = project_id"
                f" WHERE projects.name = ? AND {table}.name = ? ORDER BY {table}.id"
            )
            found += [uuid for (uuid,) in database.execute(query, (project.name, name))]
    return found


def move(project: Project, days: int, name: str = "t") -> date:
    """Leaves a topic as if its last publishes had been days earlier; returns when they really were.

    What is published next moves them to the days gone by, and is of today.
    """
    key = f"ams:{{{topic_uuids(project, name)[-1]}}}:topic"
    with redis_of(project.node) as redis:
        day, last = (int(value or 0) for value in redis.hmget(key, "day", "last_publish"))
        redis.hset(key, mapping={"day": day - days, "last_publish": last - days * DAY})
    return EPOCH + timedelta(days=day)


def set_days(project: Project, messages: Mapping[date, int], name: str = "t") -> None:
    """Has so many messages been published to a topic on these days, which are gone by."""
    key = f"ams:{{{topic_uuids(project, name)[-1]}}}:days"
    with redis_of(project.node) as redis:
        redis.hset(key, mapping={str((day - EPOCH).days): n for day, n in messages.items()})
