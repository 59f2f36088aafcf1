"""The table of routes fits the table of roles."""

from ams.api.app import OPERATIONS
from ams.auth.roles import DEFAULT_ROLES


def test_every_route_that_needs_a_role_has_a_row() -> None:
    """Without one nobody could use it (contract: ams-users-metrics 2.2 step 5)."""
    assert set(DEFAULT_ROLES) >= {each.name for each in OPERATIONS if not each.is_open}


def test_routes_have_names_of_their_own() -> None:
    assert len({each.name for each in OPERATIONS}) == len(OPERATIONS)
