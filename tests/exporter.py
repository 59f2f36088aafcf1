"""A real exporter, and figures as Prometheus reads them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.eventually import eventually_sync
from tests.node import clean_environment
from tests.processes import ChildProcess, free_port

#: Longest wait for a page, in seconds.
PAGE_SECONDS = 15.0


class Figures:
    """The samples of a page."""

    def __init__(self, page: str) -> None:
        self.page = page
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: object) -> float:
        """The value of the sample with these labels."""
        return self._values[name, frozenset((key, str(value)) for key, value in labels.items())]

    def get(self, name: str, **labels: object) -> float:
        """The same; 0 if there is none."""
        try:
            return self(name, **labels)
        except KeyError:
            return 0.0

    def labels(self, name: str) -> list[dict[str, str]]:
        """The labels of all samples of a name."""
        return [dict(labels) for each, labels in self._values if each == name]

    @property
    def names(self) -> set[str]:
        """What there is."""
        return {name for name, _ in self._values}


def figures_at(url: str) -> Figures:
    """What a service tells of itself now."""
    answer = httpx.get(f"{url}/metrics", timeout=PAGE_SECONDS, trust_env=False)
    assert answer.status_code == httpx.codes.OK, answer.text
    return Figures(answer.text)


class Exporter:
    """`ams exporter` on a settings file, which reads everything anew each time."""

    def __init__(self, folder: Path, config: Path, **variables: str) -> None:
        """`variables` are of the environment, on top of the file."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "AMS_EXPORTER__HTTP_PORT": str(port),
            "AMS_EXPORTER__KEEP_SECONDS": "0",
            **variables,
        }
        self.process = ChildProcess(
            f"exporter-{port}",
            [sys.executable, "-m", "ams", "exporter", "--config", config],
            folder,
            environment={**clean_environment(), **environment},
        )

    def figures(self) -> Figures:
        """What it tells now."""
        return figures_at(self.url)

    def start(self) -> None:
        """Starts it; returns once it answers."""
        self.process.start()
        eventually_sync(self._answers)

    def _answers(self) -> bool:
        assert self.process.running, self.process.log()
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def exporter_on(folder: Path, config: Path, **variables: str) -> Iterator[Exporter]:
    """An exporter that runs for a while."""
    exporter = Exporter(folder, config, **variables)
    try:
        exporter.start()
        yield exporter
    finally:
        exporter.process.kill()


def promtool_says(promtool: str, page: str) -> str:
    """What promtool finds wrong with a page."""
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=page,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr
