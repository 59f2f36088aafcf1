"""`/metrics`: who may read it, and what workers count together."""

import os
import signal
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from ams.service.exposition import Family, page
from ams.service.instruments import Counter, Histogram, _store, collect
from ams.service.process_figures import PULSE_SECONDS
from ams.service.shared_numbers import FILE_BYTES, SharedNumbers, new_file
from tests.eventually import eventually
from tests.service.service import PATIENCE_SECONDS, Service

TOKEN = "token-of-prometheus"
PULSE = "ams_event_loop_last_pulse_timestamp_seconds"


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path, AMS_METRICS__TOKEN=TOKEN)
    try:
        yield await service.start()
    finally:
        service.process.kill()


async def test_with_a_token_only_who_has_it_reads_figures(service: Service) -> None:
    async with service.client as client:
        for name, value, code in (
            (b"x-other", b"", 401),
            (b"authorization", b"Bearer wrong", 401),
            (b"authorization", f"Bearer {TOKEN}x".encode(), 401),
            (b"authorization", "Bearer tökén".encode("latin-1"), 401),
            (b"authorization", TOKEN.encode(), 401),
            (b"x-api-key", TOKEN.encode(), 401),
            (b"authorization", f"Bearer {TOKEN}".encode(), 200),
        ):
            answer = await client.get("/metrics", headers=[(name, value)])
            assert answer.status_code == code, value
    assert TOKEN not in service.process.log()


