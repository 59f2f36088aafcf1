"""Service types over HTTP (contract: authn 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ams.service.authn_settings import AuthnSettings
from ams.service.http import Request, read_body
from ams.service.responses import Response
from authn.api.bodies import Kind, decode_into
from authn.api.parts import Parts
from authn.errors import EmptyField, NotFound, Unsupported
from authn.rendering import pretty, time_text
from authn.store import service_types
from authn.store.records import ServiceType

_RESOURCE: Final = "service-type"
_UPDATABLE: Final = {
    "name": Kind.TEXT,
    "hosts": Kind.TEXTS,
    "auth_types": Kind.TEXTS,
    "auth_method": Kind.TEXT,
}
_MEMBERS: Final = {**_UPDATABLE, "type": Kind.TEXT}


@dataclass(slots=True)
class _Draft:
    """A service type as a request wants it."""

    name: str = ""
    hosts: list[str] | None = None
    auth_types: list[str] | None = None
    auth_method: str = ""
    type: str = ""


async def create(parts: Parts, request: Request) -> Response:
    """Add one (2.1)."""
    draft = _Draft()
    decode_into(draft, await read_body(request), _MEMBERS)
    hosts, auth_types = _checked(draft, parts.settings.authn)

    async def work() -> ServiceType:
        return await service_types.insert(
            name=draft.name,
            hosts=hosts,
            auth_types=auth_types,
            auth_method=draft.auth_method,
            kind=draft.type,
        )

    return Response(pretty(_shown(await parts.store.write(work))), 201)


async def list_all(parts: Parts, request: Request) -> bytes:
    """Show all (2.2)."""
    async with parts.store.reading():
        found = await service_types.list_all()
    return pretty({"service_types": [_shown(service) for service in found]})


async def show(parts: Parts, request: Request, service_type: str) -> bytes:
    """Show one (2.3)."""
    async with parts.store.reading():
        return pretty(_shown(await service_types.get(service_type)))


async def update(parts: Parts, request: Request, service_type: str) -> bytes:
    """Change what the body says; the type stays (2.4, 8 A10)."""
    body = await read_body(request)

    async def work() -> ServiceType:
        service = await service_types.get(service_type, lock=True)
        draft = _Draft(
            service.name,
            list(service.hosts),
            list(service.auth_types),
            service.auth_method,
            service.type,
        )
        decode_into(draft, body, _UPDATABLE)
        hosts, auth_types = _checked(draft, parts.settings.authn)
        return await service_types.update(
            service,
            name=draft.name,
            hosts=hosts,
            auth_types=auth_types,
            auth_method=draft.auth_method,
        )

    return pretty(_shown(await parts.store.write(work)))


async def delete(parts: Parts, request: Request, service_type: str) -> Response:
    """Remove one with all that belongs to it (2.5)."""

    async def work() -> None:
        await service_types.delete(await service_types.get(service_type, lock=True))

    await parts.store.write(work)
    return Response(status=204)


def require_host(service: ServiceType, host: str) -> None:
    """Refuses a host that a service type does not have.

    Raises:
        NotFound: it has not.
    """
    if host not in service.hosts:
        raise NotFound("Host")


def _checked(draft: _Draft, settings: AuthnSettings) -> tuple[Sequence[str], Sequence[str]]:
    """The hosts and auth types of a draft in which nothing is wrong (2.1, steps 2 to 7)."""
    for name in _MEMBERS:
        if getattr(draft, name) in (None, ""):
            raise EmptyField(_RESOURCE, name)
    hosts, auth_types = draft.hosts or [], draft.auth_types or []
    if not hosts:
        raise EmptyField(_RESOURCE, "hosts")
    if draft.auth_method not in settings.supported_auth_methods:
        raise Unsupported("auth_method", draft.auth_method, settings.supported_auth_methods)
    if not auth_types:
        raise Unsupported("auth_types", "empty", settings.supported_auth_types)
    for auth_type in auth_types:
        if auth_type not in settings.supported_auth_types:
            raise Unsupported("auth_types", auth_type, settings.supported_auth_types)
    if draft.type not in settings.supported_service_types:
        raise Unsupported("type", draft.type, settings.supported_service_types)
    return hosts, auth_types


def _shown(service: ServiceType) -> dict[str, object]:
    shown: dict[str, object] = {
        "name": service.name,
        "hosts": service.hosts,
        "auth_types": service.auth_types,
        "auth_method": service.auth_method,
        "uuid": service.uuid,
        "created_on": time_text(service.created_on),
    }
    if service.updated_on:
        shown["updated_on"] = time_text(service.updated_on)
    return shown | {"type": service.type}
