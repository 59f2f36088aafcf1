"""The pages of AuthN and of push: their form, and what they tell of certificates."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from tests.authn import der
from tests.authn.authority import DAY, Authority, Credential, self_signed
from tests.authn.node import Authn
from tests.certificates import Certificates
from tests.conftest import StartNode
from tests.exporter import Figures, promtool_says
from tests.metrics.test_pages import OPENMETRICS, PAGE, names_shown
from tests.push.workers import PushWorker
from tests.push_worker import WORKER_TOKEN, add_push_worker


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Whose certificates AuthN believes."""
    return Authority.root("Trusted CA")


@pytest_asyncio.fixture
async def authn(
    certificates: Certificates, authority: Authority, tmp_path: Path
) -> AsyncIterator[Authn]:
    authn = Authn(tmp_path, certificates, authority, {"verify_certificate": False})
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


async def figures_of(authn: Authn) -> Figures:
    return Figures((await authn.client.get("/metrics")).text)


def assert_well_formed(promtool: str, plain: str, other: str) -> None:
    """Nothing is wrong with both formats, and each figure is documented."""
    assert promtool_says(promtool, plain) == ""
    # It ships without types.
    assert list(openmetrics(other))  # type: ignore[no-untyped-call]
    documented = PAGE.read_text()
    assert [name for name in names_shown(plain) if f"| `{name}` |" not in documented] == []


async def test_nothing_is_wrong_with_the_page_of_authn(
    authn: Authn, authority: Authority, promtool: str
) -> None:
    await authn.map(None)
    await authn.map(authority.issue(der.name(("CN", 'a"b\\c'))))
    plain = (await authn.client.get("/metrics")).text
    other = await authn.client.get("/metrics", headers={"accept": OPENMETRICS})
    assert_well_formed(promtool, plain, other.text)
    assert 'a"b' not in plain


async def test_nothing_is_wrong_with_the_page_of_push(start_node: StartNode, promtool: str) -> None:
    node = await start_node(push={"enabled": True, "worker_token": WORKER_TOKEN})
    await add_push_worker(node)
    worker = PushWorker(node)
    try:
        await worker.start()
        plain = (await worker.ask("/metrics")).text
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{worker.port}/metrics"
            other = await client.get(url, headers={"accept": OPENMETRICS})
    finally:
        worker.process.kill()
    assert_well_formed(promtool, plain, other.text)
    assert "ams_push_subscriptions" in names_shown(plain)


async def test_authn_tells_what_became_of_certificates(authn: Authn, authority: Authority) -> None:
    def grown(outcome: str) -> float:
        labels = {"route": "certificates:map", "outcome": outcome}
        name = "ams_authn_mappings_total"
        return now.get(name, **labels) - before.get(name, **labels)

    before = await figures_of(authn)
    await authn.map(None)
    for _ in range(2):
        await authn.map(authority.issue(der.name(("CN", "nobody"))))
    now = await figures_of(authn)
    assert [grown(outcome) for outcome in ("no_certificate", "not_bound", "token")] == [1, 2, 0]


async def test_a_certificate_that_nobody_trusts_is_a_handshake_that_was_not_done(
    authn: Authn, authority: Authority
) -> None:
    strangers: list[Credential] = [
        self_signed(der.name(("CN", "stranger"))),
        authority.issue(der.name(("CN", "late")), valid=(-2 * DAY, -DAY)),
    ]

    def undone() -> float:
        begun, done = (f"ams_tls_handshakes_{stage}_total" for stage in ("begun", "done"))
        return figures(begun) - figures(done)

    figures = await figures_of(authn)
    assert undone() == 0
    for stranger in strangers:
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            await authn.map(stranger)
    figures = await figures_of(authn)
    assert undone() == len(strangers)
