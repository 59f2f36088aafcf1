"""Figures that every service has: what it is, what it uses, and whether its loop keeps up."""

import asyncio
import platform
import time
from collections.abc import Callable
from typing import Final

import ams
from ams.service import certificates, process_usage
from ams.service.exposition import Block, Family
from ams.service.instruments import Earliest, Gauge, Histogram

#: How often the event loop is looked at, in seconds.
PULSE_SECONDS: Final = 0.5

LAG: Final = Histogram(
    "ams_event_loop_lag_seconds",
    "How much later than planned the event loop of a worker came to what was due.",
)
LAST_PULSE: Final = Earliest(
    "ams_event_loop_last_pulse_timestamp_seconds",
    "When the event loop of a worker was last seen to run, since 1970; of several workers, of the"
    " one that has been silent longest.",
)
CONNECTIONS: Final = Gauge(
    "ams_open_connections", "Connections of clients, as of half a second ago at most."
)
WORKERS: Final = Gauge("ams_workers", "Processes that serve requests.")

BUILD: Final = Family(
    "ams_build_info", "gauge", "What runs; always 1.", ("service", "version", "python")
)
CPU: Final = Family(
    "process_cpu_seconds_total", "counter", "CPU time of all processes of the service."
)
MEMORY: Final = Family(
    "process_resident_memory_bytes", "gauge", "Memory of all processes of the service."
)
FILES: Final = Family(
    "process_open_fds", "gauge", "File descriptors of all processes of the service."
)
STARTED: Final = Family(
    "process_start_time_seconds", "gauge", "When the service was started, since 1970."
)
FAMILIES: Final = (BUILD, CPU, MEMORY, FILES, STARTED, certificates.EXPIRY)


def collect(service: str) -> list[Block]:
    """What the service is and uses."""
    used = process_usage.totals()
    return [
        (BUILD, BUILD.sample(1, service, ams.__version__, platform.python_version())),
        (CPU, CPU.sample(used.cpu_seconds)),
        (MEMORY, MEMORY.sample(used.resident_bytes)),
        (FILES, FILES.sample(used.open_files)),
        (STARTED, STARTED.sample(used.started)),
        *certificates.collect(),
    ]


async def take_pulse(count_connections: Callable[[], int]) -> None:
    """Measures the event loop again and again, and counts the connections; never returns."""
    WORKERS.set(1)
    loop = asyncio.get_running_loop()
    while True:
        LAST_PULSE.set(time.time())
        CONNECTIONS.set(count_connections())
        due = loop.time() + PULSE_SECONDS
        await asyncio.sleep(PULSE_SECONDS)
        LAG.observe(max(0.0, loop.time() - due))
