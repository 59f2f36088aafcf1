"""Service types in the database; see `Store` for where these may be called."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from authn.errors import Conflict, NotFound
from authn.store import models
from authn.store.records import ServiceType

_THING = "Service-type"


async def get(name: str, *, lock: bool = False) -> ServiceType:
    """The service type of a name; with `lock`, until the end of the transaction.

    Raises:
        NotFound: There is none.
    """
    if not models.can_exist(name):
        raise NotFound(_THING)
    rows = models.ServiceType.filter(name=name)
    row = await (rows.select_for_update() if lock else rows).first()
    # MySQL takes text with spaces behind it for the same text.
    if row is None or row.name != name:
        raise NotFound(_THING)
    return _record(row)


async def get_by_uuid(uuid: str) -> ServiceType:
    """The service type of a uuid.

    Raises:
        NotFound: There is none.
    """
    if len(uuid) != models.UUID_LENGTH:
        raise NotFound(_THING)
    row = await models.ServiceType.filter(uuid=uuid).first()
    if row is None or row.uuid != uuid:
        raise NotFound(_THING)
    return _record(row)


async def list_all() -> list[ServiceType]:
    """All service types, oldest first."""
    return [_record(row) for row in await models.ServiceType.all().order_by("id")]


async def insert(
    *,
    name: str,
    hosts: Sequence[str],
    auth_types: Sequence[str],
    auth_method: str,
    kind: str,
) -> ServiceType:
    """Add one.

    Raises:
        Conflict: The name is taken.
    """
    await _require_free(name)
    row = await models.ServiceType.create(
        uuid=str(uuid4()),
        name=name,
        hosts=list(hosts),
        auth_types=list(auth_types),
        auth_method=auth_method,
        type=kind,
        created_on=datetime.now(UTC),
    )
    return _record(row)


async def update(
    service: ServiceType,
    *,
    name: str,
    hosts: Sequence[str],
    auth_types: Sequence[str],
    auth_method: str,
) -> ServiceType:
    """Change one that is locked.

    Raises:
        Conflict: The new name is taken.
    """
    if name != service.name:
        await _require_free(name)
    row = await models.ServiceType.get(id=service.id)
    row.name = name
    row.hosts = list(hosts)
    row.auth_types = list(auth_types)
    row.auth_method = auth_method
    row.updated_on = datetime.now(UTC)
    await row.save()
    return _record(row)


async def delete(service: ServiceType) -> None:
    """Remove one with all its auth methods and bindings (contract: authn 8 A3)."""
    await models.ServiceType.filter(id=service.id).delete()


async def _require_free(name: str) -> None:
    if await models.ServiceType.exists(name=name):
        raise Conflict("service-type", "name", name)


def _record(row: models.ServiceType) -> ServiceType:
    return ServiceType(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        hosts=tuple(row.hosts),
        auth_types=tuple(row.auth_types),
        auth_method=row.auth_method,
        type=row.type,
        created_on=row.created_on,
        updated_on=row.updated_on,
    )
