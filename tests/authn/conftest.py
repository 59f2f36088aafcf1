"""AuthN services for tests, and what they are asked for."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from cryptography import x509

from tests.authn import der
from tests.authn.authority import Authority, Credential
from tests.authn.node import Authn
from tests.authn.target import Target
from tests.certificates import Certificates
from tests.mariadb import MariaDB

_numbers = count(1)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority whose certificates AuthN believes."""
    return Authority.root("Trusted CA")


class StartAuthn(Protocol):
    """Starts an AuthN; keywords are settings of `[authn]`."""

    def __call__(self, **settings: object) -> Awaitable[Authn]: ...


@pytest_asyncio.fixture
async def start_authn(
    tmp_path: Path, certificates: Certificates, authority: Authority
) -> AsyncIterator[StartAuthn]:
    """A factory of AuthN services that end with the test."""
    async with AsyncExitStack() as closing:

        async def start(**settings: object) -> Authn:
            folder = tmp_path / f"authn-{next(_numbers)}"
            folder.mkdir()
            authn = Authn(folder, certificates, authority, settings)
            closing.push_async_callback(authn.close)
            authn.migrate()
            return await authn.start()

        yield start


@pytest_asyncio.fixture(scope="session", params=["sqlite", "mariadb"])
async def any_authn(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Authn]:
    """AuthN on SQLite, and on MariaDB: what holds must hold on both."""
    settings: dict[str, object] = {"verify_certificate": False}
    if request.param == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb")
        settings["database_url"] = server.create_database()
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


@pytest_asyncio.fixture(scope="session")
async def authn(
    certificates: Certificates, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Authn]:
    """An AuthN on SQLite, shared by all tests that use names of their own."""
    folder = tmp_path_factory.mktemp("authn")
    authn = Authn(folder, certificates, authority, {"verify_certificate": False})
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


@pytest_asyncio.fixture(scope="session")
async def odd_authn(
    certificates: Certificates, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Authn]:
    """As `authn`, with unusual settings for the services behind it, which it gives little time."""
    settings: dict[str, object] = {
        "verify_certificate": False,
        "verify_ssl": False,
        "ca_file": "",
        "retrieval_seconds": 2.0,
        "supported_auth_methods": ["headers", "api-key", "magic"],
        "service_types_paths": {
            "custom": "/u/{{identifier}}?k={{access_key}}&{{identifier}}",
            "ams": "/{{identifier}}",
        },
        "service_types_retrieval_fields": {"custom": "api_key", "web-api": "token"},
    }
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"name-{next(_numbers)}"


@pytest.fixture
def target(certificates: Certificates) -> Iterator[Target]:
    """A service that has tokens for AuthN to ask for."""
    with Target(certificates) as target:
        yield target


@pytest.fixture
def credential(authority: Authority, name: str) -> Credential:
    """A client's certificate and key."""
    return authority.issue(
        der.name(("C", "GR"), ("CN", name)), names=[x509.DNSName("client.example.org")]
    )


@pytest.fixture
def identifier(name: str) -> str:
    """By which the client of `credential` is bound."""
    return f"CN={name},C=GR"