async def test_without_a_token_nobody_reads_figures_through_a_proxy(tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        await service.start()
        async with service.client as client:
            assert (await client.get("/metrics")).is_success
            for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
                answer = await client.get("/metrics", headers={header: "127.0.0.1"})
                assert answer.status_code == 401
    finally:
        service.process.kill()


async def test_a_worker_goes_on_counting_where_the_one_before_it_was_killed(
    tmp_path: Path,
) -> None:
    service = Service(tmp_path, AMS_SERVER__WORKERS="2")
    try:
        await service.start()

        async def figure(name: str) -> float:
            lines = (await service.get("/metrics")).body.decode().splitlines()
            return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

        await eventually(lambda: _is(figure, "ams_workers", 2))
        asked = 12
        pids = {(await service.get("/v1/state")).json()["pid"] for _ in range(asked)}
        assert await figure("sample_states_total") == asked
        os.kill(pids.pop(), signal.SIGKILL)
        await service.line(level="error")
        await eventually(lambda: _is(figure, "ams_workers", 2))
        assert await figure("sample_states_total") == asked
        await service.get("/v1/state")
        assert await figure("sample_states_total") == asked + 1
        assert await figure("ams_worker_deaths_total") == 1
    finally:
        service.process.kill()


async def test_a_worker_that_hangs_is_told_by_the_others(tmp_path: Path) -> None:
    service = Service(tmp_path, AMS_SERVER__WORKERS="2")
    try:
        await service.start()
        async with service.client as client:

            async def figure(name: str) -> float:
                lines = (await client.get("/metrics")).text.splitlines()
                return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

            async def silent(seconds: float) -> bool:
                return time.time() - await figure(PULSE) > seconds

            while await figure("ams_workers") < 2:
                pass
            assert not await silent(PATIENCE_SECONDS)
            # On this connection, the other one answers.
            mine = (await client.get("/v1/state")).json()["pid"]
            other = next(pid for pid in service.process.children() if pid != mine)
            os.kill(other, signal.SIGSTOP)
            await eventually(lambda: silent(3 * PULSE_SECONDS))
            os.kill(other, signal.SIGCONT)
            await eventually(lambda: _not(silent, 3 * PULSE_SECONDS))
    finally:
        service.process.kill()


async def _not(fact: Callable[[float], Awaitable[bool]], value: float) -> bool:
    return not await fact(value)


async def _is(figure: Callable[[str], Awaitable[float]], name: str, value: float) -> bool:
    try:
        return await figure(name) == value
    except (ConnectionError, EOFError):
        return False  # The worker that was asked has just been killed.


def test_numbers_outlive_who_counted_and_gauges_do_not() -> None:
    file = new_file()
    before = SharedNumbers(file)
    before.view[before.place(b"counter", 1, is_gauge=False)] = 3.0
    before.view[before.place(b"a gauge", 1, is_gauge=True)] = 4.0
    after = SharedNumbers(file)
    after.forget_gauges()
    assert dict(after.read()) == {b"counter": (3.0,), b"a gauge": (0.0,)}
    place = after.place(b"counter", 1, is_gauge=False)
    after.view[place] += 1
    assert dict(before.read())[b"counter"] == (4.0,)
    os.close(file)


def test_what_a_writer_left_half_written_does_not_count() -> None:
    """It was killed before the record was part of the file."""
    numbers = SharedNumbers()
    begin = numbers.place(b"first", 1, is_gauge=False) + 1
    for word in range(begin, begin + 40):
        numbers.view[word] = 7.0
    numbers.place(b"second", 12, is_gauge=False)
    assert dict(numbers.read())[b"second"] == (0.0,) * 12


def test_there_is_an_end_of_room() -> None:
    numbers, size = SharedNumbers(), 60_000
    places = FILE_BYTES // 8 // size
    for number in range(places):
        numbers.place(b"%d" % number, size, is_gauge=False)
    with pytest.raises(MemoryError):
        numbers.place(b"one more", size, is_gauge=False)
    assert len(dict(numbers.read())) == places


def test_a_histogram_counts_up_to_its_bounds() -> None:
    histogram = Histogram("test_seconds", "Of this test.", ("kind",), bounds=(1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.labels("some").observe(value)
    (lines,) = [text for family, text in collect() if family.name == "test_seconds"]
    assert lines.splitlines() == [
        'test_seconds_bucket{kind="some",le="1.0"} 2.0',
        'test_seconds_bucket{kind="some",le="2.0"} 3.0',
        'test_seconds_bucket{kind="some",le="+Inf"} 4.0',
        'test_seconds_count{kind="some"} 4.0',
        'test_seconds_sum{kind="some"} 12.0',
    ]


def test_a_worker_of_an_older_version_spoils_nothing() -> None:
    """Its files were replaced while it ran, and the next worker has the new ones."""
    name = "test_of_versions_seconds"
    file = new_file()
    old = SharedNumbers(file)
    old.view[old.place(f'["{name}"]'.encode(), 3, is_gauge=False)] = 5.0
    others = SharedNumbers(file)
    at = others.place(f'["{name}"]'.encode(), 4, is_gauge=False)
    others.view[at : at + 4] = memoryview(array("d", [1.0, 1.0, 0.0, 0.0]))
    histogram = Histogram(name, "Of this test.", bounds=(1.0, 2.0))
    histogram.observe(0.5)
    _store.others.append(others)
    try:
        (lines,) = [text for family, text in collect() if family.name == name]
    finally:
        _store.others.remove(others)
        os.close(file)
    assert f"{name}_count 2.0\n" in lines
    assert f"{name}_sum 1.5\n" in lines


def test_labels_that_were_not_declared_are_refused() -> None:
    counter = Counter("test_total", "Of this test.", ("kind",))
    with pytest.raises(TypeError):
        counter.labels("one", "two")
    with pytest.raises(TypeError):
        counter.inc()


def test_a_label_can_hold_any_text() -> None:
    family = Family("test", "gauge", "Of this test.", ("text",))
    shown = page([(family, family.sample(float("inf"), 'a"b\\c\nd'))], "").body.decode()
    assert shown.splitlines()[-1] == 'test{text="a\\"b\\\\c\\nd"} +Inf'


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text ; Version=1.0.0", True),
        ("application/openmetrics-text;q=0.5,*/*;q=0.5", True),
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=high", False),
        ("application/openmetrics-text;version=1.0.0;q=0.1,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0.5,*/*;q=0.9", False),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text-like", False),
    ],
)
def test_the_format_is_the_one_that_is_asked_for_most(accept: str, openmetrics: bool) -> None:
    answer = page([], accept)
    assert answer.content_type == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
        if openmetrics
        else "text/plain; version=0.0.4; charset=utf-8"
    )
    assert answer.body == (b"# EOF\n" if openmetrics else b"")
