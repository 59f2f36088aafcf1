"""The sample service, shared by all tests that leave it as it was; requests to strangers."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from ams.service.outgoing import Outgoing
from ams.service.settings_sections import OutgoingSettings
from tests.certificates import Certificates
from tests.service.resolver import Resolver
from tests.service.service import MAX_BODY, Service

#: Where the receivers of these tests are.
LOOPBACK = ["127.0.0.0/8"]


@pytest_asyncio.fixture(scope="package")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """In a process of its own; bodies have at most `MAX_BODY` bytes."""
    service = Service(
        tmp_path_factory.mktemp("sample"), AMS_SERVER__MAX_REQUEST_BYTES=str(MAX_BODY)
    )
    yield await service.start()
    service.process.kill()


@pytest_asyncio.fixture(scope="package")
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client as client:
        yield client


@pytest.fixture
async def outgoing(certificates: Certificates) -> AsyncIterator[Outgoing]:
    """May connect to this machine, and trusts its test CA."""
    outgoing = Outgoing(
        OutgoingSettings(allow_private_addresses=LOOPBACK, ca_file=str(certificates.ca))
    )
    yield outgoing
    await outgoing.close()


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    return Resolver(monkeypatch)
