"""The pages of all processes: their form, and that each figure is documented."""

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
from cryptography.x509 import load_pem_x509_certificate
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from tests.api.client import Project
from tests.certificates import make_certificates
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.exporter import Exporter, figures_at, promtool_says
from tests.node import Node

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def names_shown(page: str) -> set[str]:
    """What a page tells."""
    return set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))


async def use(project: Project) -> None:
    """Leaves something to tell of each kind."""
    await project.publish("t", "one", "two")
    assert len(await project.pull("s", 10)) == 2
    await project.read("s", 10)
    await project.request("GET", "/topics/nothing")
    await project.node.request("GET", "/no/route")


async def test_promtool_has_nothing_to_say_about_a_broker(project: Project, promtool: str) -> None:
    await use(project)
    assert promtool_says(promtool, figures_at(project.node.http).page) == ""


async def test_promtool_has_nothing_to_say_about_the_exporter(
    project: Project, exporter: Exporter, promtool: str
) -> None:
    await use(project)
    assert promtool_says(promtool, exporter.figures().page) == ""


def test_no_help_has_what_the_formats_escape_in_different_ways() -> None:
    helps = [line.split("|")[-2] for line in PAGE.read_text().splitlines() if line[:3] == "| `"]
    assert len(helps) > 50
    assert not [text for text in helps if '"' in text or "\\" in text]


async def test_promtool_would_find_a_fault(promtool: str) -> None:
    assert "counter metrics should have" in promtool_says(
        promtool, "# HELP a_b b\n# TYPE a_b counter\na_b 1\n"
    )


async def test_whoever_asks_for_openmetrics_gets_it(project: Project, exporter: Exporter) -> None:
    await use(project)
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in (f"{project.node.http}/metrics", f"{exporter.url}/metrics"):
            answer = await client.get(url, headers={"accept": OPENMETRICS})
            assert answer.headers["content-type"].startswith("application/openmetrics-text")
            # It ships without types.
            parsed = list(openmetrics(answer.text))  # type: ignore[no-untyped-call]
            kinds = {family.name: family.type for family in parsed}
            assert kinds["process_cpu_seconds"] == "counter"
            plain = await client.get(url, headers={"accept": "text/plain"})
            assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "# EOF" not in plain.text


async def test_every_figure_is_documented_and_every_documented_one_is_there(
    project: Project, exporter: Exporter
) -> None:
    """But for those that need a replica, and those of push and AuthN."""
    await use(project)
    shown = set()
    for page in (figures_at(project.node.http).page, exporter.figures().page):
        shown |= names_shown(page)
    documented = set(
        re.findall(r"^\| `(\w+)` \| (?:counter|gauge)", PAGE.read_text(), re.MULTILINE)
    )
    documented |= set(re.findall(r"^\| `(\w+)` \| histogram", PAGE.read_text(), re.MULTILINE))
    others = {name for name in documented if name.startswith(("ams_push_", "ams_authn_"))}
    assert shown == documented - {"ams_redis_replica_lag_bytes"} - others


async def test_no_label_holds_an_address_of_a_user_a_token_or_a_message(
    project: Project, exporter: Exporter
) -> None:
    user = await project.user("consumer")
    await project.publish("t", "c2VjcmV0LWRhdGE=")
    pages = figures_at(project.node.http).page + exporter.figures().page
    for secret in (user.token, user.name, "@", "c2VjcmV0", project.node.service_token):
        assert secret not in pages


async def test_requests_are_counted_by_route_and_status(project: Project) -> None:
    def count(route: str, status: int) -> float:
        name = "ams_http_request_duration_seconds_count"
        return figures_at(project.node.http).get(name, route=route, status=status)

    cases = [("topics:publish", 200), ("topics:show", 404), ("none", 404)]
    before = [count(*case) for case in cases]
    await use(project)
    assert [count(*case) - was for case, was in zip(cases, before, strict=True)] == [1, 1, 1]


def test_the_page_is_what_the_code_says() -> None:
    # In a process of its own: other tests have made figures here.
    command = [sys.executable, "-m", "ams.cli.metrics_reference"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert PAGE.read_text() == made, "run `make docs`"


async def test_a_broker_tells_what_it_does(node: Node, project: Project) -> None:
    before = figures_at(node.http)
    await use(project)
    now = figures_at(node.http)

    def grown(name: str, **labels: object) -> float:
        return now.get(name, **labels) - before.get(name, **labels)

    assert grown("ams_publish_messages_sum") == 2
    assert grown("ams_publish_messages_count") == 1
    assert grown("ams_pull_messages_sum") == 4
    assert grown("ams_group_commit_publishes_sum") == 1
    assert grown("ams_redis_round_trip_seconds_count", purpose="publish") == 1
    assert grown("ams_redis_round_trip_seconds_count", purpose="other") >= 3
    assert grown("ams_sql_seconds_count", kind="reading") >= 1
    assert grown("ams_cache_lookups_total", cache="subscriptions", result="hit") >= 2
    assert grown("ams_cache_lookups_total", cache="topics", result="miss") >= 1
    assert now("ams_workers") == 1
    await eventually(lambda: figures_at(node.http)("ams_open_connections") >= 1)
    await eventually(lambda: figures_at(node.http)("ams_event_loop_lag_seconds_count") >= 1)
    assert now("process_resident_memory_bytes") > 1e6
    (build,) = now.labels("ams_build_info")
    assert build["service"] == "ams"


async def test_a_broker_tells_of_the_certificate_that_it_shows_though_there_is_a_newer_file(
    start_node: StartNode, tmp_path: Path
) -> None:
    def end() -> float:
        name = "ams_certificate_expiry_timestamp_seconds"
        return figures_at(node.http)(name, setting="server.certificate", subject="localhost")

    soon = make_certificates(tmp_path)
    node = await start_node(
        server={"certificate": str(soon.certificate), "certificate_key": str(soon.key)}
    )
    ends_soon = load_pem_x509_certificate(soon.certificate.read_bytes()).not_valid_after_utc
    assert end() == ends_soon.timestamp()
    make_certificates(tmp_path, timedelta(days=365))
    assert end() == ends_soon.timestamp()
    await node.restart()
    assert end() > ends_soon.timestamp()
