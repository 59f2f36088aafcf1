"""What a caller may do (contract: ams-users-metrics 2)."""

from __future__ import annotations

import hmac
from types import MappingProxyType

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
    roles = _NO_ROLES if caller is None else roles_in(caller, project_id)
    if not roles:
        raise Unauthorized
    if not table.allows(route, roles):
        raise Forbidden
    return roles


def is_privileged(caller: Caller) -> bool:
    """Whether a caller sees tokens and creators (contract: decision 15).

    A role `service_admin` in a project is none of the service, and does not count.
    """
    return SERVICE_ADMIN in caller.service_roles


def require_publisher(caller: Caller, roles: frozenset[str], acl: frozenset[int]) -> None:
    """Let a caller publish to a topic with this access list, or not (contract: O-5).

    Only publishers have to be on it; they have to be even if they have other roles too.

    Raises:
        Forbidden: The caller is a publisher and not on the list.
    """
    if PUBLISHER in roles and caller.user_id not in acl:
        raise Forbidden


def require_consumer(caller: Caller, roles: frozenset[str], acl: frozenset[int]) -> None:
    """Let a caller consume from a subscription with this access list, or not.

    As `require_publisher`, for consumers.

    Raises:
        Forbidden: The caller is a consumer and not on the list.
    """
    if CONSUMER in roles and caller.user_id not in acl:
        raise Forbidden


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
