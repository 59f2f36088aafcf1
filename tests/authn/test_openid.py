"""Access tokens of a real OpenID Connect provider, in place of certificates."""

from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio

from tests.authn.authority import Authority
from tests.authn.conftest import StartAuthn
from tests.authn.make import make_auth_method, make_binding, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.authn.oidc import OidcProvider
from tests.authn.target import Target
from tests.certificates import Certificates
from tests.conftest import needed
from tests.processes import free_port
from tests.signing import Signer, claims_for

AUDIENCE = "https://authn.example.org"
HOST = "127.0.0.1"
CLIENTS = ["alice", "bob"]


@pytest_asyncio.fixture(scope="module")
async def provider(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OidcProvider]:
    folder = tmp_path_factory.mktemp("provider")
    provider = needed(lambda: OidcProvider(folder, certificates, "RS256", CLIENTS))
    try:
        yield await provider.start()
    finally:
        await provider.close()


@pytest_asyncio.fixture(scope="module")
async def believing(
    provider: OidcProvider,
    certificates: Certificates,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Authn]:
    """An AuthN that takes the provider's tokens."""
    settings = {"verify_certificate": False, "oidc_issuers": {provider.issuer: AUDIENCE}}
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


async def bind(authn: Authn, provider: OidcProvider, name: str, port: int = 443) -> None:
    """Alice, to a user of a service on this machine."""
    service = await make_service_type(authn, name, hosts=[HOST])
    await make_auth_method(authn, name, host=HOST, port=port)
    await make_binding(
        authn,
        service,
        name,
        host=HOST,
        auth_type="oidc",
        auth_identifier=f"{provider.issuer}#alice",
    )


async def test_an_access_token_gets_its_owners_token(
    believing: Authn, provider: OidcProvider, certificates: Certificates, name: str
) -> None:
    with Target(certificates) as target:
        await bind(believing, provider, name, target.port)
        token = await provider.access_token("alice", AUDIENCE)
        answer = await believing.map_token(token, name, HOST)
    assert (answer.status_code, answer.json()) == (200, {"token": "the-token"})
    assert [asked.path for asked in target.asked] == [f"/v1/users:byUUID/key-of-{name}"]
    assert (await believing.request("GET", f"/v1/bindings/{name}")).json()["last_auth"]
    assert token not in believing.log()


async def test_an_access_token_gets_a_signed_one(
    believing: Authn, provider: OidcProvider, name: str
) -> None:
    await bind(believing, provider, name)
    answer = await believing.issue(await provider.access_token("alice", AUDIENCE), name, HOST)
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == (f"key-of-{name}", f"{name}/{HOST}")


async def test_whoever_is_bound_to_nothing_gets_none(
    believing: Authn, provider: OidcProvider, name: str
) -> None:
    await bind(believing, provider, name)
    token = await provider.access_token("bob", AUDIENCE)
    for answer in (
        await believing.map_token(token, name, HOST),
        await believing.issue(token, name, HOST),
    ):
        assert_authn_error(answer, 404, "NOT FOUND", "Binding was not found")


async def test_a_token_for_others_is_refused(
    believing: Authn, provider: OidcProvider, name: str
) -> None:
    await bind(believing, provider, name)
    token = await provider.access_token("alice", "https://other.example.org")
    answer = await believing.map_token(token, name, HOST)
    message = "Your access token is refused: it is for somebody else"
    assert_authn_error(answer, 401, "UNAUTHORIZED", message)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_that_says_nothing_by_itself_is_refused(
    believing: Authn, provider: OidcProvider, name: str
) -> None:
    await bind(believing, provider, name)
    token = await provider.access_token("alice", "https://authn.example.org/opaque")
    answer = await believing.map_token(token, name, HOST)
    message = "Your access token is refused: it is no signed token, or too long"
    assert_authn_error(answer, 401, "UNAUTHORIZED", message)


async def test_while_a_provider_is_away_its_keys_in_memory_count(
    start_authn: StartAuthn, certificates: Certificates, tmp_path: Path, name: str
) -> None:
    """Of one that never answered nothing can be judged, which is no reason to refuse."""
    provider = needed(lambda: OidcProvider(tmp_path, certificates, "ES256", CLIENTS))
    never = f"https://127.0.0.1:{free_port()}"
    try:
        await provider.start()
        authn = await start_authn(oidc_issuers={provider.issuer: AUDIENCE, never: AUDIENCE})
        await bind(authn, provider, name)
        tokens = [await provider.access_token("alice", AUDIENCE) for _ in range(2)]
        assert (await authn.issue(tokens[0], name, HOST)).status_code == 200
    finally:
        await provider.close()
    assert (await authn.issue(tokens[1], name, HOST)).status_code == 200
    token = Signer("k").token(claims_for(never, AUDIENCE, "alice"))
    message = "The keys of the token's issuer can't be fetched, try again later"
    answer = await authn.issue(token, name, HOST)
    assert_authn_error(answer, 503, "SERVICE UNAVAILABLE", message)
    assert answer.headers["retry-after"] == "1"
