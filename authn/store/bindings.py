"""Bindings in the database; see `Store` for where these may be called."""

import hashlib
from datetime import UTC, datetime
from uuid import uuid4

from authn.errors import Conflict, NotFound
from authn.store import models
from authn.store.records import Binding, ServiceType

_THING = "Binding"


async def get(name: str, *, lock: bool = False) -> Binding:
    """The binding of a name; with `lock`, until the end of the transaction.

    Raises:
        NotFound: There is none.
    """
    if not models.can_exist(name):
        raise NotFound(_THING)
    rows = models.Binding.filter(name=name)
    row = await (rows.select_for_update() if lock else rows).first()
    if row is None or row.name != name:
        raise NotFound(_THING)
    await row.fetch_related("service")
    return _record(row, row.service.uuid)


async def of_identity(service: ServiceType, host: str, auth_type: str, identifier: str) -> Binding:
    """The binding of a certificate's subject, or of a token's owner, on a host.

    Raises:
        NotFound: There is none.
    """
    if not models.can_exist(host):
        raise NotFound(_THING)
    row = await models.Binding.filter(
        service_id=service.id,
        host=host,
        auth_type=auth_type,
        identifier_digest=_digest(identifier),
    ).first()
    if row is None or row.host != host:
        raise NotFound(_THING)
    return _record(row, service.uuid)


async def list_all() -> list[Binding]:
    """All bindings, oldest first."""
    rows = await models.Binding.all().order_by("id").select_related("service")
    return [_record(row, row.service.uuid) for row in rows]


async def list_of_host(service: ServiceType, host: str) -> list[Binding]:
    """The bindings of a host, oldest first."""
    if not models.can_exist(host):
        return []
    rows = await models.Binding.filter(service_id=service.id, host=host).order_by("id")
    return [_record(row, service.uuid) for row in rows if row.host == host]


async def insert(
    service: ServiceType,
    *,
    name: str,
    host: str,
    auth_identifier: str,
    unique_key: str,
    auth_type: str,
) -> Binding:
    """Add one.

    Raises:
        Conflict: The identifier is bound there already, or the name is taken.
    """
    await _require_unbound(service.id, host, auth_type, auth_identifier)
    await _require_free(name)
    row = await models.Binding.create(
        uuid=str(uuid4()),
        name=name,
        service_id=service.id,
        host=host,
        auth_type=auth_type,
        auth_identifier=auth_identifier,
        identifier_digest=_digest(auth_identifier),
        unique_key=unique_key,
        created_on=datetime.now(UTC),
    )
    return _record(row, service.uuid)


async def update(
    binding: Binding,
    service: ServiceType,
    *,
    name: str,
    host: str,
    auth_identifier: str,
    unique_key: str,
    auth_type: str,
) -> Binding:
    """Change one that is locked (contract: authn 8 A2, A5).

    Raises:
        Conflict: The identifier is bound there already, or the name is taken.
    """
    place = (service.id, host, auth_type, auth_identifier)
    before = (binding.service_id, binding.host, binding.auth_type, binding.auth_identifier)
    if place != before:
        await _require_unbound(*place)
    if name != binding.name:
        await _require_free(name)
    row = await models.Binding.get(id=binding.id)
    row.name = name
    row.service_id = service.id
    row.host = host
    row.auth_type = auth_type
    row.auth_identifier = auth_identifier
    row.identifier_digest = _digest(auth_identifier)
    row.unique_key = unique_key
    row.updated_on = datetime.now(UTC)
    await row.save()
    return _record(row, service.uuid)


async def delete(binding: Binding) -> None:
    """Remove one."""
    await models.Binding.filter(id=binding.id).delete()


async def note_use(binding: Binding) -> None:
    """Remember when a binding was last used (contract: authn 8 A4)."""
    await models.Binding.filter(id=binding.id).update(last_auth=datetime.now(UTC))


async def note_missing_ip_san(binding: Binding) -> None:
    """Remember, once, that a binding's certificate names no hosts (contract: authn 4.2)."""
    if await models.BindingMissingIpSan.exists(binding_id=binding.id):
        return
    await models.BindingMissingIpSan.create(
        binding_id=binding.id,
        binding_auth_identifier=binding.auth_identifier,
        created_on=datetime.now(UTC),
    )


async def _require_unbound(service_id: int, host: str, auth_type: str, identifier: str) -> None:
    if await models.Binding.exists(
        service_id=service_id,
        host=host,
        auth_type=auth_type,
        identifier_digest=_digest(identifier),
    ):
        raise Conflict("binding", "auth_identifier", identifier)


async def _require_free(name: str) -> None:
    if await models.Binding.exists(name=name):
        raise Conflict("binding", "name", name)


def _digest(identifier: str) -> str:
    """What stands for an identifier, however long: they are compared byte by byte."""
    return hashlib.sha256(identifier.encode()).hexdigest()


def _record(row: models.Binding, service_uuid: str) -> Binding:
    return Binding(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        service_id=row.service_id,
        service_uuid=service_uuid,
        host=row.host,
        auth_identifier=row.auth_identifier,
        auth_type=row.auth_type,
        unique_key=row.unique_key,
        created_on=row.created_on,
        updated_on=row.updated_on,
        last_auth=row.last_auth,
    )
