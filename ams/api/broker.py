"""What the handlers work with: settings, stores, roles. One per process."""

from dataclasses import dataclass, field

from ams.api.compiled_schemas import CompiledSchemas
from ams.api.token_use import TokenUse
from ams.auth.access import ServiceToken
from ams.auth.bearer import BearerTokens
from ams.auth.roles import RoleTable
from ams.messages.log import MessageLog
from ams.metadata.cache import Catalog
from ams.metadata.records import RoleGrants
from ams.metadata.store import Store
from ams.service.outgoing import Outgoing
from ams.service.settings import Settings
from ams.service.token_box import TokenBox


@dataclass(slots=True)
class Broker:
    """The parts of a running broker."""

    settings: Settings
    store: Store
    catalog: Catalog
    log: MessageLog
    token_box: TokenBox
    service_token: ServiceToken
    token_use: TokenUse
    outgoing: Outgoing
    bearer_tokens: BearerTokens
    schemas: CompiledSchemas = field(default_factory=CompiledSchemas)
    _grants: RoleGrants | None = field(default=None, init=False)
    _roles: RoleTable = field(default_factory=RoleTable, init=False)

    async def roles(self) -> RoleTable:
        """Who may use which route, as the operators have it now."""
        grants = self.catalog.role_grants_cached() or await self.catalog.role_grants()
        if grants is not self._grants:
            self._roles = RoleTable(grants.by_route)
            self._grants = grants
        return self._roles
