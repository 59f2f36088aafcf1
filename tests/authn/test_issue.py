"""Signed tokens for certificates: `:issue`, and the keys that they are checked with."""

import subprocess
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509

from tests.authn import der
from tests.authn.authority import Authority, Credential
from tests.authn.conftest import StartAuthn
from tests.authn.make import make_auth_method, make_binding, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.eventually import eventually
from tests.node import clean_environment

HOST = "host-1"
USER = "b7b5a9ab-6ea5-4a4f-9e24-d3bbe0a9bd0b"


@pytest.fixture
def credential(authority: Authority, name: str) -> Credential:
    return authority.issue(der.name(("C", "GR"), ("CN", name)), names=[x509.DNSName("x")])


async def bind(authn: Authn, name: str, **members: object) -> None:
    """The certificate of a name, to a user of host-1."""
    service = await make_service_type(authn, name, **members)
    await make_binding(authn, service, name, unique_key=USER)


async def keys_of(authn: Authn) -> list[dict[str, Any]]:
    answer = await authn.request("GET", "/.well-known/jwks.json", token=None)
    assert answer.status_code == 200
    keys: list[dict[str, Any]] = answer.json()["keys"]
    return keys


async def checked(authn: Authn, answer: httpx.Response) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of the token in an answer, after its signature was found to be good."""
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    key_id = jwt.get_unverified_header(token)["kid"]
    (key,) = [key for key in await keys_of(authn) if key["kid"] == key_id]
    good = jwt.decode_complete(
        token, jwt.PyJWK(key), ["EdDSA"], audience=jwt_audience(token), issuer=authn.url
    )
    return good["header"], good["payload"]


def jwt_audience(token: str) -> str:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    audience: str = claims["aud"]
    return audience


async def test_a_certificate_gets_a_token_that_names_its_user(
    authn: Authn, credential: Credential, name: str
) -> None:
    """The service is not asked: it need not even be known how."""
    await bind(authn, name)
    before = int(time.time())
    answer = await authn.issue(credential, name, HOST)
    after = int(time.time())
    document = answer.json()
    assert list(document) == ["access_token", "token_type", "expires_in"]
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    header, claims = await checked(authn, answer)
    assert (header["typ"], header["alg"]) == ("at+jwt", "EdDSA")
    assert before <= claims["iat"] <= after
    assert claims["exp"] == claims["iat"] + 900
    assert {name: claims[name] for name in ("iss", "sub", "aud", "client_id")} == {
        "iss": authn.url,
        "sub": USER,
        "aud": f"{name}/{HOST}",
        "client_id": name,
    }


async def test_no_two_tokens_are_the_same(authn: Authn, credential: Credential, name: str) -> None:
    await bind(authn, name)
    tokens = [(await authn.issue(credential, name, HOST)).json()["access_token"] for _ in range(2)]
    assert tokens[0] != tokens[1]
    assert tokens[0] not in authn.log()
    assert tokens[0].rpartition(".")[2] not in authn.log()


async def test_the_use_of_a_binding_is_noted(
    authn: Authn, credential: Credential, name: str
) -> None:
    """Contract: authn 8 A4."""
    await bind(authn, name)
    assert (await authn.issue(credential, name, HOST)).is_success
    assert (await authn.request("GET", f"/v1/bindings/{name}")).json()["last_auth"]


async def test_who_shows_no_certificate_gets_none(authn: Authn, name: str) -> None:
    await bind(authn, name)
    answer = await authn.issue(None, name, HOST)
    assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")


async def test_who_is_bound_to_nothing_gets_none(
    authn: Authn, credential: Credential, authority: Authority, name: str
) -> None:
    await bind(authn, name)
    other = authority.issue(der.name(("CN", "stranger")))
    for who, service_type, host, what in (
        (other, name, HOST, "Binding"),
        (credential, name, "host-2", "Binding"),
        (credential, name, "host-3", "Host"),
        (credential, f"{name}-x", HOST, "Service-type"),
    ):
        answer = await authn.issue(who, service_type, host)
        assert_authn_error(answer, 404, "NOT FOUND", f"{what} was not found")


async def test_a_service_type_may_take_no_certificates(
    authn: Authn, credential: Credential, name: str
) -> None:
    await make_service_type(authn, name, auth_types=["oidc"])
    answer = await authn.issue(credential, name, HOST)
    message = "Auth type: x509 is not yet supported.Supported:[oidc]"
    assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY", message)


async def test_a_certificate_that_is_refused_gets_no_token(
    authn: Authn, authority: Authority, name: str
) -> None:
    """Contract: authn 8 B2."""
    await bind(authn, name)
    subject = der.name(("E", f"x,CN={name}"), ("CN", name))
    answer = await authn.issue(authority.issue(subject), name, HOST)
    message = "The subject of your certificate is ambiguous: E has a comma or a plus sign"
    assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", message)


async def test_tokens_are_issued_by_post_only(authn: Authn, name: str) -> None:
    path = f"/v1/service-types/{name}/hosts/{HOST}:issue"
    assert (await authn.request("GET", path)).status_code == 405
    assert (await authn.request("POST", "/.well-known/jwks.json")).status_code == 405


async def test_keys_may_be_kept_for_five_minutes_and_have_no_secrets(authn: Authn) -> None:
    answer = await authn.request("GET", "/.well-known/jwks.json", token=None)
    assert answer.headers["cache-control"] == "max-age=300"
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


async def test_without_an_issuer_nothing_is_issued(
    start_authn: StartAuthn, credential: Credential, name: str
) -> None:
    authn = await start_authn(issuer="")
    await make_service_type(authn, name)
    await make_auth_method(authn, name)
    for answer in (
        await authn.issue(credential, name, HOST),
        await authn.request("GET", "/.well-known/jwks.json"),
    ):
        assert_authn_error(answer, 404, "NOT FOUND", "Issuer was not found")


async def test_what_one_process_signs_can_be_checked_by_the_keys_of_another(
    authn: Authn, start_authn: StartAuthn, credential: Credential, name: str
) -> None:
    await bind(authn, name)
    database = authn.settings["database_url"]
    other = await start_authn(verify_certificate=False, database_url=database, issuer=authn.url)
    _, claims = await checked(authn, await other.issue(credential, name, HOST))
    assert claims["iss"] == authn.url
    assert await keys_of(other) == await keys_of(authn)


def rotate_key(authn: Authn) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        authn.command("rotate-key"),
        cwd=authn.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_an_operator_whose_key_was_stolen_has_another_one_at_once(
    start_authn: StartAuthn, credential: Credential, name: str
) -> None:
    authn = await start_authn(verify_certificate=False)
    await bind(authn, name)
    header, _ = await checked(authn, await authn.issue(credential, name, HOST))
    stolen = header["kid"]
    done = rotate_key(authn)
    assert (done.returncode, done.stderr) == (0, "")

    async def is_gone() -> bool:
        return stolen not in {key["kid"] for key in await keys_of(authn)}

    await eventually(is_gone, within=10.0)
    (key,) = await keys_of(authn)
    assert key["kid"] in done.stdout
    header, _ = await checked(authn, await authn.issue(credential, name, HOST))
    assert header["kid"] == key["kid"]


async def test_a_key_is_made_for_a_database_of_its_version_only(
    start_authn: StartAuthn, name: str
) -> None:
    authn = await start_authn()
    config = authn.config.read_text()
    authn.config.write_text(config.replace("authn.db", "empty.db"))
    done = rotate_key(authn)
    assert done.returncode == 2
    assert "ams authn migrate" in done.stderr
