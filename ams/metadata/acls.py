"""Access lists: the users who may publish to a topic, or consume from a subscription.

The functions here are parts of a reading or a transaction that the caller has opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from ams.metadata import names
from ams.metadata.models import Membership, SubscriptionAcl, TopicAcl
from ams.service.errors import UsersNotFound

#: Most names, or lists, that one statement looks up.
BATCH = 1000


async def members(project_id: int, user_names: Sequence[str], *, lock: bool = True) -> list[int]:
    """The ids of these members of a project, each once, in order.

    With `lock` they stay members until the end of the transaction.

    Raises:
        UsersNotFound: Some are no members; it names them as often as `user_names` does.
    """
    ids: dict[str, int] = {}
    unique = list(dict.fromkeys(user_names))
    possible = [name for name in unique if names.can_exist(name)]
    for start in range(0, len(possible), BATCH):
        batch = possible[start : start + BATCH]
        found = Membership.filter(project_id=project_id, user__name__in=batch)
        found = found.select_for_update() if lock else found
        rows = await found.values_list("user__name", "user_id")
        ids.update(cast("list[tuple[str, int]]", rows))
    missing = [name for name in user_names if name not in ids]
    if missing:
        raise UsersNotFound(missing)
    return [ids[name] for name in unique]


async def replace_topic(topic_id: int, user_ids: Sequence[int]) -> None:
    """Make these users a topic's list."""
    await TopicAcl.filter(topic_id=topic_id).delete()
    await TopicAcl.bulk_create(
        [TopicAcl(topic_id=topic_id, user_id=user_id) for user_id in user_ids], batch_size=BATCH
    )


async def replace_subscription(subscription_id: int, user_ids: Sequence[int]) -> None:
    """Make these users a subscription's list."""
    await SubscriptionAcl.filter(subscription_id=subscription_id).delete()
    await SubscriptionAcl.bulk_create(
        [SubscriptionAcl(subscription_id=subscription_id, user_id=id_) for id_ in user_ids],
        batch_size=BATCH,
    )


async def put_on_subscription(subscription_id: int, user_id: int, *, present: bool) -> None:
    """Put a user at the end of a locked subscription's list, or take them off it."""
    places = SubscriptionAcl.filter(subscription_id=subscription_id, user_id=user_id)
    if not present:
        await places.delete()
    elif not await places.exists():
        await SubscriptionAcl.create(subscription_id=subscription_id, user_id=user_id)


async def of_topic(topic_id: int) -> frozenset[int]:
    """The ids of the users on a topic's list."""
    ids = await TopicAcl.filter(topic_id=topic_id).values_list("user_id", flat=True)
    return frozenset(cast("list[int]", ids))


async def of_subscription(subscription_id: int) -> frozenset[int]:
    """The ids of the users on a subscription's list."""
    ids = await SubscriptionAcl.filter(subscription_id=subscription_id).values_list(
        "user_id", flat=True
    )
    return frozenset(cast("list[int]", ids))


async def of_subscriptions_to(topic_id: int) -> frozenset[int]:
    """The ids of the users on the list of any subscription to a topic."""
    ids = await SubscriptionAcl.filter(subscription__topic_id=topic_id).values_list(
        "user_id", flat=True
    )
    return frozenset(cast("list[int]", ids))


async def of_topics(project_id: int, ids: Sequence[int]) -> Mapping[int, frozenset[int]]:
    """The lists of some of a project's topics, by topic id."""
    if len(ids) <= BATCH:
        rows = TopicAcl.filter(topic_id__in=ids)
    else:
        first, last = min(ids), max(ids)
        rows = TopicAcl.filter(
            topic__project_id=project_id, topic_id__gte=first, topic_id__lte=last
        )
    found = await rows.values_list("topic_id", "user_id") if ids else []
    return _grouped(cast("list[tuple[int, int]]", found))


async def of_subscriptions(project_id: int, ids: Sequence[int]) -> Mapping[int, frozenset[int]]:
    """The lists of some of a project's subscriptions, by their ids."""
    if len(ids) <= BATCH:
        rows = SubscriptionAcl.filter(subscription_id__in=ids)
    else:
        first, last = min(ids), max(ids)
        rows = SubscriptionAcl.filter(
            subscription__project_id=project_id,
            subscription_id__gte=first,
            subscription_id__lte=last,
        )
    found = await rows.values_list("subscription_id", "user_id") if ids else []
    return _grouped(cast("list[tuple[int, int]]", found))


async def names_of_topic(topic_id: int) -> list[str]:
    """The names of the users on a topic's list, in its order."""
    rows = await (
        TopicAcl.filter(topic_id=topic_id).order_by("id").values_list("user__name", flat=True)
    )
    return cast("list[str]", rows)


async def names_of_subscription(subscription_id: int) -> list[str]:
    """The names of the users on a subscription's list, in its order."""
    rows = await (
        SubscriptionAcl.filter(subscription_id=subscription_id)
        .order_by("id")
        .values_list("user__name", flat=True)
    )
    return cast("list[str]", rows)


def _grouped(rows: Sequence[tuple[int, int]]) -> Mapping[int, frozenset[int]]:
    lists: defaultdict[int, set[int]] = defaultdict(set)
    for owner_id, user_id in rows:
        lists[owner_id].add(user_id)
    return {owner_id: frozenset(user_ids) for owner_id, user_ids in lists.items()}
