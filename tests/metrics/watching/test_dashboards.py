"""The dashboards for Grafana: each of their queries has an answer."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.eventually import eventually
from tests.metrics.watching.platform import PATIENCE_SECONDS, Platform
from tests.metrics.watching.shipped import DASHBOARDS, documented_names, names_in
from tests.prometheus import Object, Prometheus

#: Of Grafana; the real one is four times the interval of scraping.
RATE_INTERVAL: Final = "4s"
#: What Prometheus itself says of alerts.
OF_PROMETHEUS: Final = {"up"}


def panels(dashboard: Path) -> list[Object]:
    """All panels but the rows, which hold nothing."""
    found: list[Object] = json.loads(dashboard.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries(dashboard: Path) -> list[str]:
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def test_there_is_one_of_the_platform_and_one_of_a_project() -> None:
    assert [file.name for file in DASHBOARDS] == ["ams-platform.json", "ams-project.json"]
    for file in DASHBOARDS:
        dashboard = json.loads(file.read_text())
        assert dashboard["uid"] == file.stem
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        assert variables == {"datasource"} | ({"project"} if "project" in file.stem else set())


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_panels_say_what_they_show_and_do_not_overlap(dashboard: Path) -> None:
    shown = json.loads(dashboard.read_text())["panels"]
    assert len({panel["id"] for panel in shown}) == len(shown)
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_panels_use_documented_metrics_and_recorded_ones(
    dashboard: Path, prometheus: Prometheus
) -> None:
    recorded = {rule["name"] for rule in prometheus.rules() if rule["type"] == "recording"}
    known = documented_names() | recorded | OF_PROMETHEUS
    for query in queries(dashboard):
        assert names_in(query) <= known, query


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
async def test_every_query_has_data(dashboard: Path, platform: Platform) -> None:
    def missing() -> list[str]:
        return [query for query in asked if not platform.prometheus.query(query)]

    def nothing_is_missing() -> bool:
        assert missing() == []
        return True

    asked = [
        query.replace("$__rate_interval", RATE_INTERVAL).replace("$project", platform.project.name)
        for query in queries(dashboard)
    ]
    assert asked
    assert not any("$" in query for query in asked)
    await eventually(nothing_is_missing, within=PATIENCE_SECONDS)


async def test_the_projects_to_choose_from_are_those_that_there_are(platform: Platform) -> None:
    (variable,) = (
        each
        for file in DASHBOARDS
        for each in json.loads(file.read_text())["templating"]["list"]
        if each["name"] == "project"
    )
    metric, label = variable["query"]["query"].removeprefix("label_values(")[:-1].split(", ")

    def names() -> set[str]:
        return {sample["metric"][label] for sample in platform.prometheus.query(metric)}

    await eventually(lambda: names() == {platform.project.name}, within=PATIENCE_SECONDS)
