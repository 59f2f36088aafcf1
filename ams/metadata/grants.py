"""The operators' own rows of the role table. Nothing here writes them (contract: 3.1)."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from ams.metadata.models import RoleGrant
from ams.metadata.records import RoleGrants
from ams.metadata.store import Store


async def read(store: Store) -> RoleGrants:
    """All rows, by route."""
    async with store.database.reading():
        rows = await RoleGrant.all().values_list("route", "role")
    by_route: defaultdict[str, set[str]] = defaultdict(set)
    for route, role in cast("list[tuple[str, str]]", rows):
        by_route[route].add(role)
    return RoleGrants({route: frozenset(roles) for route, roles in by_route.items()})
