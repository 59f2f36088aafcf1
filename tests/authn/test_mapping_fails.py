"""Services that give no token: it is 500, and the reason is in the log only.

Contract: authn 6.5, 8 A20 and B6 to B10.
"""

import asyncio
import gzip
import threading
from urllib.parse import quote

import httpx
import pytest

from authn.retrieval import MOST_CONNECTIONS
from tests.authn.authority import Credential
from tests.authn.conftest import StartAuthn
from tests.authn.make import make_mapping
from tests.authn.node import Authn, assert_authn_error
from tests.authn.target import Answer, Target
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.processes import free_port

FAILED = "Internal Error: Backend error"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"SECRET", status=401), "it answers 401"),
        (Answer(b"SECRET", status=404), "it answers 404"),
        (Answer(b"SECRET", status=500), "it answers 500"),
        (Answer(b"SECRET, no JSON"), "its answer is no JSON"),
        (Answer(b""), "its answer is no JSON"),
        (Answer(b'["SECRET"]'), "its answer is no JSON object"),
        (Answer(b'{"token": null}'), "the retrieval field of its answer is no text"),
        (Answer(b'{"token": 5}'), "the retrieval field of its answer is no text"),
        (Answer(b'{"token": ""}'), "the retrieval field of its answer is no text"),
        (Answer(b'{"token": "SECRET"}' + b" " * (1 << 20)), "its answer is too long"),
        (Answer(b"[" * 100_000), "its answer is no JSON"),
        (
            Answer(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}),
            "its answer is compressed, though nobody asked for that",
        ),
        (
            Answer(status=302, headers={"Location": "https://localhost/SECRET"}),
            "it redirects to another host",
        ),
        (
            Answer(status=307, headers={"Location": "http://127.0.0.1/SECRET"}),
            "it redirects to another host",
        ),
        (Answer(status=302, headers={"Location": "/again"}), "it redirects without end"),
        (Answer(status=302), "it answers 302"),
    ],
)
async def test_an_answer_without_a_token(
    authn: Authn,
    credential: Credential,
    name: str,
    identifier: str,
    target: Target,
    answer: Answer,
    reason: str,
) -> None:
    method = {"headers": {"x-api-key": f"SECRET-{name}"}}
    await make_mapping(authn, name, identifier, target.port, method=method)
    target.answer = answer
    response = await authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)
    await eventually(lambda: f'"port":{target.port},"reason":"{reason}"' in authn.log())
    assert "SECRET" not in authn.log()


async def test_a_missing_field_is_named(
    authn: Authn, credential: Credential, name: str, identifier: str, target: Target
) -> None:
    await make_mapping(authn, name, identifier, target.port)
    target.says({"error": "SECRET"})
    message = (
        "Internal Error: The specified retrieval field: `token` was not found in the response"
        " body of the service type"
    )
    response = await authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", message)


async def test_a_redirect_on_the_host_is_followed(
    authn: Authn, credential: Credential, name: str, identifier: str, target: Target
) -> None:
    await make_mapping(authn, name, identifier, target.port)
    target.answer = Answer(b"moved", status=301, headers={"Location": "/elsewhere"})
    target.by_path["/elsewhere"] = Answer()
    assert (await authn.map(credential, name)).json() == {"token": "the-token"}
    assert [asked.headers["x-api-key"] for asked in target.asked] == ["secret"] * 2


async def test_no_log_has_a_secret_that_a_service_repeats(
    start_authn: StartAuthn,
    credential: Credential,
    name: str,
    identifier: str,
    target: Target,
) -> None:
    """Not even the most talkative one, of the libraries below."""
    paths = {"ams": "/{{identifier}}?key={{access_key}}"}
    authn = await start_authn(verify_certificate=False, service_types_paths=paths)
    authn.process.kill()
    with authn.config.open("a") as config:
        config.write('[log]\nlevel = "debug"\n')
    await authn.start()
    method = {"headers": None, "access_key": "very-secret"}
    await make_mapping(authn, name, identifier, target.port, auth_method="api-key", method=method)
    location = "/elsewhere?key=very-secret"
    target.answer = Answer(status=301, headers={"Location": location})
    target.by_path[location] = Answer(b"very-secret", headers={"X-Secret": "very-secret"})
    response = await authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)
    await eventually(lambda: "its answer is no JSON" in authn.log())
    assert "very-secret" not in authn.log()


