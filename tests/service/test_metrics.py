"""`/metrics`: who may read it, and what workers count together."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from ams.service.exposition import Family, page
from ams.service.instruments import Counter, Histogram, collect
from ams.service.shared_numbers import FILE_BYTES, SharedNumbers, new_file
from tests.eventually import eventually
from tests.service.service import Service

TOKEN = "token-of-prometheus"


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
    finally:
        service.process.kill()


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
