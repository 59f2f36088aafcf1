"""Signed tokens of AuthN, which clients get for a certificate or for an access token."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ams.client import AccessTokenAuth, AsyncClient, CertificateAuth, Client, ServiceError
from ams.client import auth as auth_module
from tests.certificates import Certificates
from tests.client.odd_server import Answer, OddServer, Request

STATUS = Answer(body=b'{"status": "ok"}')
PATH = "/v1/service-types/ams/hosts/127.0.0.1"


class Issuing:
    """Has AuthN give signed-1, signed-2, ... for so many seconds each, unless it is away."""

    def __init__(self, authn: OddServer, seconds: float) -> None:
        self.away = False
        self.given = 0
        self._seconds = seconds
        authn.otherwise = self._give

    def _give(self, request: Request) -> Answer:
        if self.away:
            return Answer(503)
        self.given += 1
        answer = {
            "access_token": f"signed-{self.given}",
            "token_type": "Bearer",
            "expires_in": self._seconds,
        }
        return Answer(body=json.dumps(answer).encode())


@pytest.fixture
def broker(odd_server: OddServer) -> OddServer:
    odd_server.otherwise = STATUS
    return odd_server


def sent_to(server: OddServer) -> list[str]:
    """The tokens that have come, each once."""
    return list(dict.fromkeys(request.headers["Authorization"] for request in server.requests))


def send_for(client: Client, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.status()


async def test_a_token_is_renewed_before_it_expires(
    authn: OddServer,
    broker: OddServer,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth_module, "RENEW_AFTER", 0.1)
    issuing = Issuing(authn, seconds=3)
    auth = CertificateAuth(
        certificates.certificate, certificates.key, authn.url, short_lived=True, ca=certificates.ca
    )
    started = time.monotonic()
    with Client(broker.url, auth) as client:
        client.status()
        assert authn.paths() == [f"POST {PATH}:issue"]
        assert authn.requests[0].certificate
        while issuing.given < 2:
            client.status()
        assert 0.3 <= time.monotonic() - started < 3
    async with AsyncClient(broker.url, auth) as async_client:
        while issuing.given < 3:
            await async_client.status()
    assert sent_to(broker) == ["Bearer signed-1", "Bearer signed-2", "Bearer signed-3"]


def test_a_token_that_is_refused_is_renewed_too(
    authn: OddServer, broker: OddServer, certificates: Certificates
) -> None:
    Issuing(authn, seconds=900)
    broker.answers = [STATUS, Answer(401)]
    auth = AccessTokenAuth("of-provider", authn.url, ca=certificates.ca)
    with Client(broker.url, auth) as client:
        client.status()
        client.status()
    assert sent_to(broker) == ["Bearer signed-1", "Bearer signed-2"]


def test_one_that_cannot_be_renewed_is_sent_while_it_is_valid(
    authn: OddServer,
    broker: OddServer,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One thread tries, and the others don't wait for a try of their own."""
    monkeypatch.setattr(auth_module, "RENEW_AFTER", 0.0)
    issuing = Issuing(authn, seconds=1.5)
    auth = AccessTokenAuth("of-provider", authn.url, ca=certificates.ca)
    with Client(broker.url, auth, retries=0) as client:
        client.status()
        issuing.away = True
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: client.status(), range(16)))
        assert len(authn.requests) == 2
        with pytest.raises(ServiceError, match="gives no token"):
            send_for(client, seconds=5)
    assert sent_to(broker) == ["Bearer signed-1"]


@pytest.mark.parametrize("short_lived", [True, False])
async def test_an_access_token_is_asked_for_whenever_authn_is(
    authn: OddServer, broker: OddServer, certificates: Certificates, short_lived: bool
) -> None:
    Issuing(authn, seconds=900)
    if not short_lived:
        authn.otherwise = Answer(body=b'{"token": "api-token"}')
    tokens = iter(["first", "second"])
    auth = AccessTokenAuth(
        lambda: next(tokens), authn.url, short_lived=short_lived, ca=certificates.ca
    )
    broker.answers = [Answer(401)]
    async with AsyncClient(broker.url, auth) as client:
        if short_lived:
            await client.status()
        else:
            with pytest.raises(ServiceError):
                await client.status()  # AuthN has no other one.
    verb = "POST {}:issue" if short_lived else "GET {}:authoidc"
    assert authn.paths() == [verb.format(PATH)] * 2
    assert [each.headers["Authorization"] for each in authn.requests] == [
        "Bearer first",
        "Bearer second",
    ]
    header = "Authorization" if short_lived else "x-api-key"
    assert all(header in each.headers for each in broker.requests)


def test_where_it_may_not_go_it_does_not_go() -> None:
    with pytest.raises(ValueError, match="https"):
        AccessTokenAuth("token", "http://authn.example.org")
    with pytest.raises(ValueError, match="can't be sent"):
        AccessTokenAuth("token\n")
