"""Who may publish to a topic or consume from a subscription: the resource's own list of users."""

from typing import Annotated, Final

from msgspec import Meta

from ams.api import answers, fields
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.api.operations import SUBSCRIPTION, TOPIC, BodyKind, operation
from ams.metadata import audit, members, subscriptions, topics
from ams.service.errors import InvalidArgument, NotFound, UsersNotFound


class AccessListBody(Body):
    """The users of an access list, who must be members of the project."""

    authorized_users: Annotated[
        list[str] | None, Meta(description="Names of users.", examples=[["alice"]]), fields.REQUIRED
    ] = None


TOPIC_LIST: Final = BodyKind(AccessListBody, InvalidArgument("Invalid Topic ACL Arguments"))
SUBSCRIPTION_LIST: Final = BodyKind(
    AccessListBody, InvalidArgument("Invalid Subscription ACL Arguments")
)
_UNKNOWN_USERS: Final = UsersNotFound(["{names}"])


@operation("topics:acl", "GET", TOPIC, verb="acl", errors=[NotFound("Topic")])
async def topic_acl(call: Call) -> answers.AccessList:
    """Show who may publish to a topic (contract: ams-core 3.6)."""
    store = call.broker.store
    topic = await topics.get(store, call.project.id, call.names["topic"])
    return answers.AccessList(await topics.acl_names(store, topic))


@operation(
    "topics:modifyAcl",
    "POST",
    TOPIC,
    verb="modifyAcl",
    body=TOPIC_LIST,
    errors=[NotFound("Topic"), _UNKNOWN_USERS],
)
async def modify_topic_acl(call: Call) -> None:
    """Replace the list of who may publish to a topic (contract: ams-core 3.7, O-15)."""
    names = await _users(call, TOPIC_LIST)
    store = call.broker.store
    topic = await topics.get(store, call.project.id, call.names["topic"])
    await topics.set_acl(store, topic, names)


@operation("subscriptions:acl", "GET", SUBSCRIPTION, verb="acl", errors=[NotFound("Subscription")])
async def subscription_acl(call: Call) -> answers.AccessList:
    """Show who may consume from a subscription (contract: ams-core 4.7)."""
    store = call.broker.store
    subscription = await subscriptions.get(store, call.project.id, call.names["subscription"])
    return answers.AccessList(await subscriptions.acl_names(store, subscription))


@operation(
    "subscriptions:modifyAcl",
    "POST",
    SUBSCRIPTION,
    verb="modifyAcl",
    body=SUBSCRIPTION_LIST,
    errors=[NotFound("Subscription"), _UNKNOWN_USERS],
)
async def modify_subscription_acl(call: Call) -> None:
    """Replace the list of who may consume from a subscription (contract: ams-core 4.7, O-15)."""
    names = await _users(call, SUBSCRIPTION_LIST)
    store = call.broker.store
    subscription = await subscriptions.get(store, call.project.id, call.names["subscription"])
    await subscriptions.set_acl(store, subscription, names)


async def _users(call: Call, kind: BodyKind[AccessListBody]) -> list[str]:
    users = (await call.read(kind)).authorized_users
    if users is None:
        raise kind.fault()
    # Told before the topic or subscription is looked for; what changes the list looks again.
    await members.require(call.broker.store, call.project.id, users)
    audit.note(authorized_users=users)
    return users
