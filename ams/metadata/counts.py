"""Numbers for metrics and reports: a few statements each, however many things there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from tortoise.functions import Count
from tortoise.models import Model
from tortoise.queryset import QuerySet

from ams.metadata.models import (
    Membership,
    RetiredTopic,
    Schema,
    Subscription,
    SubscriptionAcl,
    Topic,
    TopicAcl,
)
from ams.metadata.records import (
    CountedTopic,
    MemberCounts,
    ProjectContents,
    ProjectCounts,
    TopicSummary,
    UserTraces,
)
from ams.metadata.store import Store

ModelT = TypeVar("ModelT", bound=Model)

#: Most projects or topics that one statement counts for, if not all.
BATCH = 1000


async def of_projects(
    store: Store, project_ids: Iterable[int] | None = None
) -> Mapping[int, ProjectCounts]:
    """How many topics, subscriptions and members some projects, or all, have; by project id.

    Of all, those that have nothing at all are missing.
    """
    return await _count(store, project_ids, {}, {})


async def created(
    store: Store, since: datetime, until: datetime, project_ids: Iterable[int] | None = None
) -> Mapping[int, ProjectCounts]:
    """The same of what was created from `since` to before `until`.

    A member counts from when the user was created, in each of their projects (contract:
    ams-users-metrics 8.6).
    """
    own = {"created_on__gte": since, "created_on__lt": until}
    users = {"user__created_on__gte": since, "user__created_on__lt": until}
    return await _count(store, project_ids, own, users)


async def subscriptions_to(store: Store, topic_ids: Sequence[int]) -> Mapping[int, int]:
    """How many subscriptions some topics have, by topic id; those without any are missing."""
    counts: dict[int, int] = {}
    async with store.database.reading():
        for start in range(0, len(topic_ids), BATCH):
            some = Subscription.filter(topic_id__in=topic_ids[start : start + BATCH])
            counts.update(await _by(some, "topic_id"))
    return counts


async def contents(store: Store, project_id: int) -> ProjectContents:
    """How many things go with a project."""
    async with store.database.reading():
        return ProjectContents(
            topics=await Topic.filter(project_id=project_id).count(),
            subscriptions=await Subscription.filter(project_id=project_id).count(),
            schemas=await Schema.filter(project_id=project_id).count(),
            members=await Membership.filter(project_id=project_id).count(),
            acl_entries=await TopicAcl.filter(topic__project_id=project_id).count()
            + await SubscriptionAcl.filter(subscription__project_id=project_id).count(),
        )


async def traces(store: Store, user_id: int) -> UserTraces:
    """How many things go with a user."""
    async with store.database.reading():
        return UserTraces(
            memberships=await Membership.filter(user_id=user_id).count(),
            acl_entries=await TopicAcl.filter(user_id=user_id).count()
            + await SubscriptionAcl.filter(user_id=user_id).count(),
        )


async def of_members(store: Store, project_id: int) -> list[MemberCounts]:
    """How many access lists of a project hold each member, who was created first comes first."""
    async with store.database.reading():
        members = (
            await Membership.filter(project_id=project_id)
            .order_by("user_id")
            .values_list("user_id", "user__name")
        )
        topics = await _by(TopicAcl.filter(topic__project_id=project_id), "user_id")
        subscriptions = await _by(
            SubscriptionAcl.filter(subscription__project_id=project_id), "user_id"
        )
    return [
        MemberCounts(name, topics.get(user_id, 0), subscriptions.get(user_id, 0))
        for user_id, name in cast("list[tuple[int, str]]", members)
    ]


async def of_topic(store: Store, topic: TopicSummary) -> int:
    """How many subscriptions a topic has."""
    async with store.database.reading():
        return await Subscription.filter(topic_id=topic.id).count()


async def counted_topics(
    store: Store, project_ids: Iterable[int] | None = None
) -> list[CountedTopic]:
    """The topics of some projects, or of all, whose daily counts there may be: deleted ones too."""
    counted: dict[str, CountedTopic] = {}
    for batch in _batches(project_ids):
        async with store.database.reading():
            for model in (Topic, RetiredTopic):
                rows = (
                    await model.filter(**batch)
                    .order_by("id")
                    .values_list("uuid", "project_id", "name")
                )
                # By uuid: one that is deleted in between is found twice.
                for row in cast("list[tuple[str, int, str]]", rows):
                    counted[row[0]] = CountedTopic(*row)
    return list(counted.values())


async def _count(
    store: Store,
    project_ids: Iterable[int] | None,
    own: Mapping[str, datetime],
    users: Mapping[str, datetime],
) -> Mapping[int, ProjectCounts]:
    """Count what fits `own`, and the members whose users fit `users`."""
    counts: dict[int, ProjectCounts] = {}
    for batch in _batches(project_ids):
        async with store.database.reading():
            topics = await _by(Topic.filter(**batch, **own), "project_id")
            subscriptions = await _by(Subscription.filter(**batch, **own), "project_id")
            members = await _by(Membership.filter(**batch, **users), "project_id")
        found = batch.get("project_id__in", {*topics, *subscriptions, *members})
        for id_ in found:
            counts[id_] = ProjectCounts(
                topics.get(id_, 0), subscriptions.get(id_, 0), members.get(id_, 0)
            )
    return counts


async def _by(rows: QuerySet[ModelT], column: str) -> Mapping[int, int]:
    """How many rows there are for each value of a column."""
    grouped = rows.annotate(rows=Count("id")).group_by(column)
    return dict(cast("list[tuple[int, int]]", await grouped.values_list(column, "rows")))


# Any: what Tortoise's filters take.
def _batches(project_ids: Iterable[int] | None) -> Iterator[dict[str, Any]]:
    """Filters for some projects at a time; one that is none for all of them."""
    if project_ids is None:
        yield {}
        return
    ids = sorted(set(project_ids))
    for start in range(0, len(ids), BATCH):
        yield {"project_id__in": ids[start : start + BATCH]}
