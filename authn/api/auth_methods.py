"""Auth methods over HTTP (contract: authn 3.1 to 3.6)."""

import json
from dataclasses import dataclass
from typing import Final

from ams.service.http import Request, read_body
from ams.service.responses import Response
from ams.service.token_box import TokenBox
from authn.api.bodies import Kind, decode_into
from authn.api.parts import Parts
from authn.api.service_types import require_host
from authn.errors import EmptyField, InternalFailure, Unsupported
from authn.rendering import pretty, time_text
from authn.store import auth_methods, service_types
from authn.store.records import API_KEY, HEADERS, AuthMethod, Secret

_RESOURCE: Final = "auth method"
#: The member that holds the secret, by type.
_SECRETS: Final = {API_KEY: "access_key", HEADERS: "headers"}
_MEMBERS: Final = {
    "port": Kind.NUMBER,
    "host": Kind.TEXT,
    "access_key": Kind.TEXT,
    "headers": Kind.TABLE,
}
_UPDATABLE: Final = {"service_uuid": Kind.TEXT, **_MEMBERS}
_PORTS: Final = range(1, 65_536)


@dataclass(slots=True)
class _Draft:
    """An auth method as a request wants it."""

    service_uuid: str = ""
    port: int = 0
    host: str = ""
    access_key: str = ""
    headers: dict[str, str] | None = None


async def create(parts: Parts, request: Request, service_type: str) -> Response:
    """Add one for a host (3.2)."""
    body = await read_body(request)

    async def work() -> AuthMethod:
        service = await service_types.get(service_type, lock=True)
        if service.auth_method not in _SECRETS:
            raise InternalFailure("Type is supported but not found")
        draft = _Draft(service_uuid=service.uuid)
        decode_into(draft, body, _MEMBERS)
        _check_common(draft)
        require_host(service, draft.host)
        secret = _sealed(parts.box, draft, service.auth_method)
        return await auth_methods.insert(service, draft.host, draft.port, secret)

    return Response(pretty(_shown(parts.box, await parts.store.write(work))), 201)


async def show(parts: Parts, request: Request, service_type: str, host: str) -> bytes:
    """Show the one of a host (3.3)."""
    async with parts.store.reading():
        method = await _find(service_type, host)
    return pretty(_shown(parts.box, method))


async def list_all(parts: Parts, request: Request) -> bytes:
    """Show all (3.4)."""
    async with parts.store.reading():
        found = await auth_methods.list_all()
    return pretty({"auth_methods": [_shown(parts.box, method) for method in found]})


async def update(parts: Parts, request: Request, service_type: str, host: str) -> bytes:
    """Change what the body says; headers are replaced as a whole (3.5, 8 A1 and A7)."""
    body = await read_body(request)

    async def work() -> AuthMethod:
        method = await _find(service_type, host, lock=True)
        secret = opened(parts.box, method)
        draft = _Draft(
            method.service_uuid,
            method.port,
            method.host,
            secret.access_key,
            dict(secret.headers) if secret.headers is not None else None,
        )
        decode_into(draft, body, _UPDATABLE)
        if not draft.service_uuid:
            raise EmptyField(_RESOURCE, "service_uuid")
        _check_common(draft)
        service = await service_types.get_by_uuid(draft.service_uuid)
        require_host(service, draft.host)
        sealed = _sealed(parts.box, draft, method.type)
        return await auth_methods.update(method, service, draft.host, draft.port, sealed)

    return pretty(_shown(parts.box, await parts.store.write(work)))


async def delete(parts: Parts, request: Request, service_type: str, host: str) -> Response:
    """Remove the one of a host (3.6)."""

    async def work() -> None:
        await auth_methods.delete(await _find(service_type, host, lock=True))

    await parts.store.write(work)
    return Response(status=204)


def opened(box: TokenBox, method: AuthMethod) -> Secret:
    """What an auth method shows to its host.

    Raises:
        TokenKeyError: it was stored under a key that is not among the keys.
    """
    values = json.loads(box.decrypt(method.secret_ciphertext))
    return Secret(values.get("access_key", ""), values.get("headers"))


async def _find(service_type: str, host: str, *, lock: bool = False) -> AuthMethod:
    """The three 404s of 3.3, in their order."""
    service = await service_types.get(service_type)
    require_host(service, host)
    return await auth_methods.get(service, host, lock=lock)


def _check_common(draft: _Draft) -> None:
    if not draft.port:
        raise EmptyField(_RESOURCE, "port")
    if not draft.host:
        raise EmptyField(_RESOURCE, "host")
    if draft.port not in _PORTS:
        raise Unsupported("port", str(draft.port), [f"{_PORTS.start}-{_PORTS.stop - 1}"])


def _sealed(box: TokenBox, draft: _Draft, kind: str) -> str:
    """The secret of a draft, as it is stored."""
    name = _SECRETS[kind]
    secret = getattr(draft, name)
    if not secret:
        raise EmptyField(_RESOURCE, name)
    return box.encrypt(json.dumps({name: secret}))


def _shown(box: TokenBox, method: AuthMethod) -> dict[str, object]:
    shown: dict[str, object] = {
        "service_uuid": method.service_uuid,
        "port": method.port,
        "host": method.host,
        "type": method.type,
        "uuid": method.uuid,
        "created_on": time_text(method.created_on),
    }
    if method.updated_on:
        shown["updated_on"] = time_text(method.updated_on)
    secret = opened(box, method)
    if secret.headers is None:
        return shown | {"access_key": secret.access_key}
    return shown | {"headers": dict(sorted(secret.headers.items()))}
