"""What the project gives to Prometheus, and the same made quick for a test."""

import re
from pathlib import Path
from typing import Final

import metrics
from tests.prometheus import Prometheus

ROOT: Final = Path(__file__).parents[3]
FOLDER: Final = Path(metrics.__path__[0])
RULES: Final = sorted((FOLDER / "rules").glob("*.yml"))
CONFIGURATION: Final = FOLDER / "prometheus.yml"
DASHBOARDS: Final = sorted((FOLDER / "dashboards").glob("*.json"))
METRICS_PAGE: Final = ROOT / "docs" / "metrics.md"

#: Where services listen that `prometheus.yml` watches.
PORTS: Final = {"broker": 8080, "exporter": 9180, "authn": 8443, "push": 8090}
#: The begin of the job that is commented out.
PUSH: Final = "  # - job_name: ams-push"

#: Seconds instead of minutes, so that what is over is forgotten. A rate needs two samples at least.
_WINDOWS: Final = {"5m": "4s", "10m": "4s", "15m": "8s", "30m": "4s"}
#: How long messages may wait, in seconds; how often a service may be started; how long a worker may
#: say nothing, in seconds; how far refusals may exceed the average, which is one of seconds here,
#: those that it is about included.
_LIMITS: Final = {
    "> 30 * 60": "> 2",
    "> 10 * 60": "> 2",
    "[15m]) > 2": "[15m]) > 0",
    "> 0) > 60": "> 0) > 2",
    "> 5 * avg_over_time": "> 1.5 * avg_over_time",
}

_NAME: Final = re.compile(r"\b(?:ams|process|up)(?:_[a-z0-9_]+)?\b(?!:)")
_RECORDED: Final = re.compile(r"\w+:\w+:\w+")
_TEXT: Final = re.compile(r'"[^"]*"')


def write_shortened_rules(folder: Path) -> None:
    """The rules with short windows, and alerts that fire after a second."""
    folder.mkdir()
    replacements = _LIMITS | {f"[{old}]": f"[{new}]" for old, new in _WINDOWS.items()}
    used = set()
    for file in RULES:
        text = re.sub(r"\bfor: \w+", "for: 1s", file.read_text())
        for old, new in replacements.items():
            used |= {old} if old in text else set()
            text = text.replace(old, new)
        (folder / file.name).write_text(text)
    assert used == set(replacements), "the rules have other limits now"


def write_configuration(prometheus: Prometheus, **targets: str) -> None:
    """The configuration for these services, each second; rules are in the same folder.

    Args:
        prometheus: whose it is.
        targets: host and port of what runs, by job without `ams-`; others are not watched.
    """
    text = CONFIGURATION.read_text().replace("_interval: 15s", "_interval: 1s")
    for job, port in PORTS.items():
        old = f"[127.0.0.1:{port}]"
        assert old in text
        text = text.replace(old, f"[{targets.get(job, '')}]")
    begin, job, rest = text.partition(PUSH)
    assert job
    if "push" in targets:
        text = begin + (job + rest).replace("  # ", "  ")
    prometheus.configuration.write_text(text)


def names_in(expression: str) -> set[str]:
    """The metrics that an expression asks for, recorded ones included."""
    bare = _TEXT.sub('""', expression)
    recorded = set(_RECORDED.findall(bare))
    return recorded | set(_NAME.findall(_RECORDED.sub("", bare)))


def documented_names() -> set[str]:
    """All names that samples have, by docs/metrics.md."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", METRICS_PAGE.read_text(), re.MULTILINE)
    assert rows
    suffixes = ("_bucket", "_count", "_sum")
    return {
        f"{name}{suffix}"
        for name, kind in rows
        for suffix in (suffixes if kind == "histogram" else ("",))
    }
