"""How a client says who it is: API token, bearer token, client certificate."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ams.client import (
    ApiToken,
    AsyncClient,
    Bearer,
    CertificateAuth,
    Client,
    NotConnected,
    ServiceError,
    UnexpectedAnswer,
)
from tests.certificates import Certificates
from tests.client.odd_server import Answer, OddServer, Request
from tests.node import Node
from tests.processes import free_port

STATUS = Answer(body=b'{"status": "ok"}')
UNAUTHORIZED = Answer(401)


def certificate_auth(authn: OddServer, certificates: Certificates) -> CertificateAuth:
    return CertificateAuth(
        certificates.certificate, certificates.key, authn.url, ca=certificates.ca
    )


class Accept:
    """Answers whoever sends one token, refuses all others."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: Request) -> Answer:
        sent = request.headers.get("x-api-key") or request.headers.get("Authorization")
        return STATUS if sent == self.token else UNAUTHORIZED


def test_a_token_is_sent_as_api_key_or_as_bearer(node: Node, odd_server: OddServer) -> None:
    """Contract: decision 1."""
    for auth in (
        node.service_token,
        ApiToken(node.service_token),
        Bearer(node.service_token),
        Bearer(lambda: node.service_token),
    ):
        with Client(node.http, auth) as client:
            assert isinstance(client.projects.list(), tuple)
    odd_server.otherwise = STATUS
    for sent, header in (("t", "x-api-key"), (Bearer("t"), "Authorization")):
        with Client(odd_server.url, sent) as client:
            client.status()
        assert header in odd_server.requests[-1].headers
    with Client(odd_server.url) as client:
        client.status()
    assert not {"x-api-key", "Authorization"} & set(odd_server.requests[-1].headers)


def test_a_function_is_asked_again_once_when_its_token_is_refused(odd_server: OddServer) -> None:
    tokens = iter(["old", "new", "newer"])
    odd_server.otherwise = Accept("Bearer new")
    with Client(odd_server.url, Bearer(lambda: next(tokens))) as client:
        for _ in range(3):
            client.status()
        assert len(odd_server.requests) == 4
        odd_server.otherwise = UNAUTHORIZED
        with pytest.raises(ServiceError) as refused:
            client.status()
    assert refused.value.code == 401
    assert len(odd_server.requests) == 6


def test_a_fixed_token_that_is_refused_is_not_sent_again(odd_server: OddServer) -> None:
    odd_server.otherwise = UNAUTHORIZED
    for auth in ("x", Bearer("x"), Bearer(lambda: "x")):
        odd_server.requests.clear()
        with Client(odd_server.url, auth) as client, pytest.raises(ServiceError):
            client.status()
        assert len(odd_server.requests) == 1


async def test_a_certificate_gets_a_token_when_it_is_first_needed(
    authn: OddServer, odd_server: OddServer, certificates: Certificates
) -> None:
    """Contract: ams-core 12.2."""
    odd_server.otherwise = Accept("token-1")
    auth = certificate_auth(authn, certificates)
    with Client(odd_server.url, auth) as client:
        assert authn.requests == []
        for _ in range(2):
            client.status()
        assert authn.paths() == ["GET /v1/service-types/ams/hosts/127.0.0.1:authx509"]
        assert not odd_server.requests[0].certificate
        odd_server.otherwise = Accept("token-2")
        client.status()
    async with AsyncClient(odd_server.url, auth) as async_client:
        await async_client.status()
        odd_server.otherwise = Accept("token-3")
        await async_client.status()
    assert len(authn.requests) == 3


def test_many_threads_ask_for_one_token(
    authn: OddServer, odd_server: OddServer, certificates: Certificates
) -> None:
    odd_server.otherwise = Accept("token-2")
    auth = certificate_auth(authn, certificates)
    with Client(odd_server.url, auth) as client, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.status(), range(40)))
    assert len(authn.requests) == 2


def test_a_token_goes_to_the_host_only_that_it_is_for(
    authn: OddServer, odd_server: OddServer, certificates: Certificates
) -> None:
    odd_server.otherwise = STATUS
    auth = certificate_auth(authn, certificates)
    for host in ("127.0.0.1", "localhost"):
        with Client(odd_server.url.replace("127.0.0.1", host), auth) as client:
            client.status()
    assert [request.headers["x-api-key"] for request in odd_server.requests] == [
        "token-1",
        "token-2",
    ]
    assert authn.paths()[1].endswith("/hosts/localhost:authx509")


def test_an_authn_that_gives_no_token_is_told_from_the_broker(
    authn: OddServer, odd_server: OddServer, certificates: Certificates
) -> None:
    auth = certificate_auth(authn, certificates)
    with Client(odd_server.url, auth, retries=0) as client:
        body = b'{"error": {"code": 404, "message": "Binding was not found"}}'
        authn.answers = [Answer(404, body)]
        with pytest.raises(ServiceError, match="gives no token: Binding was not found") as refused:
            client.status()
        assert refused.value.code == 404
        for body in (b"{}", b'{"token": 3}', b'{"token": null}', b'{"token": "a\\nb"}', b"<html>"):
            authn.answers = [Answer(body=body)]
            with pytest.raises(UnexpectedAnswer, match=authn.url):
                client.status()
    nowhere = CertificateAuth(
        certificates.certificate,
        certificates.key,
        f"https://127.0.0.1:{free_port()}",
        ca=certificates.ca,
    )
    with Client(odd_server.url, nowhere, retries=1) as client, pytest.raises(NotConnected):
        client.status()
    assert odd_server.requests == []


def test_files_that_hold_no_certificate_are_refused_at_once(
    certificates: Certificates, tmp_path: Path
) -> None:
    good, key = certificates.certificate, certificates.key
    with pytest.raises(ValueError, match="https"):
        CertificateAuth(good, key, "http://authn.example.org")
    with pytest.raises(FileNotFoundError):
        CertificateAuth(good, tmp_path / "missing")
    with pytest.raises(ValueError, match="not a certificate and its key"):
        CertificateAuth(key, good)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")
        )
    )
    CertificateAuth(good, locked, password="open sesame")
    with pytest.raises(ValueError, match="another password"):
        CertificateAuth(good, locked)


@pytest.mark.parametrize("token", ["", "a\nb", "ä"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token: str) -> None:
    for make in (ApiToken, Bearer):
        with pytest.raises(ValueError, match="can't be sent") as refused:
            make(token)
        assert not token or token not in str(refused.value)
    expected = pytest.raises(ValueError, match="can't be sent")
    with Client("http://127.0.0.1:1", Bearer(lambda: token)) as client, expected:
        client.status()
