"""Auth methods in the database; see `Store` for where these may be called."""

from datetime import UTC, datetime
from uuid import uuid4

from authn.errors import Conflict, NotFound
from authn.store import models
from authn.store.records import AuthMethod, ServiceType

_THING = "Auth method"


async def get(service: ServiceType, host: str, *, lock: bool = False) -> AuthMethod:
    """How a host of a service type is talked to at present (contract: authn 3.3).

    Raises:
        NotFound: There is no auth method of the type that the service type has now.
    """
    if not models.can_exist(host):
        raise NotFound(_THING)
    rows = models.AuthMethod.filter(service_id=service.id, host=host, type=service.auth_method)
    row = await (rows.select_for_update() if lock else rows).first()
    if row is None or row.host != host:
        raise NotFound(_THING)
    return _record(row, service.uuid)


async def list_all() -> list[AuthMethod]:
    """All auth methods, oldest first (contract: authn 8 A12)."""
    rows = await models.AuthMethod.all().order_by("id").select_related("service")
    return [_record(row, row.service.uuid) for row in rows]


async def insert(service: ServiceType, host: str, port: int, secret_ciphertext: str) -> AuthMethod:
    """Add one for a host, of the service type's own type.

    Raises:
        Conflict: There is one already.
    """
    await _require_free(service.id, host, service.auth_method)
    row = await models.AuthMethod.create(
        uuid=str(uuid4()),
        service_id=service.id,
        host=host,
        type=service.auth_method,
        port=port,
        secret_ciphertext=secret_ciphertext,
        created_on=datetime.now(UTC),
    )
    return _record(row, service.uuid)


async def update(
    method: AuthMethod, service: ServiceType, host: str, port: int, secret_ciphertext: str
) -> AuthMethod:
    """Change one that is locked.

    Raises:
        Conflict: The new host of the new service type has one already.
    """
    if (service.id, host) != (method.service_id, method.host):
        await _require_free(service.id, host, method.type)
    row = await models.AuthMethod.get(id=method.id)
    row.service_id = service.id
    row.host = host
    row.port = port
    row.secret_ciphertext = secret_ciphertext
    row.updated_on = datetime.now(UTC)
    await row.save()
    return _record(row, service.uuid)


async def delete(method: AuthMethod) -> None:
    """Remove one."""
    await models.AuthMethod.filter(id=method.id).delete()


async def _require_free(service_id: int, host: str, kind: str) -> None:
    if await models.AuthMethod.exists(service_id=service_id, host=host, type=kind):
        raise Conflict(_THING, "host", host)


def _record(row: models.AuthMethod, service_uuid: str) -> AuthMethod:
    return AuthMethod(
        id=row.id,
        uuid=row.uuid,
        service_id=row.service_id,
        service_uuid=service_uuid,
        host=row.host,
        port=row.port,
        type=row.type,
        secret_ciphertext=row.secret_ciphertext,
        created_on=row.created_on,
        updated_on=row.updated_on,
    )
