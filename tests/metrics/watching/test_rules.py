"""The rules that the project gives to Prometheus, and what must come with them."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.metrics.watching.shipped import (
    CONFIGURATION,
    ROOT,
    RULES,
    documented_names,
    names_in,
)
from tests.prometheus import Object, Prometheus, promtool

UNIT_TESTS: Final = sorted((ROOT / "tests" / "metrics" / "alerts").glob("*.yml"))
#: What Prometheus itself knows of each target.
OF_PROMETHEUS: Final = {"up"}
_CASE: Final = re.compile(r"^ +alertname: (\w+)\n +exp_alerts:( \[\])?$", re.MULTILINE)
#: Questions that the section of each alert answers.
ANSWERS: Final = ("- Look", "- Do")


@pytest.fixture
def rules(prometheus: Prometheus) -> list[Object]:
    found = prometheus.rules()
    assert found
    return found


@pytest.fixture
def alerts(rules: list[Object]) -> list[Object]:
    return [rule for rule in rules if rule["type"] == "alerting"]


def section(alert: str) -> str:
    """What the operator's guide says of an alert."""
    page = (ROOT / "docs" / "operations.md").read_text()
    _, found, rest = page.partition(f"\n### {alert}\n")
    assert found, f"docs/operations.md has no section {alert}"
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_rules_and_the_configuration_are_valid() -> None:
    assert "FAILED" not in promtool("check", "rules", *RULES)
    assert f"{len(RULES)} rule files found" in promtool("check", "config", CONFIGURATION)


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should(file: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", file)


def test_every_alert_has_a_test_that_it_fires_and_one_that_it_does_not(
    alerts: list[Object],
) -> None:
    tested = {case for file in UNIT_TESTS for case in _CASE.findall(file.read_text())}
    names = [alert["name"] for alert in alerts]
    assert tested == {(name, quiet) for name in names for quiet in ("", " []")}


def test_every_file_of_rules_has_tests() -> None:
    assert [file.name for file in UNIT_TESTS] == [file.name for file in RULES]


def test_every_alert_says_how_bad_it_is_and_what_to_do(alerts: list[Object]) -> None:
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description", "runbook"}
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['name'].lower()}"
        text = section(alert["name"])
        assert all(answer in text for answer in ANSWERS), alert["name"]
        assert ("**Critical" in text) == (alert["labels"]["severity"] == "critical"), alert["name"]


def test_no_section_is_of_an_alert_that_does_not_exist(alerts: list[Object]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    sections = re.findall(r"^### (Ams\w+)$", page, re.MULTILINE)
    assert sorted(sections) == sorted(alert["name"] for alert in alerts)


def test_rules_use_documented_metrics_and_recorded_ones(rules: list[Object]) -> None:
    recorded = {rule["name"] for rule in rules if rule["type"] == "recording"}
    known = documented_names() | recorded | OF_PROMETHEUS
    for rule in rules:
        assert names_in(rule["query"]) <= known, rule["name"]


def test_no_alert_waits_for_a_job_that_is_called_otherwise(rules: list[Object]) -> None:
    named = {job for rule in rules for job in re.findall(r'job="([^"]+)"', rule["query"])}
    configured = set(re.findall(r"ams-[a-z]+", CONFIGURATION.read_text()))
    assert named <= configured
