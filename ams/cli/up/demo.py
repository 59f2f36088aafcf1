"""What a first start puts into the broker: an admin, and a project to try things with."""

from collections.abc import Callable, Iterable, Mapping

from ams.cli.credentials import Authn, Broker, ClientFiles, Credentials, Demo, Exporter, Identity
from ams.client import Client, ServiceError, User
from ams.service.tls import DevelopmentCertificates

ADMIN = "admin"
PROJECT = "demo"
TOPIC = "demo-topic"
SUBSCRIPTION = "demo-sub"
PUBLISHER = "demo-publisher"
CONSUMER = "demo-consumer"

_NOT_FOUND = 404
_ALREADY_EXISTS = "ALREADY_EXISTS"


def provision(
    client: Client,
    earlier: Credentials | None,
    *,
    certificates: DevelopmentCertificates,
    broker: Broker,
    authn: Authn | None,
    exporter: Exporter | None,
    service_token: str,
) -> Credentials:
    """Makes what is not there yet, and returns the credentials for all of it.

    Once all of it was there, what is missing was removed by somebody, and stays away.

    Args:
        client: sends the service token.
        earlier: the credentials of the start before, if all was made then.
        certificates: of the development CA.
        broker: where the broker listens this time.
        authn: where AuthN will; None if it is not to run.
        exporter: likewise; None if it is not to run.
        service_token: a token that may do anything.

    Raises:
        ClientError: the broker refuses something.
    """
    if earlier and find_user(client, earlier.admin.name):
        demo = Demo(
            project=earlier.demo.project,
            topic=earlier.demo.topic,
            subscription=earlier.demo.subscription,
            publisher=_refreshed(client, earlier.demo.publisher),
            consumer=_refreshed(client, earlier.demo.consumer),
        )
        admin = _refreshed(client, earlier.admin)
    else:
        admin = _identity(client, ADMIN, service_roles=["service_admin"])
        demo = _make_demo(client)
    return Credentials(
        ca=str(certificates.ca),
        broker=broker,
        service_token=service_token,
        admin=admin,
        demo=demo,
        authn=authn,
        client=ClientFiles(str(certificates.client_certificate), str(certificates.client_key)),
        exporter=exporter,
    )


def _make_demo(client: Client) -> Demo:
    _unless_there(lambda: client.projects.create(PROJECT, "For trying things"))
    _unless_there(lambda: client.topics.create(PROJECT, TOPIC))
    _unless_there(lambda: client.subscriptions.create(PROJECT, SUBSCRIPTION, TOPIC))
    publisher = _identity(client, PUBLISHER, project_roles={PROJECT: ["publisher"]})
    consumer = _identity(client, CONSUMER, project_roles={PROJECT: ["consumer"]})
    publishers = client.topics.acl(PROJECT, TOPIC)
    if PUBLISHER not in publishers:
        client.topics.modify_acl(PROJECT, TOPIC, [*publishers, PUBLISHER])
    consumers = client.subscriptions.acl(PROJECT, SUBSCRIPTION)
    if CONSUMER not in consumers:
        client.subscriptions.modify_acl(PROJECT, SUBSCRIPTION, [*consumers, CONSUMER])
    return Demo(PROJECT, TOPIC, SUBSCRIPTION, publisher, consumer)


def _unless_there(create: Callable[[], object]) -> None:
    try:
        create()
    except ServiceError as error:
        if error.status != _ALREADY_EXISTS:
            raise


def _identity(
    client: Client,
    name: str,
    *,
    project_roles: Mapping[str, Iterable[str]] | None = None,
    service_roles: Iterable[str] = (),
) -> Identity:
    """A user, who is made if not there."""
    user = find_user(client, name)
    if user and project_roles and not user.projects:
        # The project that the user was made for was deleted, and a new one has its name.
        client.users.delete(name)
        user = None
    if not user:
        user = client.users.create(name, project_roles=project_roles, service_roles=service_roles)
    return Identity(user.name, user.token)


def _refreshed(client: Client, identity: Identity) -> Identity:
    """An identity with the token that its user has now."""
    user = find_user(client, identity.name)
    return Identity(user.name, user.token) if user else identity


def find_user(client: Client, name: str) -> User | None:
    """The user of a name; None if there is none."""
    try:
        return client.users.show(name)
    except ServiceError as error:
        if error.code != _NOT_FOUND:
            raise
        return None
