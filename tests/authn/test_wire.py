"""Paths, authorisation, the form of answers and bodies, CORS (contract: authn 1, 7.1, 7.2)."""

import json
import platform

import httpx
import pytest

import ams
from authn.api.app import MAX_REQUEST_BYTES
from tests.authn.make import make_auth_method, make_service_type
from tests.authn.node import SERVICE_TOKEN, Authn, assert_authn_error
from tests.eventually import eventually

#: Routes 1 to 16 of the contract's table.
FOR_OPERATORS = [
    ("POST", "/v1/service-types"),
    ("GET", "/v1/service-types"),
    ("GET", "/v1/service-types/x"),
    ("PUT", "/v1/service-types/x"),
    ("DELETE", "/v1/service-types/x"),
    ("POST", "/v1/service-types/x/authm"),
    ("GET", "/v1/service-types/x/hosts/y/authm"),
    ("PUT", "/v1/service-types/x/hosts/y/authm"),
    ("DELETE", "/v1/service-types/x/hosts/y/authm"),
    ("GET", "/v1/authm"),
    ("GET", "/v1/service-types/x/hosts/y/bindings"),
    ("POST", "/v1/bindings/x"),
    ("GET", "/v1/bindings"),
    ("GET", "/v1/bindings/x"),
    ("PUT", "/v1/bindings/x"),
    ("DELETE", "/v1/bindings/x"),
]
#: Routes 17 to 19.
FOR_EVERYBODY = [
    ("GET", "/v1/service-types/x/hosts/y:authx509"),
    ("GET", "/v1/version"),
    ("GET", "/v1/health"),
]


def error_body(message: str, code: int, status: str) -> bytes:
    """Contract: 1.3, 1.4; to the byte."""
    return (
        f'{{\n "error": {{\n  "message": "{message}",\n  "code": {code},\n'
        f'  "status": "{status}"\n }}\n}}'
    ).encode()


class TestAuthorisation:
    """Contract: 1.3."""

    @pytest.mark.parametrize(("method", "path"), FOR_OPERATORS)
    @pytest.mark.parametrize("token", [None, "", "wrong", f"{SERVICE_TOKEN} "])
    async def test_without_the_service_token_it_is_401_before_all_else(
        self, authn: Authn, method: str, path: str, token: str | None
    ) -> None:
        answer = await authn.request(method, path, token=token, content=b"{")
        assert_authn_error(answer, 401, "UNAUTHORIZED", "Wrong Credentials")
        assert answer.content == error_body("Wrong Credentials", 401, "UNAUTHORIZED")

    @pytest.mark.parametrize(("method", "path"), FOR_OPERATORS)
    async def test_with_it_every_route_goes_on(self, authn: Authn, method: str, path: str) -> None:
        assert (await authn.request(method, path, content=b"{")).status_code in (200, 400, 404)

    @pytest.mark.parametrize(("method", "path"), FOR_EVERYBODY)
    async def test_routes_for_everybody_need_none(
        self, authn: Authn, method: str, path: str
    ) -> None:
        answer = await authn.request(method, path, token=None)
        assert answer.status_code in (200, 400)

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            (f"key={SERVICE_TOKEN}&key=wrong", 200),
            (f"key=wrong&key={SERVICE_TOKEN}", 401),
            (f"Key={SERVICE_TOKEN}", 401),
        ],
    )
    async def test_the_first_key_counts(self, authn: Authn, query: str, status: int) -> None:
        assert (await authn.client.get(f"/v1/bindings?{query}")).status_code == status

    async def test_the_token_may_come_in_a_header(self, authn: Authn) -> None:
        """Contract: 8 B14."""
        for token, status in ((SERVICE_TOKEN, 200), ("wrong", 401)):
            answer = await authn.client.get("/v1/bindings", headers={"x-api-key": token})
            assert answer.status_code == status

    async def test_the_token_is_in_no_log(self, authn: Authn) -> None:
        """Contract: 8 B14."""
        await authn.request("GET", "/v1/bindings")
        await eventually(lambda: '"action":"bindings:list"' in authn.log())
        assert SERVICE_TOKEN not in authn.log()


