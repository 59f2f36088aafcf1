"""What something does, or would do, as the API tells it (see `objects.py`)."""

from msgspec import Struct


class TopicLoss(Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes with a topic.

    Attributes:
        messages: messages that are kept.
        bytes: their size, as they are stored.
        subscriptions: those that would stay, without a topic.
        acl_entries: users on its list.
    """

    messages: int
    bytes: int
    subscriptions: int
    acl_entries: int


class SubscriptionLoss(Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes with a subscription: messages not acknowledged, and users on its list."""

    backlog: int
    acl_entries: int


class ProjectLoss(Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes with a project.

    Attributes:
        topics: its topics.
        subscriptions: its subscriptions.
        schemas: its schemas.
        members: users who would stay, and be members no more.
        acl_entries: users on lists of its topics and subscriptions.
        messages: messages that are kept.
        bytes: their size, as they are stored.
    """

    topics: int
    subscriptions: int
    schemas: int
    members: int
    acl_entries: int
    messages: int
    bytes: int


class UserLoss(Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes with a user: memberships of projects, and places on lists."""

    memberships: int
    acl_entries: int


class TopicPurge(Struct, frozen=True):
    """Messages that a purge removes from a topic, and the size of all that it kept before."""

    messages: int
    bytes: int


class SubscriptionPurge(Struct, frozen=True):
    """Messages that will not be delivered because of a purge."""

    skipped: int


class Movement(Struct, frozen=True):
    """Messages that a move of a subscription skips, and those that it delivers again."""

    skipped: int
    replayed: int


class Explanation(Struct, frozen=True, kw_only=True):
    """Whether somebody may do something, and why.

    Attributes:
        allowed: whether they may.
        code: HTTP status that a request would get, were all else right: 200, 401 or 403.
        reason: why, in words.
        roles: the roles that count, as far as the one who asks may know of them.
    """

    allowed: bool
    code: int
    reason: str
    roles: tuple[str, ...]
