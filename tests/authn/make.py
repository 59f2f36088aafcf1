"""Makes what tests need in an AuthN, by its HTTP interface."""

from collections.abc import Mapping
from typing import Any

from tests.authn.node import Authn


async def make_service_type(authn: Authn, name: str, /, **members: object) -> dict[str, Any]:
    """A service type `ams` with headers, on host-1 and host-2, unless `members` say otherwise."""
    body = {
        "name": name,
        "hosts": ["host-1", "host-2"],
        "auth_types": ["x509", "oidc"],
        "auth_method": "headers",
        "type": "ams",
        **members,
    }
    return await _made(authn, "/v1/service-types", body)


async def make_auth_method(authn: Authn, service_type: str, **members: object) -> dict[str, Any]:
    """An auth method for host-1 with one header, unless `members` say otherwise."""
    body = {"host": "host-1", "port": 443, "headers": {"x-api-key": "secret"}, **members}
    return await _made(authn, f"/v1/service-types/{service_type}/authm", body)


async def make_binding(
    authn: Authn, service: dict[str, Any], name: str, /, **members: object
) -> dict[str, Any]:
    """A binding on host-1 of a service type, unless `members` say otherwise."""
    body = {**binding_body(service, name), **members}
    return await _made(authn, f"/v1/bindings/{name}", body)


def binding_body(service: dict[str, Any], name: str) -> dict[str, object]:
    return {
        "service_uuid": service["uuid"],
        "host": "host-1",
        "auth_identifier": f"CN={name},C=GR",
        "unique_key": f"key-of-{name}",
        "auth_type": "x509",
    }


async def _made(authn: Authn, path: str, body: dict[str, object]) -> dict[str, Any]:
    answer = await authn.request("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def make_mapping(
    authn: Authn,
    name: str,
    identifier: str,
    port: int,
    *,
    host: str = "127.0.0.1",
    method: Mapping[str, object] | None = None,
    **members: object,
) -> dict[str, Any]:
    """Binds a certificate's subject on a host whose service listens on a port.

    Service type and binding are called `name`; `method` are members of the auth method, `members`
    of the service type. Returns the binding.
    """
    service = await make_service_type(authn, name, hosts=[host, "host-1"], **members)
    await make_auth_method(authn, name, host=host, port=port, **(method or {}))
    return await make_binding(authn, service, name, host=host, auth_identifier=identifier)