async def test_a_service_that_is_away(
    authn: Authn, credential: Credential, name: str, identifier: str
) -> None:
    await make_mapping(authn, name, identifier, free_port())
    response = await authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)


async def test_a_service_that_is_slow_is_given_up(
    odd_authn: Authn, credential: Credential, name: str, identifier: str, target: Target
) -> None:
    await make_mapping(odd_authn, name, identifier, target.port, type="custom")
    target.answer = Answer(pause=threading.Event())
    response = await odd_authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)
    await eventually(lambda: '"reason":"no answer in time"' in odd_authn.log())


async def test_a_service_whose_certificate_is_of_an_unknown_authority(
    start_authn: StartAuthn,
    odd_authn: Authn,
    credential: Credential,
    name: str,
    identifier: str,
    target: Target,
) -> None:
    """Contract: 8 B13; unless that is switched off."""
    target.says({"token": "t", "api_key": "t"})
    authn = await start_authn(verify_certificate=False, ca_file="")
    await make_mapping(authn, name, identifier, target.port)
    response = await authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)
    assert target.asked == []
    await make_mapping(odd_authn, name, identifier, target.port, type="custom")
    assert (await odd_authn.map(credential, name)).is_success
    assert "authn.verify_ssl is off" in odd_authn.log()


@pytest.mark.parametrize("kind", ["ams", "web-api"])
async def test_a_type_without_a_field_or_a_path(
    odd_authn: Authn, credential: Credential, identifier: str, kind: str, name: str
) -> None:
    """Contract: 6.1."""
    await make_mapping(odd_authn, name, identifier, free_port(), type=kind)
    response = await odd_authn.map(credential, name)
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)


@pytest.mark.parametrize("host", ["a b", "[", "user@host", "a%2Fb"])
async def test_a_host_that_is_none(
    authn: Authn, credential: Credential, name: str, identifier: str, host: str
) -> None:
    await make_mapping(authn, name, identifier, free_port(), host=host)
    response = await authn.map(credential, name, quote(host))
    assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)


async def test_headers_that_can_not_be_sent(
    authn: Authn, credential: Credential, name: str, identifier: str, target: Target
) -> None:
    for number, headers in enumerate(({"a b": "c"}, {"ü": "c"}, {"a": "b\r\nc: d"})):
        called = f"{name}-{number}"
        await make_mapping(authn, called, identifier, target.port, method={"headers": headers})
        response = await authn.map(credential, called)
        assert_authn_error(response, 500, "INTERNAL SERVER ERROR", FAILED)
    assert target.asked == []


async def test_one_that_is_slow_keeps_nobody_else_waiting(
    authn: Authn, credential: Credential, name: str, identifier: str, target: Target
) -> None:
    await make_mapping(authn, name, identifier, target.port)
    held = threading.Event()
    target.answer = Answer(pause=held)
    slow = [asyncio.create_task(authn.map(credential, name)) for _ in range(5)]
    await eventually(lambda: len(target.asked) == 5)
    assert (await authn.request("GET", f"/v1/bindings/{name}")).is_success
    held.set()
    assert {answer.status_code for answer in await asyncio.gather(*slow)} == {200}


async def test_a_service_that_hangs_takes_no_connections_from_others(
    start_authn: StartAuthn,
    certificates: Certificates,
    credential: Credential,
    name: str,
    identifier: str,
    target: Target,
) -> None:
    authn = await start_authn(verify_certificate=False, retrieval_seconds=60, answer_seconds=60)
    target.answer = Answer(pause=threading.Event())
    await make_mapping(authn, name, identifier, target.port)
    limits = httpx.Limits(max_connections=None)
    transport = httpx.AsyncHTTPTransport(verify=authn.tls_with(credential), limits=limits)
    with Target(certificates) as other:
        await make_mapping(authn, f"{name}-2", identifier, other.port)
        async with httpx.AsyncClient(base_url=authn.url, transport=transport, timeout=60) as client:
            path = f"/v1/service-types/{name}/hosts/127.0.0.1:authx509"
            hanging = [asyncio.create_task(client.get(path)) for _ in range(150)]
            await eventually(lambda: len(target.asked) == MOST_CONNECTIONS, within=30)
            async with asyncio.timeout(20):
                assert (await authn.map(credential, f"{name}-2")).is_success
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
