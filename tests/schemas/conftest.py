"""What checks of schemas need: a validation process."""

from collections.abc import AsyncIterator

import pytest_asyncio

from ams.schemas.process import ValidationProcess


@pytest_asyncio.fixture
async def process() -> AsyncIterator[ValidationProcess]:
    """A validation process that has not started, and ends with the test."""
    process = ValidationProcess()
    yield process
    await process.aclose()


@pytest_asyncio.fixture(scope="session")
async def shared_process() -> AsyncIterator[ValidationProcess]:
    """A validation process for tests that only ask it what is wrong."""
    process = ValidationProcess()
    yield process
    await process.aclose()