class TestPaths:
    """Contract: 1.2."""

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/"),
            ("GET", "/v1"),
            ("GET", "/v1/none"),
            ("GET", "/v1/services"),
            ("GET", "/v1/Bindings"),
            ("GET", "/v1/bindings/"),
            ("GET", "/v1/version/"),
            ("GET", "/v1/service-types/x/hosts"),
            ("GET", "/v1/service-types/x/hosts/y"),
            ("POST", "/v1/service-types/x/hosts/y"),
            ("GET", "/v1/service-types/x/hosts/y:authX509"),
            ("GET", "/v1/service-types/x/hosts/y:authx509/"),
            ("GET", "/v1/bindings/a%2Fb"),
        ],
    )
    async def test_an_unknown_one_is_404_in_plain_text(
        self, authn: Authn, method: str, path: str
    ) -> None:
        answer = await authn.request(method, path)
        assert (answer.status_code, answer.content) == (404, b"404 page not found\n")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PATCH", "/v1/bindings"),
            ("HEAD", "/v1/bindings"),
            ("HEAD", "/v1/version"),
            ("POST", "/v1/health"),
            ("PUT", "/v1/service-types"),
            ("POST", "/v1/service-types/x"),
            ("POST", "/v1/service-types/x:y"),
            ("GET", "/v1/service-types/x/authm"),
            ("POST", "/v1/service-types/x/hosts/y:authx509"),
        ],
    )
    async def test_a_wrong_method_is_405_and_empty(
        self, authn: Authn, method: str, path: str
    ) -> None:
        answer = await authn.request(method, path, token=None)
        assert (answer.status_code, answer.content) == (405, b"")
        assert not {"allow", "content-type"} & set(answer.headers)

    @pytest.mark.parametrize(
        ("path", "clean"),
        [
            ("/v1//bindings", "/v1/bindings"),
            ("//v1/bindings", "/v1/bindings"),
            ("/v1/./bindings", "/v1/bindings"),
            ("/v1/none/../bindings", "/v1/bindings"),
            ("/v1/bindings/..", "/v1"),
            ("/v1/bindings/.", "/v1/bindings"),
            ("/v1/bindings//", "/v1/bindings/"),
        ],
    )
    async def test_steps_and_doubled_slashes_are_redirected(
        self, authn: Authn, path: str, clean: str
    ) -> None:
        # httpx would clean the path of a URL itself.
        target = f"{path}?key=x&a=b".encode()
        answer = await authn.client.get("/", extensions={"target": target})
        assert (answer.status_code, answer.headers["location"]) == (301, f"{clean}?key=x&a=b")

    async def test_a_host_may_have_colons(self, authn: Authn) -> None:
        answer = await authn.request("GET", "/v1/service-types/x/hosts/a:b:8443:authx509")
        assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")


