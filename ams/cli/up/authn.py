"""What a first start puts into AuthN: the broker, and the demo publisher's certificate."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ams.cli.authn.admin import Admin, Object, Refused
from ams.cli.authn.certificate import read_identifier
from ams.cli.credentials import Broker, Credentials
from ams.cli.up.demo import find_user
from ams.client import Client

#: What clients call the service type of brokers (contract: authn 4.6).
SERVICE_TYPE = "ams"
#: The broker's user that AuthN is, and the one role that this takes (contract: authn 6).
USER = "authn"
ROLE = "argo_api_authn"

_NOT_FOUND = 404
_CONFLICT = 409


def provision_authn(
    client: Client, admin: Admin, credentials: Credentials, earlier: Credentials | None
) -> None:
    """Makes what is not there yet, and tells AuthN where the broker is this time.

    Once all of it was there, what is missing was removed by somebody, and stays away.

    Args:
        client: of the broker, with its service token.
        admin: of AuthN.
        credentials: of this start.
        earlier: of the start before.

    Raises:
        ClientError: the broker refuses something.
        CommandFailed: AuthN does.
    """
    first = earlier is None or earlier.authn is None
    service = _unless(_NOT_FOUND, lambda: admin.service_type(SERVICE_TYPE))
    if service is None:
        if not first:
            return
        service = admin.create_service_type(
            {
                "name": SERVICE_TYPE,
                "hosts": hosts_of(credentials.broker),
                "auth_types": ["x509"],
                "auth_method": "headers",
                "type": "ams",
            }
        )
    for host in hosts_of(credentials.broker):
        if host in service["hosts"]:
            _point(client, admin, host, credentials.broker, first=first)
            if first:
                _bind_publisher(client, admin, service, host, credentials)


def hosts_of(broker: Broker) -> list[str]:
    """What clients call the host of the broker."""
    host = urlsplit(broker.https).hostname or ""
    return [host, "localhost"] if host == "127.0.0.1" else [host]


def _point(client: Client, admin: Admin, host: str, broker: Broker, *, first: bool) -> None:
    """Has AuthN ask the broker where it is now, as its user there."""
    user = find_user(client, USER) or client.users.create(USER, service_roles=[ROLE])
    wanted = {"port": urlsplit(broker.https).port, "headers": {"x-api-key": user.token}}
    method = _unless(_NOT_FOUND, lambda: admin.auth_method(SERVICE_TYPE, host))
    if method is None:
        if first:
            admin.create_auth_method(SERVICE_TYPE, {"host": host, **wanted})
    elif any(method.get(name) != value for name, value in wanted.items()):
        admin.update_auth_method(SERVICE_TYPE, host, wanted)


def _bind_publisher(
    client: Client, admin: Admin, service: Object, host: str, credentials: Credentials
) -> None:
    publisher = find_user(client, credentials.demo.publisher.name)
    if publisher is None or credentials.client is None:
        return
    body = {
        "service_uuid": service["uuid"],
        "host": host,
        "auth_identifier": read_identifier(Path(credentials.client.certificate)),
        "unique_key": publisher.uuid,
        "auth_type": "x509",
    }
    # It is there already if the first start was cut short.
    _unless(_CONFLICT, lambda: admin.bind(f"{publisher.name}@{host}", body))


def _unless(code: int, ask: Callable[[], Object]) -> Object | None:
    """The answer; None if it is an error of this status."""
    try:
        return ask()
    except Refused as refused:
        if refused.code != code:
            raise
        return None
