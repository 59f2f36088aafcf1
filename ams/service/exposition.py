"""Figures as Prometheus reads them: families of samples, and the page that they make."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from ams.service.responses import Response

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

_TOTAL: Final = "_total"
_OPENMETRICS: Final = "application/openmetrics-text"
#: Versions of it that readers may name to get 1.0.0; empty for any.
_VERSIONS: Final = ("", "1.0.0")
#: How readers ask for Prometheus' text, the most specific way first.
_TEXT: Final = ("text/plain", "text/*", "*/*")
#: What label values have otherwise than text.
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Family:
    """What some samples have in common; the unit stands in the name.

    Args:
        name: that of a counter ends in `_total`.
        kind: how its numbers move.
        help: what they are.
        labels: names of the labels that tell its samples apart.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def sample(self, value: float, *labels: str) -> str:
        """A line of the page: a number, and the values of the labels in their order."""
        return f"{self.name}{label_set(self.labels, labels)} {number_text(value)}\n"


#: A family, and the lines of its samples.
Block: TypeAlias = tuple[Family, str]


def label_set(names: Sequence[str], values: Sequence[str]) -> str:
    """Labels as they stand behind a name; nothing if there are none."""
    if not names:
        return ""
    pairs = zip(names, values, strict=True)
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs) + "}"


def number_text(value: float) -> str:
    """A number as both formats write it."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def page(blocks: Iterable[Block], accept: str) -> Response:
    """The page of all families, in the format that an Accept header asks for."""
    openmetrics = _prefers_openmetrics(accept)
    parts: list[str] = []
    for family, samples in blocks:
        counted = openmetrics and family.kind == "counter"
        name = family.name.removesuffix(_TOTAL) if counted else family.name
        # OpenMetrics escapes quotes in it, Prometheus does not: no help has any.
        parts += (f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n", samples)
    parts.append("# EOF\n" if openmetrics else "")
    content_type = CONTENT_TYPE_LATEST if openmetrics else CONTENT_TYPE_PLAIN_0_0_4
    return Response("".join(parts).encode(), content_type=content_type)


def _prefers_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is asked for, and no less than text (RFC 9110, 12.5.1)."""
    weights: dict[str, float] = {}
    for item in accept.lower().split(","):
        kind, *rest = (part.strip() for part in item.split(";"))
        parameters = dict(part.partition("=")[::2] for part in rest)
        if kind == _OPENMETRICS and parameters.get("version", "") not in _VERSIONS:
            continue
        try:
            weight = float(parameters.get("q", "1"))
        except ValueError:
            continue
        weights[kind] = max(weight, weights.get(kind, 0.0))
    asked = weights.get(_OPENMETRICS, 0.0)
    text = next((weights[kind] for kind in _TEXT if kind in weights), 0.0)
    return asked > 0 and asked >= text
