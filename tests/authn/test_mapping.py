"""From a client's certificate to a token (contract: authn 4.2, 6)."""

import re
import sqlite3

from cryptography import x509

from tests.authn import der
from tests.authn.authority import Authority, Credential
from tests.authn.conftest import StartAuthn
from tests.authn.crl_server import CrlServer
from tests.authn.make import make_auth_method, make_binding, make_mapping, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.authn.target import Answer, Target

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FAILED = "Internal Error: Backend error"


class TestOrder:
    """Contract: 4.2, each step before the next."""

    async def test_without_a_certificate_it_is_400(self, authn: Authn) -> None:
        answer = await authn.map(None, "none")
        assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")

    async def test_without_a_certificate_nobody_learns_what_there_is(
        self, authn: Authn, name: str, identifier: str, target: Target
    ) -> None:
        await make_mapping(authn, name, identifier, target.port)
        answers = [
            await authn.map(None, *place)
            for place in (("none", "none"), (name, "none"), (name, "host-1"), (name, "127.0.0.1"))
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {
            (400, answers[0].content)
        }
        assert target.asked == []

    async def test_an_unknown_service_type_is_404(
        self, authn: Authn, credential: Credential
    ) -> None:
        answer = await authn.map(credential, "none")
        assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")

    async def test_a_service_type_without_x509_is_422(
        self, authn: Authn, credential: Credential, name: str
    ) -> None:
        await make_service_type(authn, name, auth_types=["oidc"])
        answer = await authn.map(credential, name, "none")
        message = "Auth type: x509 is not yet supported.Supported:[oidc]"
        assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY", message)

    async def test_what_is_missing_is_404_in_order(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        service = await make_service_type(authn, name)
        answer = await authn.map(credential, name, "none")
        assert_authn_error(answer, 404, "NOT FOUND", "Host was not found")
        answer = await authn.map(credential, name, "host-1")
        assert_authn_error(answer, 404, "NOT FOUND", "Auth method was not found")
        await make_auth_method(authn, name, port=target.port)
        for elsewhere in ({"host": "host-2"}, {"auth_type": "oidc"}):
            await make_binding(
                authn,
                service,
                f"{name}-{len(elsewhere.keys() & {'host'})}",
                auth_identifier=identifier,
                **elsewhere,
            )
        answer = await authn.map(credential, name, "host-1")
        assert_authn_error(answer, 404, "NOT FOUND", "Binding was not found")
        assert target.asked == []


class TestToken:
    """Contract: 4, 6."""

    async def test_a_bound_certificate_gets_the_token(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        method = {"headers": {"x-api-key": "of-authn", "Other": "ü", "Host": "evil.example"}}
        binding = await make_mapping(authn, name, identifier, target.port, method=method)
        answer = await authn.map(credential, name)
        assert (answer.status_code, answer.content) == (200, b'{\n "token": "the-token"\n}')
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        (asked,) = target.asked
        assert asked.path == f"/v1/users:byUUID/{binding['unique_key']}"
        assert asked.headers["x-api-key"] == "of-authn"
        assert asked.headers["Other"].encode("latin-1").decode() == "ü"
        assert asked.headers["Host"] == f"127.0.0.1:{target.port}"

    async def test_a_query_changes_nothing(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        await make_mapping(authn, name, identifier, target.port)
        path = f"/v1/service-types/{name}/hosts/127.0.0.1:authx509?key=wrong&host=x"
        async with authn.client_with(credential) as client:
            assert (await client.get(path)).status_code == 200

    async def test_another_retrieval_field_and_path(
        self, odd_authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        """Contract: 6.2, 8 B10: the first of each placeholder is filled in, percent-encoded."""
        await make_mapping(
            odd_authn,
            name,
            identifier,
            target.port,
            auth_method="api-key",
            type="custom",
            method={"access_key": "a/b&c"},
        )
        path = f"/v1/bindings/{name}"
        assert (await odd_authn.request("PUT", path, json={"unique_key": "../x?y"})).is_success
        target.says({"api_key": "other", "token": "no"})
        answer = await odd_authn.map(credential, name)
        assert answer.json() == {"token": "other"}
        assert target.asked[0].path == "/u/..%2Fx%3Fy?k=a%2Fb%26c&{{identifier}}"

    async def test_a_new_unique_key_counts_at_once(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        """Contract: 8 A2."""
        await make_mapping(authn, name, identifier, target.port)
        await authn.map(credential, name)
        await authn.request("PUT", f"/v1/bindings/{name}", json={"unique_key": "new"})
        await authn.map(credential, name)
        assert target.asked[1].path == "/v1/users:byUUID/new"
        await authn.request("DELETE", f"/v1/bindings/{name}")
        assert_authn_error(await authn.map(credential, name), 404, "NOT FOUND")

    async def test_connections_to_the_service_are_kept(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        await make_mapping(authn, name, identifier, target.port)
        for _ in range(3):
            assert (await authn.map(credential, name)).is_success
        assert len({asked.client for asked in target.asked}) == 1

    async def test_a_success_is_noted_on_the_binding(
        self, authn: Authn, credential: Credential, name: str, identifier: str, target: Target
    ) -> None:
        """Contract: 8 A4."""
        before = await make_mapping(authn, name, identifier, target.port)
        target.answer = Answer(status=404)
        await authn.map(credential, name)
        assert (await authn.request("GET", f"/v1/bindings/{name}")).json() == before
        target.answer = Answer()
        await authn.map(credential, name)
        shown = (await authn.request("GET", f"/v1/bindings/{name}")).json()
        assert list(shown)[-1] == "last_auth"
        assert TIME.fullmatch(shown.pop("last_auth"))
        assert shown == before

    async def test_a_certificate_without_alternative_names_is_noted_once(
        self, authn: Authn, authority: Authority, name: str, identifier: str, target: Target
    ) -> None:
        """Contract: 4.2, step 9."""
        bare = authority.issue(der.name(("C", "GR"), ("CN", name)))
        named = authority.issue(der.name(("CN", name)), names=[x509.DNSName("x")])
        await make_mapping(authn, name, identifier, target.port)
        for _ in range(2):
            assert (await authn.map(bare, name)).is_success
        await make_mapping(authn, f"{name}-2", f"CN={name}", target.port)
        assert (await authn.map(named, f"{name}-2")).is_success
        database = sqlite3.connect(str(authn.settings["database_url"]).removeprefix("sqlite://"))
        rows = database.execute(
            "SELECT binding_auth_identifier FROM bindings_missing_ip_san"
            " WHERE binding_auth_identifier LIKE ?",
            [f"%{name}%"],
        ).fetchall()
        database.close()
        assert rows == [(identifier,)]


class TestVerification:
    """Contract: 4.2, step 2; each row of it is in `x509/test_what_each_certificate_gets.py`."""

    async def test_a_certificate_is_verified_before_anything_is_looked_for(
        self,
        start_authn: StartAuthn,
        authority: Authority,
        name: str,
        identifier: str,
        target: Target,
    ) -> None:
        authn = await start_authn()
        await make_mapping(authn, name, identifier, target.port)
        subject = der.name(("C", "GR"), ("CN", name))
        with CrlServer() as server:
            urls = [server.url("/crl")]
            good, revoked = (authority.issue(subject, crl_urls=urls) for _ in range(2))
            server.publish("/crl", authority.crl(revoked=[revoked.certificate]))
            assert (await authn.map(good, name)).json() == {"token": "the-token"}
            answer = await authn.map(revoked, "none")
            message = "Your certificate has been revoked"
            assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", message)
            away = authority.issue(subject, crl_urls=[server.url("/none")])
            answer = await authn.map(away, "none")
            message = "Internal Error: Unable to parse CRL Data"
            assert_authn_error(answer, 500, "INTERNAL SERVER ERROR", message)
        assert len(target.asked) == 1
