"""Access tokens that AuthN gets: which count, and which do not, whoever sent them."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.auth.attacks import ATTACKS
from tests.auth.issuer import AUDIENCE, IssuerStandIn
from tests.authn import der
from tests.authn.authority import Authority
from tests.authn.make import make_binding, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.certificates import Certificates
from tests.signing import Signer

NAME = "access-tokens"
HOST = "host-1"
#: These are a broker's business, or usual among providers.
ELSEWHERE = {name for name in ATTACKS if name.startswith("about a user")} | {
    "about somebody who does not exist",
    "no type",
    "the type of ID tokens",
}


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@pytest.fixture(scope="module")
def issuer(certificates: Certificates) -> Iterator[IssuerStandIn]:
    large = rsa_key(2048)
    signers = [
        Signer("ed"),
        Signer("ec", ec.generate_private_key(ec.SECP256R1()), "ES256"),
        Signer("ec384", ec.generate_private_key(ec.SECP384R1()), "ES384"),
        Signer("ec521", ec.generate_private_key(ec.SECP521R1()), "ES512"),
        Signer("rsa", large, "RS256"),
        Signer("pss", large, "PS512"),
        Signer("weak", rsa_key(1024), "RS256"),
    ]
    with IssuerStandIn(certificates, signers) as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="module")
async def believing(
    issuer: IssuerStandIn,
    certificates: Certificates,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Authn]:
    """An AuthN that takes the issuer's tokens; `user` is bound."""
    settings = {"verify_certificate": False, "oidc_issuers": {issuer.name: AUDIENCE}}
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        await authn.start()
        service = await make_service_type(authn, NAME)
        identifier = f"{issuer.name}#user"
        await make_binding(authn, service, NAME, auth_type="oidc", auth_identifier=identifier)
        yield authn
    finally:
        await authn.close()


@pytest.mark.parametrize("key_id", ["ed", "ec", "ec384", "ec521", "rsa", "pss"])
async def test_providers_may_sign_in_many_ways(
    believing: Authn, issuer: IssuerStandIn, key_id: str
) -> None:
    (signer,) = [each for each in issuer.signers if each.key_id == key_id]
    for kind in ("at+jwt", "application/at+jwt", "JWT", None):
        token = signer.token(issuer.claims("user"), typ=kind)
        assert (await believing.issue(token, NAME, HOST)).status_code == 200


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_weak_key_does_not_count(believing: Authn, issuer: IssuerStandIn) -> None:
    token = issuer.signers[-1].token(issuer.claims("user"))
    answer = await believing.issue(token, NAME, HOST)
    message = "Your access token is refused: its issuer has no such key"
    assert_authn_error(answer, 401, "UNAUTHORIZED", message)


@pytest.mark.parametrize("attack", sorted(ATTACKS.keys() - ELSEWHERE))
async def test_a_token_is_refused_that_is(
    believing: Authn, issuer: IssuerStandIn, attack: str
) -> None:
    token = ATTACKS[attack](issuer, "user")
    answer = await believing.map_token(token, NAME, HOST)
    message = assert_authn_error(answer, 401, "UNAUTHORIZED")
    assert message.startswith("Your access token is refused: ")
    assert token[:64] not in believing.log()


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic dXNlcjpwYXNz")],
        [("Authorization", "Bearer TOKEN"), ("Authorization", "Bearer TOKEN")],
        [("x-api-key", "TOKEN")],
    ],
)
async def test_it_comes_in_one_header_and_no_other_way(
    believing: Authn, issuer: IssuerStandIn, headers: list[tuple[str, str]]
) -> None:
    token = issuer.token("user")
    sent = [(name, value.replace("TOKEN", token)) for name, value in headers]
    path = f"/v1/service-types/{NAME}/hosts/{HOST}:authoidc"
    answer = await believing.client.get(path, headers=sent, params={"access_token": token})
    assert_authn_error(answer, 401, "UNAUTHORIZED", "No access token provided")


async def test_the_order_of_checks_is_that_of_certificates(
    believing: Authn, issuer: IssuerStandIn
) -> None:
    """Contract: authn 4.2: who the client is, then service type, auth type, host, auth method."""
    token = issuer.token("user")
    await make_service_type(believing, "certificates-only", auth_types=["x509"])
    unsupported = "Auth type: oidc is not yet supported.Supported:[x509]"
    for service_type, host, code, status, message in (
        ("none", "none", 404, "NOT FOUND", "Service-type was not found"),
        ("certificates-only", "none", 422, "UNPROCESSABLE ENTITY", unsupported),
        (NAME, "none", 404, "NOT FOUND", "Host was not found"),
        (NAME, HOST, 404, "NOT FOUND", "Auth method was not found"),
    ):
        answer = await believing.map_token(token, service_type, host)
        assert_authn_error(answer, code, status, message)
        refused = await believing.map_token(token + "x", service_type, host)
        assert refused.status_code == 401


async def test_an_access_token_counts_more_than_the_certificate_beside_it(
    believing: Authn, issuer: IssuerStandIn, authority: Authority
) -> None:
    async with believing.client_with(authority.issue(der.name(("CN", "anybody")))) as client:
        path = f"/v1/service-types/{NAME}/hosts/{HOST}:issue"
        for token, code in ((issuer.token("user"), 200), ("bad", 401)):
            answer = await client.post(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == code


async def test_a_subject_counts_as_that_of_its_issuer_only(
    believing: Authn, issuer: IssuerStandIn
) -> None:
    """The identifier of a binding has both; a certificate with that name is nothing of it."""
    answer = await believing.issue(issuer.token(f"{issuer.name}#user"), NAME, HOST)
    assert_authn_error(answer, 404, "NOT FOUND", "Binding was not found")


async def test_a_flood_of_unknown_keys_costs_the_issuer_little(
    believing: Authn, issuer: IssuerStandIn
) -> None:
    assert (await believing.issue(issuer.token("user"), NAME, HOST)).is_success
    before = issuer.times_asked
    for number in range(50):
        token = issuer.signer.token(issuer.claims("user"), kid=f"k{number}")
        assert (await believing.map_token(token, NAME, HOST)).status_code == 401
    # One look, at two documents.
    assert issuer.times_asked - before <= 2
