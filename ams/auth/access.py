"""What a caller may do (contract: ams-users-metrics 2).

The functions called `judge_...` decide and say why; the others raise by what these decide.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from ams.auth.roles import (
    CONSUMER,
    PROJECT_ADMIN,
    PUBLISHER,
    PUSH_WORKER,
    SERVICE_ADMIN,
    RoleTable,
)
from ams.auth.tokens import digest
from ams.metadata.records import Caller
from ams.service.errors import Forbidden, Unauthorized
from ams.service.settings_sections import AuthSettings

#: Who holds the service token: no user, with all rights in every project.
SERVICE_CALLER = Caller(
    user_id=None,
    uuid="",
    name="",
    service_roles=frozenset({SERVICE_ADMIN}),
    project_roles=MappingProxyType({}),
)

_NO_ROLES: frozenset[str] = frozenset()
_PULLS_PUSHED = frozenset({SERVICE_ADMIN, PUSH_WORKER})
_SEES_ALL = frozenset({SERVICE_ADMIN, PROJECT_ADMIN})


class ListRule(Enum):
    """How a route looks at an access list. Who must be on it, must be whatever else they are."""

    #: The topic's, of publishers (contract: O-5).
    PUBLISH = "publish"
    #: The subscription's, of consumers.
    PULL = "pull"
    #: The same, unless `consumer_acl_everywhere` is off (contract: decision 16).
    CONSUME = "consume"
    #: Those of all the topic's subscriptions, one of which will do; of consumers who are no admins.
    PEEK = "peek"


#: By route, how it looks at an access list. Other routes look at none.
LIST_RULES: Mapping[str, ListRule] = MappingProxyType(
    {
        "topics:publish": ListRule.PUBLISH,
        "topics:metrics": ListRule.PUBLISH,  # contract: ams-users-metrics 2.6
        "topics:history": ListRule.PUBLISH,
        "topics:peek": ListRule.PEEK,
        "subscriptions:pull": ListRule.PULL,
        "subscriptions:metrics": ListRule.PULL,
        "subscriptions:history": ListRule.PULL,
        "subscriptions:acknowledge": ListRule.CONSUME,
        "subscriptions:offsets": ListRule.CONSUME,
        "subscriptions:timeToOffset": ListRule.CONSUME,
        "subscriptions:modifyOffset": ListRule.CONSUME,
        "subscriptions:modifyAckDeadline": ListRule.CONSUME,
        "subscriptions:purge": ListRule.CONSUME,
    }
)


class RouteReason(Enum):
    """Why a caller may use a route, or not."""

    #: One of their roles may use it.
    ROLE = "role"
    #: There is no caller, or none with a role there.
    NO_ROLES = "no roles"
    #: None of their roles may use it.
    OTHER_ROLES = "other roles"


class RouteVerdict(NamedTuple):
    """Whether a caller may use a route: `roles` are those that count there."""

    reason: RouteReason
    roles: frozenset[str]

    @property
    def allowed(self) -> bool:
        """Whether they may."""
        return self.reason is RouteReason.ROLE


class ListReason(Enum):
    """Why an access list lets a caller pass, or does not."""

    ON_IT = "on it"
    NOT_ON_IT = "not on it"
    #: It counts for roles only that the caller has not, or has an exempt one besides.
    OTHER_ROLES = "other roles"
    #: `per_resource_auth` is off.
    LISTS_OFF = "lists are off"
    #: `consumer_acl_everywhere` is off.
    PULL_ONLY = "pull only"

    @property
    def allowed(self) -> bool:
        """Whether it lets them pass."""
        return self is not ListReason.NOT_ON_IT


class ServiceToken:
    """The token of the settings, which belongs to no user. An empty one matches nothing."""

    def __init__(self, token: str) -> None:
        self._digest = digest(token) if token else None

    def matches(self, token_digest: str) -> bool:
        """Whether a token with this digest is it, in a time that does not depend on how close."""
        return self._digest is not None and hmac.compare_digest(self._digest, token_digest)


def roles_in(caller: Caller, project_id: int | None) -> frozenset[str]:
    """The roles that count in a project, or where there is no project (None)."""
    if project_id is None:
        return caller.service_roles
    return caller.project_roles.get(project_id, _NO_ROLES) | caller.service_roles


def authorise(
    table: RoleTable, route: str, caller: Caller | None, project_id: int | None
) -> frozenset[str]:
    """Let a caller use a route, or not.

    Args:
        table: Which roles may use it.
        route: Its name, such as `topics:publish`.
        caller: Whose token came with the request; None if it is nobody's.
        project_id: The project of the route; None if it has none.

    Returns:
        The caller's roles there.

    Raises:
        Unauthorized: There is no caller, or none with a role there.
        Forbidden: None of the roles may use the route.
    """
    reason, roles = judge_route(table, route, caller, project_id)
    if reason is RouteReason.NO_ROLES:
        raise Unauthorized
    if reason is RouteReason.OTHER_ROLES:
        raise Forbidden
    return roles


def judge_route(
    table: RoleTable, route: str, caller: Caller | None, project_id: int | None
) -> RouteVerdict:
    """Whether a caller may use a route: see `authorise`."""
    roles = _NO_ROLES if caller is None else roles_in(caller, project_id)
    if not roles:
        return RouteVerdict(RouteReason.NO_ROLES, roles)
    if not table.allows(route, roles):
        return RouteVerdict(RouteReason.OTHER_ROLES, roles)
    return RouteVerdict(RouteReason.ROLE, roles)


def is_privileged(caller: Caller) -> bool:
    """Whether a caller sees tokens and creators (contract: decision 15).

    A role `service_admin` in a project is none of the service, and does not count.
    """
    return SERVICE_ADMIN in caller.service_roles


def require_listed(
    settings: AuthSettings,
    route: str,
    caller: Caller,
    roles: frozenset[str],
    acl: frozenset[int],
) -> None:
    """Let a caller use a route on what has this access list, or not.

    Args:
        settings: Whether lists count at all.
        route: One of `LIST_RULES`.
        caller: Who wants to.
        roles: What `authorise` has told of them.
        acl: The ids of the users on the list.

    Raises:
        Forbidden: The caller has to be on the list, and is not.
    """
    if judge_list(settings, LIST_RULES[route], caller, roles, acl) is ListReason.NOT_ON_IT:
        raise Forbidden


def judge_list(
    settings: AuthSettings,
    rule: ListRule,
    caller: Caller,
    roles: frozenset[str],
    acl: frozenset[int],
) -> ListReason:
    """Whether an access list lets a caller pass: see `require_listed`."""
    if not settings.per_resource_auth:
        return ListReason.LISTS_OFF
    if rule is ListRule.CONSUME and not settings.consumer_acl_everywhere:
        return ListReason.PULL_ONLY
    if (PUBLISHER if rule is ListRule.PUBLISH else CONSUMER) not in roles:
        return ListReason.OTHER_ROLES
    if rule is ListRule.PEEK and not roles.isdisjoint(_SEES_ALL):
        return ListReason.OTHER_ROLES
    return ListReason.ON_IT if caller.user_id in acl else ListReason.NOT_ON_IT


def require_push_worker(roles: frozenset[str]) -> None:
    """Let a caller pull what is to be pushed, or not (contract: ams-core 5.2 row 3).

    Raises:
        Forbidden: None of these roles pushes, or oversees the service.
    """
    if roles.isdisjoint(_PULLS_PUSHED):
        raise Forbidden


def topics_of(caller: Caller, roles: frozenset[str]) -> int | None:
    """The user whose topics only a list may show; None if it may show all (contract: core 1.6)."""
    return caller.user_id if PUBLISHER in roles and roles.isdisjoint(_SEES_ALL) else None


def subscriptions_of(caller: Caller, roles: frozenset[str]) -> int | None:
    """The user whose subscriptions only a list may show; None if it may show all."""
    return caller.user_id if CONSUMER in roles and roles.isdisjoint(_SEES_ALL) else None