class TestBodies:
    """Contract: 1.4, 1.5."""

    async def create(self, authn: Authn, body: str | bytes) -> httpx.Response:
        return await authn.request("POST", "/v1/service-types", content=body)

    def text(self, name: str) -> str:
        return (
            f'{{"name": "{name}", "hosts": ["h"], "auth_types": ["x509"],'
            ' "auth_method": "headers", "type": "ams"}'
        )

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("", "EOF"),
            (" \n", "EOF"),
            ('{"name": "x"', "unexpected EOF"),
            ("[", "unexpected EOF"),
            ("hello", ""),
            ("{]", ""),
            ("{'a': 1}", ""),
            ('{"name": NaN}', ""),
            ("[]", "json: cannot unmarshal array"),
            ('"text"', "json: cannot unmarshal string"),
            ("5", "json: cannot unmarshal number"),
            ("true", "json: cannot unmarshal bool"),
            ('{"name": 5}', "json: cannot unmarshal number"),
            ('{"hosts": "x"}', "json: cannot unmarshal string"),
            ('{"hosts": [5]}', "json: cannot unmarshal number"),
            ('{"hosts": {"a": "b"}}', "json: cannot unmarshal object"),
            ("[" * 100_000, ""),
            ('{"name": ' + "9" * 10_000 + "}", ""),
            ("\ufeff{}", ""),
        ],
    )
    async def test_what_is_no_json_of_the_right_shape_is_400(
        self, authn: Authn, body: str, why: str
    ) -> None:
        message = assert_authn_error(await self.create(authn, body), 400, "BAD REQUEST")
        assert message.startswith(f"Poorly formatted JSON. {why}")
        assert len(message) < 200

    async def test_the_first_value_counts_and_bytes_behind_it_do_not(
        self, authn: Authn, name: str
    ) -> None:
        assert (await self.create(authn, f" {self.text(name)} }} trailing")).status_code == 201

    async def test_members_match_in_any_case_and_the_last_counts(
        self, authn: Authn, name: str
    ) -> None:
        text = self.text("first").replace('"hosts"', '"HOSTS"')
        created = await self.create(authn, f'{text[:-1]}, "Name": "{name}", "other": {{}}}}')
        assert (created.status_code, created.json()["name"]) == (201, name)

    async def test_null_leaves_texts_and_empties_lists(self, authn: Authn, name: str) -> None:
        text = self.text(name)[:-1]
        created = await self.create(authn, f'{text}, "name": null}}')
        assert (created.status_code, created.json()["name"]) == (201, name)
        answer = await self.create(authn, f'{text}, "hosts": null}}')
        assert assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY").endswith("field: hosts")
        answer = await self.create(authn, f'{text}2, "name": "{name}2", "hosts": [null]}}')
        assert answer.status_code == 400

    async def test_a_body_of_null_is_an_empty_one(self, authn: Authn) -> None:
        answer = await self.create(authn, "null")
        assert assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY").endswith("field: name")

    @pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
    async def test_the_content_type_does_not_matter(
        self, authn: Authn, name: str, content_type: str
    ) -> None:
        """Contract: 1.1."""
        answer = await authn.request(
            "POST",
            "/v1/service-types",
            content=self.text(name),
            headers={"content-type": content_type},
        )
        assert answer.status_code == 201

    @pytest.mark.parametrize("number", ["9.5", "9.0", "1e2", '"9"', "true", str(2**63)])
    async def test_a_port_is_a_whole_number(self, authn: Authn, name: str, number: str) -> None:
        await make_service_type(authn, name)
        answer = await authn.request(
            "POST",
            f"/v1/service-types/{name}/authm",
            content=f'{{"host": "host-1", "headers": {{"a": "b"}}, "port": {number}}}',
        )
        message = assert_authn_error(answer, 400, "BAD REQUEST")
        assert "into field port" in message

    async def test_answers_are_indented_by_one_space_and_escaped(
        self, authn: Authn, name: str
    ) -> None:
        await make_service_type(authn, name, hosts=["host-1", "<ü&\u2028>"])
        shown = await authn.request("GET", f"/v1/service-types/{name}")
        text = shown.content.decode()
        assert text.startswith(f'{{\n "name": "{name}",\n "hosts": [\n  "host-1",\n  ')
        assert '"\\u003cü\\u0026\\u2028\\u003e"\n ],\n' in text
        assert text.endswith('"type": "ams"\n}')
        created = await make_auth_method(authn, name, headers={"b": "1", "a": "2"})
        shown = await authn.request("GET", f"/v1/service-types/{name}/hosts/host-1/authm")
        assert shown.content.endswith(b'"headers": {\n  "a": "2",\n  "b": "1"\n }\n}')
        assert shown.json() == created

    async def test_half_a_pair_of_surrogates_becomes_a_replacement(
        self, authn: Authn, name: str
    ) -> None:
        created = await self.create(authn, self.text(name).replace('"h"', r'"\ud800x"'))
        assert created.json()["hosts"] == ["\ufffdx"]

    async def test_a_body_that_is_too_large_is_refused(self, authn: Authn) -> None:
        """Contract: 8 B16."""
        answer = await self.create(authn, b" " * (MAX_REQUEST_BYTES + 1))
        assert_authn_error(answer, 413, "REQUEST ENTITY TOO LARGE")

    async def test_a_text_that_fits_no_column_is_refused(self, authn: Authn, name: str) -> None:
        answer = await self.create(authn, self.text(name * 100))
        assert_authn_error(answer, 400, "BAD REQUEST")


