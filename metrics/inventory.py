"""What there is, from the database."""

from collections import Counter
from dataclasses import dataclass, field

from ams.metadata import counts, inventory
from ams.metadata.inventory import ListedSubscription, ListedTopic
from ams.metadata.records import ProjectCounts
from ams.metadata.store import Store
from metrics import families
from metrics.lines import Lines


@dataclass(slots=True)
class Inventory:
    """All projects, topics and subscriptions, oldest first."""

    projects: list[str] = field(default_factory=list)
    topics: list[ListedTopic] = field(default_factory=list)
    subscriptions: list[ListedSubscription] = field(default_factory=list)


async def read_inventory(lines: Lines, store: Store, most: int) -> Inventory:
    """Reads what there is, and adds what the database alone knows of it.

    Args:
        lines: where to.
        store: the database.
        most: how many things of a kind have figures of their own.

    Raises:
        Unavailable: the database does not answer.
        DatabaseError: it is not one that this program knows.
    """
    await store.check_version()
    engine = await inventory.engine(store)
    users = await inventory.users(store)
    registrations = await inventory.waiting_registrations(store)
    names = await inventory.projects(store)
    held = await counts.of_projects(store)
    found = Inventory(list(names.values()))
    async for topics in inventory.topics(store):
        found.topics += topics
    async for subscriptions in inventory.subscriptions(store):
        found.subscriptions += subscriptions
    lines.add(families.DATABASE_INFO, 1, *engine)
    lines.add(families.USERS, users)
    lines.add(families.REGISTRATIONS, registrations)
    for kind, family, things in (
        ("projects", families.PROJECTS, found.projects),
        ("topics", families.TOPICS, found.topics),
        ("subscriptions", families.SUBSCRIPTIONS, found.subscriptions),
    ):
        lines.add(family, len(things))
        lines.add(families.LEFT_OUT, max(0, len(things) - most), kind)
    for id_, name in list(names.items())[:most]:
        project = held.get(id_, ProjectCounts(0, 0, 0))
        values = (project.topics, project.subscriptions, project.members)
        lines.add_each((name,), zip(_OF_PROJECT, values, strict=True))
    _add_links(lines, found, most)
    return found


_OF_PROJECT = (families.PROJECT_TOPICS, families.PROJECT_SUBSCRIPTIONS, families.PROJECT_MEMBERS)


def _add_links(lines: Lines, found: Inventory, most: int) -> None:
    """Adds which subscription is to which topic."""
    attached = Counter(each.topic_uuid for each in found.subscriptions)
    for topic in found.topics[:most]:
        lines.add(families.TOPIC_SUBSCRIPTIONS, attached[topic.uuid], topic.project, topic.name)
    for each in found.subscriptions[:most]:
        lines.add(families.SUBSCRIPTION_INFO, 1, each.project, each.name, each.topic, each.push)
