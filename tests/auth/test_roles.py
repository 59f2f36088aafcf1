"""The role table (contract: ams-users-metrics 3)."""

import pytest

from ams.auth.roles import CONTRACT_ROLES, DEFAULT_ROLES, RoleTable

#: Routes for which nobody needs a role, and which have no row.
EXEMPT = {"version:list", "users:profile", "users:usageReport"}
#: All routes of the contract.
ROUTES = 64


def test_every_route_of_the_contract_has_a_row_unless_it_needs_none() -> None:
    assert len(CONTRACT_ROLES) == ROUTES - len(EXEMPT)
    assert EXEMPT.isdisjoint(DEFAULT_ROLES)


def test_a_service_admin_may_use_every_route() -> None:
    assert all("service_admin" in roles for roles in DEFAULT_ROLES.values())


def test_the_roles_that_can_be_given_are_those_of_the_table() -> None:
    assert RoleTable().valid_roles() == {
        "service_admin",
        "project_admin",
        "publisher",
        "consumer",
        "push_worker",
        "metrics_viewer",
        "admin_viewer",
        "register_admin",
        "argo_api_authn",
    }


@pytest.mark.parametrize(
    ("route", "roles", "allowed"),
    [
        ("topics:publish", {"publisher"}, True),
        ("topics:publish", {"consumer"}, False),
        ("topics:publish", {"consumer", "publisher"}, True),
        ("topics:create", {"publisher"}, False),
        ("topics:create", {"project_admin"}, True),
        ("subscriptions:pull", {"push_worker"}, True),
        ("subscriptions:offsets", {"push_worker"}, False),
        ("subscriptions:listByTopic", {"consumer"}, False),
        ("projects:list", {"project_admin"}, False),
        ("projects:removeUser", {"project_admin"}, True),
        ("users:byUUID", {"argo_api_authn"}, True),
        ("registrations:newUser", {"register_admin"}, True),
        ("registrations:delete", {"service_admin"}, True),
        ("ams:metrics", {"metrics_viewer"}, True),
        ("topics:publish", set(), False),
        ("no:suchRoute", {"service_admin"}, False),
    ],
)
def test_a_route_is_for_the_roles_of_its_row(route: str, roles: set[str], allowed: bool) -> None:
    assert RoleTable().allows(route, roles) is allowed


def test_a_role_called_admin_with_underscores_opens_nothing() -> None:
    """Contract: O-4."""
    assert not any(RoleTable().allows(route, {"_admin_"}) for route in DEFAULT_ROLES)


def test_rows_of_an_operator_replace_the_built_in_roles_of_their_route_only() -> None:
    table = RoleTable({"topics:publish": frozenset({"robot"})})
    assert table.allows("topics:publish", {"robot"})
    assert not table.allows("topics:publish", {"service_admin", "publisher"})
    assert table.allows("subscriptions:pull", {"consumer"})


def test_a_role_of_an_operators_row_can_be_given() -> None:
    assert "robot" in RoleTable({"topics:publish": frozenset({"robot"})}).valid_roles()


def test_a_row_without_roles_closes_its_route() -> None:
    assert not RoleTable({"topics:list": frozenset()}).allows("topics:list", {"service_admin"})
