"""The table of routes fits the table of roles."""

from ams.api.app import OPEN_ROUTES, ROUTES
from ams.auth.roles import DEFAULT_ROLES

NAMES = {route for table in ROUTES.values() for route, _ in table.values()}


def test_every_route_that_needs_a_role_has_a_row() -> None:
    """Without one nobody could use it (contract: ams-users-metrics 2.2 step 5)."""
    assert set(DEFAULT_ROLES) >= NAMES - OPEN_ROUTES


def test_routes_have_names_of_their_own() -> None:
    assert len(NAMES) == sum(len(table) for table in ROUTES.values())
