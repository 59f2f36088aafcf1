"""From a certificate or an access token, by a token that AuthN signs, to the broker."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ams.client import AccessTokenAuth, AsyncClient, CertificateAuth, Client, OutgoingMessage
from tests.api.client import Project, create_user, object_in
from tests.auth.issuer import AUDIENCE, IssuerStandIn, asked_with
from tests.authn import der
from tests.authn.authority import Authority, Credential
from tests.authn.make import make_binding, make_service_type
from tests.authn.node import Authn
from tests.certificates import Certificates
from tests.node import Node
from tests.servers import FSYNC, RedisServer

HOSTS = ["127.0.0.1", "localhost", "other.example.org"]


@dataclass(frozen=True)
class Services:
    """An AuthN that knows a broker, which trusts it under two names; both trust `provider`'s."""

    authn: Authn
    broker: Node
    service: dict[str, Any]
    provider: IssuerStandIn


@pytest.fixture(scope="module")
def provider(certificates: Certificates) -> Iterator[IssuerStandIn]:
    with IssuerStandIn(certificates) as provider:
        yield provider


@pytest_asyncio.fixture(scope="module")
async def services(
    provider: IssuerStandIn,
    redis_binary: Path,
    certificates: Certificates,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Services]:
    async with AsyncExitStack() as closing:
        settings = {"verify_certificate": False, "oidc_issuers": {provider.name: AUDIENCE}}
        authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
        closing.push_async_callback(authn.close)
        authn.migrate()
        await authn.start()
        service = await make_service_type(authn, "ams", hosts=HOSTS)
        redis = closing.enter_context(RedisServer(redis_binary, **FSYNC))
        folder = tmp_path_factory.mktemp("broker")
        sections: dict[str, dict[str, object]] = {
            "redis": {"url": redis.url},
            "database": {"url": f"sqlite://{folder}/ams.db"},
            "auth": {
                "jwt_issuers": {authn.url: f"{authn.url}/.well-known/jwks.json"},
                "jwt_audiences": ["ams/127.0.0.1", "ams/localhost"],
                "jwt_ca_file": str(certificates.ca),
            },
        }
        broker = Node(folder, certificates, sections)
        closing.push_async_callback(broker.close)
        broker.migrate()
        yield Services(authn, await broker.start(), service, provider)


@dataclass(frozen=True)
class Member:
    """Publishes to `t` of a project and consumes `s`, by a certificate, or as `subject`."""

    project: Project
    uuid: str
    credential: Credential
    files: tuple[Path, Path]
    subject: str


@pytest_asyncio.fixture
async def member(services: Services, authority: Authority, tmp_path: Path) -> AsyncIterator[Member]:
    project = await Project.create(services.broker)
    await project.topic("t")
    await project.subscription("s", "t")
    user = await create_user(services.broker, projects={project.name: ["project_admin"]})
    names = [x509.DNSName("x")]
    credential = authority.issue(der.name(("C", "GR"), ("CN", user.name)), names=names)
    for host in HOSTS:
        for kind, identifier in (
            ("x509", f"CN={user.name},C=GR"),
            ("oidc", f"{services.provider.name}#{user.name}"),
        ):
            await make_binding(
                services.authn,
                services.service,
                f"{user.name}-{kind}-{host}",
                host=host,
                auth_type=kind,
                auth_identifier=identifier,
                unique_key=user.uuid,
            )
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(credential.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    yield Member(project, user.uuid, credential, (certificate, key), user.name)
    await project.remove()


async def signed(services: Services, member: Member, host: str = "127.0.0.1") -> str:
    answer = await services.authn.issue(member.credential, "ams", host)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def test_a_client_with_a_certificate_publishes_and_pulls(
    services: Services, member: Member, certificates: Certificates
) -> None:
    auth = CertificateAuth(*member.files, services.authn.url, short_lived=True, ca=certificates.ca)
    with Client(services.broker.https, auth, ca=certificates.ca) as client:
        client.topics.publish(member.project.name, "t", [OutgoingMessage(b"hello")])
        pulled = client.subscriptions.pull(member.project.name, "s")
        assert client.users.profile().uuid == member.uuid
    assert [each.message.data for each in pulled] == [b"hello"]


async def test_a_client_with_an_access_token_publishes(
    services: Services, member: Member, certificates: Certificates
) -> None:
    auth = AccessTokenAuth(
        lambda: services.provider.token(member.subject), services.authn.url, ca=certificates.ca
    )
    async with AsyncClient(services.broker.https, auth, ca=certificates.ca) as client:
        await client.topics.publish(member.project.name, "t", [OutgoingMessage(b"hello")])
        assert (await client.users.profile()).uuid == member.uuid


async def test_a_token_is_good_for_the_hosts_that_the_broker_is_called_by(
    services: Services, member: Member
) -> None:
    for host, code in (("127.0.0.1", 200), ("localhost", 200), ("other.example.org", 401)):
        token = await signed(services, member, host)
        assert (await asked_with(services.broker, token)).status_code == code


async def test_an_access_token_of_the_provider_is_nothing_to_the_broker(
    services: Services, member: Member
) -> None:
    token = services.provider.token(member.uuid, aud="ams/127.0.0.1")
    assert (await asked_with(services.broker, token)).status_code == 401


async def test_a_deleted_users_token_ends_though_authn_knows_nothing_of_it(
    services: Services, member: Member
) -> None:
    token = await signed(services, member)
    assert object_in(await asked_with(services.broker, token))["uuid"] == member.uuid
    assert (await services.broker.request("DELETE", f"/v1/users/{member.subject}")).is_success
    assert (await asked_with(services.broker, token)).status_code == 401
    # AuthN still signs: the broker is who knows its users.
    assert (await asked_with(services.broker, await signed(services, member))).status_code == 401


async def test_nobody_logs_a_token(services: Services, member: Member) -> None:
    token = await signed(services, member)
    assert (await asked_with(services.broker, token)).is_success
    assert (await asked_with(services.broker, token + "x")).status_code == 401
    for part in (*token.split("."), jwt.get_unverified_header(token)["kid"]):
        assert part not in services.authn.log()
        assert part not in services.broker.log()
