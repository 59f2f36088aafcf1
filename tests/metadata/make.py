"""Short ways to things that most tests need some of."""

from ams.auth.tokens import digest
from ams.metadata import projects, subscriptions, topics, users
from ams.metadata.records import (
    ProjectRecord,
    SubscriptionRecord,
    TopicRecord,
    UserRecord,
)
from ams.metadata.store import Store


def token_of(name: str) -> str:
    """The token of the user whom `make_user` makes."""
    return f"token of {name}"


async def make_project(store: Store, name: str = "DEMO") -> ProjectRecord:
    return await projects.create(store, name)


async def make_user(
    store: Store, name: str, project: ProjectRecord | None = None, *roles: str
) -> UserRecord:
    memberships = {} if project is None else {project.id: roles}
    return await users.create(
        store,
        name,
        token_digest=digest(token_of(name)),
        token_ciphertext=f"ciphertext of {name}",
        memberships=memberships,
    )


async def make_topic(store: Store, project: ProjectRecord, name: str = "news") -> TopicRecord:
    return await topics.create(store, project, name)


async def make_subscription(
    store: Store, project: ProjectRecord, topic: TopicRecord, name: str = "reader"
) -> SubscriptionRecord:
    return await subscriptions.create(
        store, project, name, topic, start_offset=3, ack_deadline_seconds=10
    )
