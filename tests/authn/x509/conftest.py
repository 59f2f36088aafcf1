"""What the tests of certificates share: an authority, a server's certificate, a server of CRLs."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509

from ams.service.outgoing import Outgoing
from ams.service.settings_sections import OutgoingSettings
from authn.x509.crl_cache import CrlCache
from authn.x509.trust_store import TrustStore
from tests.authn.authority import SERVER, Authority, pem
from tests.authn.crl_server import CrlServer


@pytest.fixture(scope="session")
def root() -> Authority:
    """The authority that `store` trusts."""
    return Authority.root("Trusted CA")


@pytest.fixture(scope="session")
def server_file(root: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's certificate and its key."""
    credential = root.issue(usages=(SERVER,), names=[x509.DNSName("localhost")])
    return credential.write(tmp_path_factory.mktemp("server"), "server.pem")


@pytest.fixture
def folder(root: Authority, tmp_path: Path) -> Path:
    """A folder of trusted CAs: the root's alone."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "root.pem").write_bytes(pem(root.certificate))
    return folder


@pytest.fixture
def store(folder: Path) -> TrustStore:
    return TrustStore(folder)


@pytest.fixture
def crl_server() -> Iterator[CrlServer]:
    with CrlServer() as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def outgoing() -> AsyncIterator[Outgoing]:
    """May connect to this machine."""
    outgoing = Outgoing(OutgoingSettings(allow_private_addresses=["127.0.0.0/8"]))
    yield outgoing
    await outgoing.close()


@pytest_asyncio.fixture
async def crls(outgoing: Outgoing) -> AsyncIterator[CrlCache]:
    cache = CrlCache(outgoing)
    yield cache
    await cache.close()
