"""All there is, in a few columns: for figures of the platform, and for what all topics get done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, cast

from tortoise.migrations.recorder import MigrationRecorder

from ams.metadata.models import (
    APP,
    Project,
    Registration,
    RetiredTopic,
    Subscription,
    Topic,
    User,
)
from ams.metadata.store import Store

#: Rows that one statement reads.
PAGE: Final = 2000

#: Whether messages are pushed: there is no receiver, or one that is verified or not.
PushState = Literal["none", "unverified", "verified"]


class ListedTopic(NamedTuple):
    """A topic, and the name of its project."""

    id: int
    uuid: str
    project: str
    name: str


class ListedSubscription(NamedTuple):
    """A subscription, and the names of its project and topic; of one without a topic, no uuid."""

    id: int
    uuid: str
    project: str
    name: str
    topic: str
    topic_uuid: str | None
    epoch: int
    start_offset: int
    push: PushState


class KeptTopic(NamedTuple):
    """A topic, and how long it keeps its messages: see `TopicSummary`."""

    id: int
    uuid: str
    epoch: int
    retention_seconds: int | None
    retention_bytes: int | None


class Reader(NamedTuple):
    """A subscription, and where it began: see `SubscriptionRecord`."""

    uuid: str
    epoch: int
    start_offset: int


class Engine(NamedTuple):
    """What the database is: `mysql` or `sqlite`, its version, the last migration it has seen."""

    name: str
    version: str
    migration: str


async def projects(store: Store) -> dict[int, str]:
    """The names of all projects by their ids, oldest first."""
    async with store.database.reading():
        rows = await Project.all().order_by("id").values_list("id", "name")
    return dict(cast("list[tuple[int, str]]", rows))


async def topics(store: Store) -> AsyncIterator[list[ListedTopic]]:
    """All topics, oldest first, some at a time."""
    after = 0
    while True:
        async with store.database.reading():
            rows = (
                await Topic.filter(id__gt=after)
                .order_by("id")
                .limit(PAGE)
                .values_list("id", "uuid", "project__name", "name")
            )
        if not rows:
            return
        page = [ListedTopic(*row) for row in cast("list[tuple[int, str, str, str]]", rows)]
        yield page
        after = page[-1].id


async def subscriptions(store: Store) -> AsyncIterator[list[ListedSubscription]]:
    """All subscriptions, oldest first, some at a time."""
    after = 0
    while True:
        async with store.database.reading():
            rows = (
                await Subscription.filter(id__gt=after)
                .order_by("id")
                .limit(PAGE)
                .values_list(
                    "id",
                    "uuid",
                    "project__name",
                    "name",
                    "topic_name",
                    "topic__uuid",
                    "epoch",
                    "start_offset",
                    "push",
                )
            )
        if not rows:
            return
        page = [ListedSubscription._make((*each, _push_state(push))) for *each, push in rows]
        yield page
        after = page[-1].id


async def kept_topics(store: Store, size: int) -> AsyncIterator[list[KeptTopic]]:
    """All topics, oldest first, `size` at a time."""
    after = 0
    while True:
        async with store.database.reading():
            query = Topic.filter(id__gt=after).order_by("id").limit(size)
            rows = await query.values_list(*KeptTopic._fields)
        if not rows:
            return
        yield [KeptTopic._make(row) for row in rows]
        after = rows[-1][0]


async def readers(store: Store, topics: Sequence[KeptTopic]) -> Mapping[str, list[Reader]]:
    """The subscriptions of each of these topics, oldest first, by the topic's uuid."""
    found: dict[str, list[Reader]] = {topic.uuid: [] for topic in topics}
    async with store.database.reading():
        query = Subscription.filter(topic_id__in=[topic.id for topic in topics]).order_by("id")
        rows = await query.values_list("topic__uuid", *Reader._fields)
    for uuid, *reader in rows:
        found[uuid].append(Reader._make(reader))
    return found


async def retired_topics(store: Store) -> dict[str, str]:
    """The projects of deleted topics, by the topic's uuid: their daily counts stay."""
    async with store.database.reading():
        rows = await RetiredTopic.all().values_list("uuid", "project__name")
    return dict(cast("list[tuple[str, str]]", rows))


async def users(store: Store) -> int:
    """How many users there are."""
    async with store.database.reading():
        return await User.all().count()


async def waiting_registrations(store: Store) -> int:
    """How many registrations wait to be accepted or declined."""
    async with store.database.reading():
        return await Registration.filter(status="pending").count()


async def engine(store: Store) -> Engine:
    """What the database is."""
    async with store.database.reading() as client:
        dialect = client.capabilities.dialect
        function = "VERSION()" if dialect == "mysql" else "sqlite_version()"
        (row,) = await client.execute_query_dict(f"SELECT {function} AS version")
        table = MigrationRecorder(client).table_name
        applied = await client.execute_query_dict(f"SELECT app, name FROM {table}")
    steps = [str(step["name"]) for step in applied if step["app"] == APP]
    return Engine(dialect, str(row["version"]), max(steps, default=""))


def _push_state(push: dict[str, object] | None) -> PushState:
    if push is None:
        return "none"
    return "verified" if push["verified"] else "unverified"
