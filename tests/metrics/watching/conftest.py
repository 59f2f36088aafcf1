"""The platform that Prometheus watches, for all tests of alerts and dashboards."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.metrics.watching.platform import Platform, run_platform
from tests.metrics.watching.shipped import CONFIGURATION, FOLDER
from tests.prometheus import Prometheus, installed
from tests.servers import MissingPart


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Prometheus and its tool; where everything must be there it is a failure if they are not."""
    try:
        for program in ("prometheus", "promtool"):
            installed(program)
    except MissingPart as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def prometheus() -> Iterator[Prometheus]:
    """A Prometheus with the rules as they are, which has nothing to watch."""
    server = Prometheus()
    server.configuration.write_text(
        CONFIGURATION.read_text()
        .partition("scrape_configs:")[0]
        .replace("rules/*.yml", f"{FOLDER}/rules/*.yml")
    )
    with server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def platform(
    programs: None, redis_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """A platform with some load, and Prometheus that watches it each second."""
    async with run_platform(tmp_path_factory.mktemp("platform"), redis_binary) as platform:
        yield platform
