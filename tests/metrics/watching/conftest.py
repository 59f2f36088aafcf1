"""The platform that Prometheus watches, for all tests of alerts and dashboards."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import needed
from tests.metrics.watching.platform import Platform, run_platform
from tests.metrics.watching.shipped import CONFIGURATION, FOLDER
from tests.prometheus import Prometheus, program


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Prometheus and its tool."""
    for name in ("prometheus", "promtool"):
        needed(partial(program, name))


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
