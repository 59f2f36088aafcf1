"""docs/client.md: every example is run, and nothing public is left out."""

import json
import re
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import ams.client
from ams.client import Client, OutgoingMessage, ServiceError
from ams.client.resource import ListMethod, Method, Resource
from tests.certificates import Certificates
from tests.client.odd_server import Answer, OddServer, Request
from tests.node import Node

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def weather(client: Client) -> Iterator[None]:
    """What the examples take for granted: a project, and a last message that says bye."""
    client.projects.create("weather")
    client.topics.create("weather", "temperatures")
    client.subscriptions.create("weather", "forecast", "temperatures")
    messages = [OutgoingMessage(b"21.5"), OutgoingMessage(b"bye")]
    client.topics.publish("weather", "temperatures", messages)
    yield
    client.projects.delete("weather")
    # Only one of the examples makes it.
    with suppress(ServiceError):
        client.users.delete("sensor-7")


@pytest.fixture
def authn(node: Node, certificates: Certificates) -> Iterator[OddServer]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    tls.verify_mode = ssl.CERT_OPTIONAL
    with OddServer(tls) as server:
        token = node.service_token
        # To every question: whoever reads one of these ignores the others.
        given = {"token": token, "access_token": token, "expires_in": 900}

        def give(request: Request) -> Answer:
            known = request.certificate or "Authorization" in request.headers
            return Answer(body=json.dumps(given).encode()) if known else Answer(401)

        server.otherwise = give
        yield server


@pytest.mark.usefixtures("weather")
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_works(
    number: int,
    node: Node,
    authn: OddServer,
    certificates: Certificates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for file_name in ("token.txt", "access-token.txt"):
        (tmp_path / file_name).write_text(f"{node.service_token}\n")
    for name, file in (
        ("hostcert.pem", certificates.certificate),
        ("hostkey.pem", certificates.key),
        ("authn-ca.pem", certificates.ca),
    ):
        (tmp_path / name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMS_TOKEN", node.service_token)
    code = EXAMPLES[number].replace("https://broker.example.org", node.http)
    code = code.replace("https://authn.example.org:8443", authn.url)
    # In a thread, because an example may have an event loop of its own.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(exec, compile(code, f"example {number}", "exec"), {}).result(30)


def test_every_method_and_error_is_named() -> None:
    with Client("http://127.0.0.1:1") as client:
        resources = {
            name: value for name, value in vars(client).items() if not name.startswith("_")
        }
    for name, resource in resources.items():
        assert isinstance(resource, Resource)
        methods = [
            method
            for method, value in vars(type(resource)).items()
            if isinstance(value, Method | ListMethod)
        ]
        row = re.search(rf"^\| `client\.{name}` \| (.*) \|$", PAGE, re.MULTILINE)
        assert row, f"client.{name} is not in the table"
        assert sorted(row[1].split(", ")) == sorted(methods)
    errors = {
        name
        for name in ams.client.__all__
        if isinstance(getattr(ams.client, name), type)
        and issubclass(getattr(ams.client, name), Exception)
    }
    assert {name for name in errors if f"`{name}`" not in PAGE} == set()
