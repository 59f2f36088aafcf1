"""The page docs/metrics.md: every figure that Prometheus can get. `make docs` writes it."""

from collections.abc import Iterable, Iterator
from typing import Final

# Where a service counts: the instruments are made as these are imported.
import ams.messages.figures
import ams.metadata.loading_cache
import ams.push.activity
import ams.service.database
import ams.service.http  # noqa: F401 (imported for its instruments)
import authn.api.outcomes  # noqa: F401 (the same)
from ams.service import process_figures
from ams.service.exposition import Family
from ams.service.instruments import instruments
from metrics import families

_INTRODUCTION: Final = """\
# Metrics

<!-- Made from the code by `make docs`. -->

Two kinds of processes tell Prometheus something, at `/metrics`, as Prometheus' text or as
OpenMetrics, whichever the reader asks for:

- **every process of a service** (`ams serve`, and others) about itself: each node is scraped by
  itself, and its worker processes are added up already, whichever of them answers. Counters go on
  when a worker dies and is replaced; they begin at 0 when the service is started.
- **the exporter** (`ams exporter`, one per installation) about the platform as a whole, from Redis
  and the database. It asks no broker. Its counters are those of Redis: they outlive everything, and
  begin at 0 for a topic or subscription that is deleted and made again.

[operations.md](operations.md) says how to scrape them and who may. Names end in the unit. No label
holds a secret, an address of a user or anything of a message.
"""

_SERVICES: Final = """\
## Every service

Histograms have `_bucket`, `_count` and `_sum`: `ams_http_request_duration_seconds_count` counts
requests, `ams_publish_messages_sum` messages that were published, `ams_pull_messages_sum` messages
that were pulled. Which of these a service has depends on what it does. A client whose certificate
AuthN does not trust gets no further than the TLS handshake: it is among those that were begun and
not done, and among no requests.
"""

_EXPORTER: Final = """\
## The exporter

`part` is `redis`, `database` or `certificates`; if one can't be read the figures that come from it
are missing, and `ams_up` says so. `kind` is `topics`, `subscriptions`, `projects` or
`certificates`. `server` is `main`, or in a Redis Cluster host and port of a primary. `setting` is
the name of a setting, such as `server.certificate`.
"""

_ADDING: Final = """\
## Adding figures

A service declares what it counts with `Counter`, `Gauge` and `Histogram` of
`ams.service.instruments`, in a module that is imported when the service starts, and counts in its
own code; `add_health` does the rest. Names begin with the service, as `ams_push_` does. Values of
labels come from short lists that are known beforehand. This page lists a module's instruments once
`ams/cli/metrics_reference.py` imports it.
"""


def render() -> str:
    """The page."""
    own = sorted(
        (*(each.family for each in instruments.values()), *process_figures.FAMILIES),
        key=lambda family: family.name,
    )
    return (
        "\n".join(
            [_INTRODUCTION, _SERVICES, *_table(own), _EXPORTER, *_table(families.FAMILIES), _ADDING]
        ).rstrip()
        + "\n"
    )


def _table(rows: Iterable[Family]) -> Iterator[str]:
    yield "| name | type | labels | what it is |"
    yield "|---|---|---|---|"
    for family in rows:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        yield f"| `{family.name}` | {family.kind} | {labels} | {family.help} |"
    yield ""


if __name__ == "__main__":
    print(render(), end="")
