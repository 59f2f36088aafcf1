"""AuthN in front of a real broker: with plain HTTP, our client library and the published one."""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from argo_ams_library import AmsMessage, AmsServiceException, ArgoMessagingService
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ams.client import CertificateAuth, Client, OutgoingMessage
from tests.authn import der
from tests.authn.authority import Authority, Credential
from tests.authn.make import make_auth_method, make_binding, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.certificates import Certificates
from tests.node import Node

#: What the published client calls the service type and the host (contract: 4.6).
SERVICE_TYPE, HOST = "ams", "127.0.0.1"


@dataclass(frozen=True)
class Member:
    """A user of the broker with a certificate, in a project with topic `t` and subscription `s`."""

    project: str
    uuid: str
    token: str
    credential: Credential
    certificate: Path
    key: Path


async def made(node: Node, method: str, path: str, body: object) -> dict[str, Any]:
    answer = await node.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    answered: dict[str, Any] = answer.json() if answer.content else {}
    return answered


@pytest_asyncio.fixture(scope="session")
async def service(authn: Authn, node: Node) -> dict[str, Any]:
    """AuthN knows the broker, by a user with the role that this takes and no other (6)."""
    user = await made(
        node, "POST", "/v1/users/of-authn", {"service_roles": ["argo_api_authn"], "projects": []}
    )
    service = await make_service_type(authn, SERVICE_TYPE, hosts=[HOST])
    await make_auth_method(
        authn,
        SERVICE_TYPE,
        host=HOST,
        port=node.settings["server"]["https_port"],
        headers={"x-api-key": user["token"]},
    )
    return service


@pytest_asyncio.fixture
async def member(
    authn: Authn, node: Node, authority: Authority, service: dict[str, Any], tmp_path: Path
) -> Member:
    """A user who is bound to a certificate."""
    name = f"member-{uuid.uuid4().hex[:8]}"
    await made(node, "POST", f"/v1/projects/{name}", {})
    await made(node, "PUT", f"/v1/projects/{name}/topics/t", {})
    subscription = {"topic": f"projects/{name}/topics/t"}
    await made(node, "PUT", f"/v1/projects/{name}/subscriptions/s", subscription)
    roles = [{"project": name, "roles": ["publisher", "consumer"]}]
    user = await made(node, "POST", f"/v1/users/{name}", {"projects": roles})
    allowed = {"authorized_users": [name]}
    await made(node, "POST", f"/v1/projects/{name}/topics/t:modifyAcl", allowed)
    await made(node, "POST", f"/v1/projects/{name}/subscriptions/s:modifyAcl", allowed)
    credential = authority.issue(
        der.name(("DC", "org"), ("O", "Test"), ("CN", name)), names=[x509.DNSName("x")]
    )
    await make_binding(
        authn,
        service,
        name,
        host=HOST,
        auth_identifier=f"CN={name},O=Test,DC=org",
        unique_key=user["uuid"],
    )
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(credential.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Member(name, user["uuid"], user["token"], credential, certificate, key)


async def test_a_bound_certificate_gets_its_users_token(authn: Authn, member: Member) -> None:
    """Contract: 4, 6."""
    answer = await authn.map(member.credential)
    assert (answer.status_code, answer.json()) == (200, {"token": member.token})
    assert member.token not in authn.log()


async def test_a_new_token_is_given_at_once(authn: Authn, node: Node, member: Member) -> None:
    path = f"/v1/users/{member.project}:refreshToken"
    token = (await made(node, "POST", path, {}))["token"]
    assert (await authn.map(member.credential)).json() == {"token": token}


async def test_of_a_user_that_is_no_more_the_answer_is_500(
    authn: Authn, node: Node, member: Member
) -> None:
    """Contract: 6, 8 B8."""
    assert (await node.request("DELETE", f"/v1/users/{member.project}")).is_success
    answer = await authn.map(member.credential)
    message = "Internal Error: Backend error"
    assert_authn_error(answer, 500, "INTERNAL SERVER ERROR", message)


async def test_our_client_publishes_and_pulls_with_a_certificate(
    authn: Authn, node: Node, member: Member, certificates: Certificates
) -> None:
    auth = CertificateAuth(member.certificate, member.key, authn.url, ca=certificates.ca)
    with Client(node.https, auth, ca=certificates.ca) as client:
        client.topics.publish(member.project, "t", [OutgoingMessage(b"hello")])
        pulled = client.subscriptions.pull(member.project, "s")
    assert [each.message.data for each in pulled] == [b"hello"]


async def test_the_published_client_publishes_and_pulls_with_a_certificate(
    authn: Authn,
    node: Node,
    member: Member,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Contract: 4.6. It takes a port for AuthN, and none for the broker: that is told after."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca))
    ams = ArgoMessagingService(
        endpoint=HOST,
        project=member.project,
        cert=str(member.certificate),
        key=str(member.key),
        authn_port=authn.settings["port"],
    )
    assert ams.token == member.token
    ams.endpoint = node.https.removeprefix("https://")
    assert ams.publish("t", AmsMessage(data="hello"))["messageIds"] == ["0"]
    ((_, message),) = ams.pull_sub("s", num=1, return_immediately=True)
    assert message.get_data() == b"hello"


async def test_the_published_client_understands_a_refusal(
    authn: Authn,
    authority: Authority,
    service: dict[str, Any],
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Contract: 4.6."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca))
    unbound = authority.issue(der.name(("CN", "nobody"))).write(tmp_path)
    with pytest.raises(AmsServiceException) as refused:
        ArgoMessagingService(
            endpoint=HOST,
            project="x",
            cert=os.fspath(unbound),
            key=os.fspath(unbound),
            authn_port=authn.settings["port"],
        )
    assert refused.value.code == 404
    assert "Binding was not found" in refused.value.msg
