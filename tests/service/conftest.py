"""The sample service, shared by all tests that leave it as it was."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.service.service import MAX_BODY, Service


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
