"""Bindings over HTTP (contract: authn 3.7 to 3.13)."""

from dataclasses import dataclass
from typing import Final

from ams.service.http import Request, read_body
from ams.service.responses import Response
from authn.api.bodies import Kind, decode_into
from authn.api.parts import Parts
from authn.api.service_types import require_host
from authn.errors import EmptyField, Unsupported
from authn.rendering import pretty, time_text
from authn.store import bindings, service_types
from authn.store.records import X509, Binding, ServiceType

_RESOURCE: Final = "binding"
#: In the order in which they are checked.
_REQUIRED: Final = (
    "name",
    "service_uuid",
    "host",
    "auth_identifier",
    "unique_key",
    "auth_type",
)
_UPDATABLE: Final = dict.fromkeys(_REQUIRED, Kind.TEXT)
#: The name of a new one is that of the path.
_MEMBERS: Final = {name: kind for name, kind in _UPDATABLE.items() if name != "name"}


@dataclass(slots=True)
class _Draft:
    """A binding as a request wants it."""

    name: str
    service_uuid: str = ""
    host: str = ""
    auth_identifier: str = ""
    unique_key: str = ""
    auth_type: str = ""


async def create(parts: Parts, request: Request, name: str) -> Response:
    """Add one (3.8)."""
    draft = _Draft(name)
    decode_into(draft, await read_body(request), _MEMBERS)

    async def work() -> Binding:
        service = await _checked(draft)
        return await bindings.insert(
            service,
            name=draft.name,
            host=draft.host,
            auth_identifier=draft.auth_identifier,
            unique_key=draft.unique_key,
            auth_type=draft.auth_type,
        )

    return Response(pretty(_shown(await parts.store.write(work))), 201)


async def list_all(parts: Parts, request: Request) -> bytes:
    """Show all (3.9)."""
    async with parts.store.reading():
        found = await bindings.list_all()
    return pretty({"bindings": [_shown(binding) for binding in found]})


async def list_of_host(parts: Parts, request: Request, service_type: str, host: str) -> bytes:
    """Show those of a host, or the one of a certificate's subject there (3.10)."""
    identifier = request.args.get("authID")
    async with parts.store.reading():
        service = await service_types.get(service_type)
        require_host(service, host)
        if identifier:
            found = [await bindings.of_identity(service, host, X509, identifier)]
        else:
            found = await bindings.list_of_host(service, host)
    return pretty({"bindings": [_shown(binding) for binding in found]})


async def show(parts: Parts, request: Request, name: str) -> bytes:
    """Show one (3.11)."""
    async with parts.store.reading():
        return pretty(_shown(await bindings.get(name)))


async def update(parts: Parts, request: Request, name: str) -> bytes:
    """Change what the body says (3.12)."""
    body = await read_body(request)

    async def work() -> Binding:
        binding = await bindings.get(name, lock=True)
        draft = _Draft(
            binding.name,
            binding.service_uuid,
            binding.host,
            binding.auth_identifier,
            binding.unique_key,
            binding.auth_type,
        )
        decode_into(draft, body, _UPDATABLE)
        service = await _checked(draft)
        return await bindings.update(
            binding,
            service,
            name=draft.name,
            host=draft.host,
            auth_identifier=draft.auth_identifier,
            unique_key=draft.unique_key,
            auth_type=draft.auth_type,
        )

    return pretty(_shown(await parts.store.write(work)))


async def delete(parts: Parts, request: Request, name: str) -> Response:
    """Remove one (3.13)."""

    async def work() -> None:
        await bindings.delete(await bindings.get(name, lock=True))

    await parts.store.write(work)
    return Response(status=204)


async def _checked(draft: _Draft) -> ServiceType:
    """The service type of a draft in which nothing is wrong (3.8, steps 2 to 5)."""
    for name in _REQUIRED:
        if not getattr(draft, name):
            raise EmptyField(_RESOURCE, name)
    service = await service_types.get_by_uuid(draft.service_uuid)
    require_host(service, draft.host)
    if draft.auth_type not in service.auth_types:
        raise Unsupported("Auth type", draft.auth_type, service.auth_types)
    return service


def _shown(binding: Binding) -> dict[str, object]:
    shown: dict[str, object] = {
        "name": binding.name,
        "service_uuid": binding.service_uuid,
        "host": binding.host,
        "uuid": binding.uuid,
        "auth_identifier": binding.auth_identifier,
        "unique_key": binding.unique_key,
        "auth_type": binding.auth_type,
    }
    times = {
        "created_on": time_text(binding.created_on),
        "updated_on": time_text(binding.updated_on),
        "last_auth": time_text(binding.last_auth),
    }
    return shown | {name: text for name, text in times.items() if text}
