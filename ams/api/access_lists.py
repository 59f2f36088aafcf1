"""Who may publish to a topic or consume from a subscription: the resource's own list of users."""

from ams.api import answers
from ams.api.bodies import Body, decode
from ams.api.calls import Call
from ams.metadata import subscriptions, topics
from ams.service.errors import InvalidArgument


class AccessListBody(Body):
    """Body of `:modifyAcl`."""

    authorized_users: list[str] | None = None


async def topic_acl(call: Call) -> bytes:
    """GET /v1/projects/{project}/topics/{topic}:acl (contract: ams-core 3.6)."""
    store = call.broker.store
    topic = await topics.get(store, call.project.id, call.names["topic"])
    return answers.encode({"authorized_users": await topics.acl_names(store, topic)})


async def modify_topic_acl(call: Call) -> bytes:
    """POST /v1/projects/{project}/topics/{topic}:modifyAcl (contract: ams-core 3.7, O-15)."""
    names = _users(await call.body(), "Invalid Topic ACL Arguments")
    store = call.broker.store
    topic = await topics.get(store, call.project.id, call.names["topic"])
    await topics.set_acl(store, topic, names)
    return b""


async def subscription_acl(call: Call) -> bytes:
    """GET /v1/projects/{project}/subscriptions/{subscription}:acl (contract: ams-core 4.7)."""
    store = call.broker.store
    subscription = await subscriptions.get(store, call.project.id, call.names["subscription"])
    names = await subscriptions.acl_names(store, subscription)
    return answers.encode({"authorized_users": names})


async def modify_subscription_acl(call: Call) -> bytes:
    """POST .../subscriptions/{subscription}:modifyAcl (contract: ams-core 4.7, O-15)."""
    names = _users(await call.body(), "Invalid Subscription ACL Arguments")
    store = call.broker.store
    subscription = await subscriptions.get(store, call.project.id, call.names["subscription"])
    await subscriptions.set_acl(store, subscription, names)
    return b""


def _users(body: bytes, message: str) -> list[str]:
    users = decode(body, AccessListBody, InvalidArgument(message)).authorized_users
    if users is None:
        raise InvalidArgument(message)
    return users