class TestCors:
    """Contract: 1.6."""

    async def ask(self, authn: Authn, path: str = "/none", **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await authn.client.request("OPTIONS", path, headers=sent)

    async def test_any_origin_may_read_any_answer(self, authn: Authn) -> None:
        for path in ("/v1/health", "/none", "/v1/bindings"):
            answer = await authn.client.get(path, headers={"origin": "https://x"})
            assert answer.headers["access-control-allow-origin"] == "*"
            answer = await authn.client.get(path)
            assert "access-control-allow-origin" not in answer.headers

    async def test_preflight_is_answered_for_any_path(self, authn: Authn) -> None:
        assert (await self.ask(authn)).status_code == 200
        assert (await self.ask(authn, origin="x")).status_code == 400
        for method, status in (("PUT", 200), ("PATCH", 405)):
            answer = await self.ask(authn, origin="x", access_control_request_method=method)
            assert answer.status_code == status
        assert (await self.ask(authn, origin="x", access_control_request_method="PUT")).headers[
            "access-control-allow-methods"
        ] == "PUT"

    @pytest.mark.parametrize("header", ["Content-Type", "Content-AuthModel", "Accept"])
    async def test_these_headers_may_be_sent(self, authn: Authn, header: str) -> None:
        """Contract: 8 A15."""
        answer = await self.ask(
            authn,
            origin="x",
            access_control_request_method="POST",
            access_control_request_headers=header.lower(),
        )
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-headers"] == header

    async def test_others_may_not(self, authn: Authn) -> None:
        answer = await self.ask(
            authn,
            origin="x",
            access_control_request_method="POST",
            access_control_request_headers="x-evil",
        )
        assert answer.status_code == 403


class TestAboutItself:
    """Contract: 7.1, 7.2."""

    async def test_the_version_tells_its_release_to_operators_only(self, authn: Authn) -> None:
        expected = ["build_time", "golang", "compiler", "os", "architecture"]
        answer = await authn.request("GET", "/v1/version", token=None)
        shown = answer.json()
        assert [member for member in shown if member != "distro"] == expected
        assert (shown["build_time"], shown["os"]) == ("Unknown", "linux")
        assert shown["architecture"] == platform.machine()
        assert answer.headers.get_list("content-type") == ["application/json; charset=utf-8"]
        assert "release" not in (await authn.request("GET", "/v1/version", token="x")).json()
        shown = (await authn.request("GET", "/v1/version")).json()
        assert shown["release"] == ams.__version__

    async def test_health_is_null(self, authn: Authn) -> None:
        answer = await authn.request("GET", "/v1/health", token=None)
        assert (answer.status_code, answer.content) == (200, b"null")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"

    async def test_it_answers_what_operators_tools_ask(self, authn: Authn) -> None:
        assert (await authn.client.get("/healthz")).json() == {"status": "ok"}
        ready = (await authn.client.get("/readyz")).json()
        assert ready == {"status": "ok", "checks": {"database": "ok"}}
        assert (await authn.client.get("/metrics")).is_success

    async def test_requests_are_logged(self, authn: Authn, name: str) -> None:
        await authn.client.get(f"/v1/bindings/{name}", headers={"x-request-id": name})

        def logged() -> list[dict[str, object]]:
            lines = [json.loads(line) for line in authn.log().splitlines() if name in line]
            return [line for line in lines if line["type"] == "request_log"]

        (line,) = await eventually(logged)
        assert (line["action"], line["status_code"]) == ("bindings:show", 401)
