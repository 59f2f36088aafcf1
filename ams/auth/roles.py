"""Which roles may use which route (contract: ams-users-metrics 3.2).

Routes are known here by their names in the contract, such as `topics:publish`. Routes that
nobody needs a role for are not in the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from types import MappingProxyType

SERVICE_ADMIN = "service_admin"
PROJECT_ADMIN = "project_admin"
PUBLISHER = "publisher"
CONSUMER = "consumer"
PUSH_WORKER = "push_worker"
METRICS_VIEWER = "metrics_viewer"
ADMIN_VIEWER = "admin_viewer"
REGISTER_ADMIN = "register_admin"
ARGO_API_AUTHN = "argo_api_authn"

_SERVICE = frozenset({SERVICE_ADMIN})
_PROJECT = frozenset({SERVICE_ADMIN, PROJECT_ADMIN})
_METRICS = frozenset({SERVICE_ADMIN, METRICS_VIEWER, PROJECT_ADMIN})
_PUBLISHER = frozenset({SERVICE_ADMIN, PROJECT_ADMIN, PUBLISHER})
_CONSUMER = frozenset({SERVICE_ADMIN, PROJECT_ADMIN, CONSUMER})
_CONSUMER_OR_WORKER = frozenset({SERVICE_ADMIN, PROJECT_ADMIN, CONSUMER, PUSH_WORKER})

#: By route of the contract, the roles that may use it (contract: ams-users-metrics 3.2).
CONTRACT_ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ams:metrics": _METRICS,
        "ams:vaMetrics": _METRICS,
        "ams:healthStatus": frozenset({SERVICE_ADMIN, ADMIN_VIEWER}),
        "users:byToken": frozenset({SERVICE_ADMIN, PUSH_WORKER}),
        "users:byUUID": frozenset({SERVICE_ADMIN, ARGO_API_AUTHN}),
        "users:list": _PROJECT,
        "users:show": _SERVICE,
        "users:create": _SERVICE,
        "users:update": _SERVICE,
        "users:refreshToken": _SERVICE,
        "users:delete": _SERVICE,
        "registrations:newUser": frozenset({SERVICE_ADMIN, REGISTER_ADMIN}),
        "registrations:acceptNewUser": _SERVICE,
        "registrations:declineNewUser": _SERVICE,
        "registrations:show": _SERVICE,
        "registrations:list": _SERVICE,
        "registrations:delete": _SERVICE,  # contract: ams-users-metrics 14, number 8
        "projects:list": _SERVICE,
        "projects:create": _SERVICE,
        "projects:show": _PROJECT,
        "projects:update": _PROJECT,
        "projects:delete": _PROJECT,
        "projects:metrics": _PROJECT,
        "projects:listUsers": _PROJECT,
        "projects:showUser": _PROJECT,
        "projects:createUser": _PROJECT,
        "projects:updateUser": _PROJECT,
        "projects:addUser": _PROJECT,
        "projects:removeUser": _PROJECT,
        "topics:list": _PUBLISHER,
        "topics:show": _PUBLISHER,
        "topics:create": _PROJECT,
        "topics:delete": _PROJECT,
        "topics:publish": _PUBLISHER,
        "topics:metrics": _PUBLISHER,
        "topics:acl": _PROJECT,
        "topics:modifyAcl": _PROJECT,
        "topics:attachSchema": _PROJECT,
        "topics:detachSchema": _PROJECT,
        "subscriptions:list": _CONSUMER,
        "subscriptions:listByTopic": _PROJECT,
        "subscriptions:show": _CONSUMER_OR_WORKER,
        "subscriptions:create": _PROJECT,
        "subscriptions:delete": _PROJECT,
        "subscriptions:pull": _CONSUMER_OR_WORKER,
        "subscriptions:acknowledge": _CONSUMER_OR_WORKER,
        "subscriptions:offsets": _CONSUMER,
        "subscriptions:timeToOffset": _CONSUMER,
        "subscriptions:modifyOffset": _CONSUMER,
        "subscriptions:modifyAckDeadline": _CONSUMER,
        "subscriptions:metrics": _CONSUMER,
        "subscriptions:acl": _PROJECT,
        "subscriptions:modifyAcl": _PROJECT,
        "subscriptions:modifyPushConfig": _PROJECT,
        "subscriptions:verifyPushEndpoint": _PROJECT,
        "schemas:create": _PROJECT,
        "schemas:show": _PROJECT,
        "schemas:list": _PROJECT,
        "schemas:update": _PROJECT,
        "schemas:delete": _PROJECT,
        "schemas:validateMessage": _PROJECT,
    }
)

#: The same of the routes that are ours.
OWN_ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "audit:list": _SERVICE,
        "access:explain": _PROJECT,
        "projects:audit": _PROJECT,
        "topics:modifyRetention": _PROJECT,
        "topics:peek": _CONSUMER,
        "topics:history": _PUBLISHER,
        "topics:purge": _PROJECT,
        "subscriptions:history": _CONSUMER,
        "subscriptions:purge": _CONSUMER,
    }
)

#: By route, the roles that may use it unless an operator says otherwise.
DEFAULT_ROLES: Mapping[str, frozenset[str]] = MappingProxyType({**CONTRACT_ROLES, **OWN_ROLES})

_NO_OVERRIDES: Mapping[str, frozenset[str]] = MappingProxyType({})
_NOBODY: frozenset[str] = frozenset()


class RoleTable:
    """The roles that may use each route.

        RoleTable().allows("topics:publish", {"publisher"})  # True

    Args:
        overrides: By route, roles that take the place of the built-in ones. A route that is
            built in nowhere can be added in this way too.
    """

    def __init__(self, overrides: Mapping[str, frozenset[str]] = _NO_OVERRIDES) -> None:
        self._roles = {**DEFAULT_ROLES, **overrides}
        self._valid: frozenset[str] = frozenset().union(*self._roles.values())

    def allows(self, route: str, roles: Set[str]) -> bool:
        """Whether one of these roles may use a route. A route without a row is for nobody."""
        return not self.roles_of(route).isdisjoint(roles)

    def roles_of(self, route: str) -> frozenset[str]:
        """The roles that may use a route."""
        return self._roles.get(route, _NOBODY)

    def valid_roles(self) -> frozenset[str]:
        """All roles that can be given to somebody (contract: ams-users-metrics 3.1)."""
        return self._valid
