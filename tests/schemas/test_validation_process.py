"""What takes long is validated in a process of its own, which ends when it takes too long."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ams.schemas.cost import AT_ONCE
from ams.schemas.process import MOST_WAITING, TIME_LIMIT_SECONDS, ValidationProcess
from ams.service.errors import InvalidArgument, Unavailable
from tests.eventually import eventually
from tests.schemas.attacks import BRANCHING, doubling, nested
from tests.schemas.checking import attributes_schema, avro_schema, json_schema, message, refusal

TOO_LONG = "Message validation took too long"
#: Less than a runaway takes; much for an event loop on a busy machine. In seconds.
MOST_PAUSE = 0.8 * TIME_LIMIT_SECONDS
#: What the time limit may grow to on a busy machine, with the start of the process, in seconds.
MOST_SECONDS = TIME_LIMIT_SECONDS + 5
RECURSIVE = {"type": "array", "items": {"$ref": "#"}}


def children() -> list[int]:
    """The validation processes of this process."""
    task = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [pid for pid in map(int, task.split()) if b"ams.schemas.child" in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@asynccontextmanager
async def loop_stays_responsive() -> AsyncIterator[None]:
    """Fails if the event loop can't run anything for a while."""
    pauses = []

    async def tick() -> None:
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.01)
            pauses.append(time.monotonic() - started)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
    assert max(pauses) < MOST_PAUSE


@pytest.mark.parametrize(
    ("definition", "document"),
    [
        (doubling(40), "a"),
        (BRANCHING, nested(60)),
        ({"uniqueItems": True}, [10**30 + number for number in range(20_000)]),
        ({"pattern": "(?:(?:a*)*b?){3000}[^ab]q"}, "ab" * 100_000),
        ({"items": {"enum": [n + 0.5 for n in range(10_000)]}}, [9999.5] * 10_000),
    ],
)
async def test_validation_that_takes_too_long_is_refused(
    process: ValidationProcess, definition: object, document: object
) -> None:
    schema = json_schema(process, definition)
    sent = message(document)
    started = time.monotonic()
    async with loop_stays_responsive():
        assert await refusal(schema.check([sent])) == TOO_LONG
    assert time.monotonic() - started < MOST_SECONDS


@pytest.mark.parametrize(
    ("definition", "document"),
    [
        ({"anyOf": [{"required": [f"p{n}" for n in range(50)]}] * 100}, {"a": [1] * 20_000}),
        ({"required": [f"p{n}" for n in range(5000)]}, {"a": [1] * 20_000}),
        ({"items": {"type": "string"}}, [1] * 30_000),
    ],
)
async def test_to_say_what_is_wrong_takes_no_longer_than_it_may(
    process: ValidationProcess, definition: object, document: object
) -> None:
    schema = json_schema(process, definition)
    started = time.monotonic()
    async with loop_stays_responsive():
        await refusal(schema.check([message(document)]))
    assert time.monotonic() - started < MOST_SECONDS


async def test_attributes_can_take_too_long_as_well(process: ValidationProcess) -> None:
    schema = attributes_schema(process, doubling(40))
    assert await refusal(schema.check([message(1, a="b")])) == TOO_LONG


async def test_a_document_can_take_too_long_as_well(process: ValidationProcess) -> None:
    assert await refusal(json_schema(process, doubling(40)).check_document(b'"a"')) == TOO_LONG


async def test_the_process_serves_again_after_it_was_killed(process: ValidationProcess) -> None:
    runaway = json_schema(process, doubling(40))
    recursive = json_schema(process, RECURSIVE)
    before = set(children())
    for _ in range(2):
        await recursive.check([message(nested(3))])
        (first,) = set(children()) - before
        assert await refusal(runaway.check([message("a")])) == TOO_LONG
        assert first not in children()
        assert await refusal(recursive.check([message([[1]])])) == (
            "Message 0 data is not valid,0.0: Invalid type. Expected: array, given: integer"
        )


async def test_nothing_starts_before_it_is_needed(process: ValidationProcess) -> None:
    before = children()
    await json_schema(process, {"type": "string"}).check([message("a")] * 100)
    await avro_schema(process, {"type": "int"}).check([message(b"\2")])
    assert children() == before


async def test_one_process_is_enough_for_all(process: ValidationProcess) -> None:
    before = children()
    schemas = [json_schema(process, RECURSIVE | {"maxItems": number}) for number in range(40)]
    await asyncio.gather(*(schema.check([message([])]) for schema in schemas))
    assert len(children()) == len(before) + 1
    await process.aclose()
    assert children() == before


async def test_a_runaway_does_not_hold_up_who_needs_no_process(
    process: ValidationProcess,
) -> None:
    runaway = asyncio.create_task(refusal(json_schema(process, doubling(40)).check([message("a")])))
    schema = json_schema(process, {"type": "string"})
    checks = 0
    async with loop_stays_responsive():
        while not runaway.done():
            await schema.check([message("a")] * 10)
            checks += 1
            await asyncio.sleep(0)
    assert checks > 100
    assert runaway.result() == TOO_LONG


async def test_who_waits_behind_a_runaway_is_served_after_it(process: ValidationProcess) -> None:
    runaway = json_schema(process, doubling(40))
    recursive = json_schema(process, RECURSIVE)
    first, *others = await asyncio.gather(
        refusal(runaway.check([message("a")])),
        recursive.check([message([[]])]),
        refusal(recursive.check([message(1)])),
    )
    assert first == TOO_LONG
    assert others == [
        None,
        "Message 0 data is not valid,(root): Invalid type. Expected: array, given: integer",
    ]


async def test_only_so_many_wait_for_the_process(process: ValidationProcess) -> None:
    schema = json_schema(process, RECURSIVE)
    results = await asyncio.gather(
        *(schema.check([message([])]) for _ in range(MOST_WAITING + 5)), return_exceptions=True
    )
    assert [type(each) for each in results] == [type(None)] * MOST_WAITING + [Unavailable] * 5


async def test_who_goes_away_leaves_no_answer_to_the_next(process: ValidationProcess) -> None:
    """A publisher may close its connection while its messages are validated."""
    schema = json_schema(process, RECURSIVE)
    await schema.check([message([])])
    runaway = asyncio.create_task(json_schema(process, doubling(40)).check([message("a")]))
    await asyncio.sleep(0)  # how far it has come does not matter
    runaway.cancel()
    assert isinstance((await asyncio.gather(runaway, return_exceptions=True))[0], BaseException)
    started = time.monotonic()
    await schema.check([message([])])
    assert "given: integer" in await refusal(schema.check([message(1)]))
    assert time.monotonic() - started < MOST_SECONDS


async def test_a_process_that_died_is_replaced(process: ValidationProcess) -> None:
    schema = json_schema(process, RECURSIVE)
    before = children()
    await schema.check([message([])])
    (pid,) = set(children()) - set(before)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: pid not in children())

    async def serves() -> bool:
        try:
            await schema.check([message([])])
        except InvalidArgument:
            return False
        return True

    await eventually(serves)


async def test_a_large_message_is_validated_in_the_process(process: ValidationProcess) -> None:
    schema = json_schema(process, {"items": {"pattern": "^x$"}})
    before = children()
    texts = ["x"] * (AT_ONCE // 300)
    await schema.check([message(texts)])
    assert len(children()) == len(before) + 1
    text = await refusal(schema.check([message([]), message([*texts, "y"])]))
    assert text == f"Message 1 data is not valid,{len(texts)}: Does not match pattern '^x$'"


async def test_a_large_batch_lets_others_in_between(process: ValidationProcess) -> None:
    schema = json_schema(process, {"items": {"pattern": "^x$"}})
    before = children()
    messages = [message(["x"] * 200)] * 2000
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)  # Until it is its turn again.

    working = asyncio.create_task(others())
    await schema.check(messages)
    working.cancel()
    assert turns > 5
    assert children() == before
    text = await refusal(schema.check([*messages, message(["y"])]))
    assert text == "Message 2000 data is not valid,0: Does not match pattern '^x$'"


def test_the_process_dies_with_its_worker(tmp_path: Path) -> None:
    program = """if True:
        import asyncio
        from ams.schemas.process import ValidationProcess
        from tests.schemas.checking import json_schema, message

        async def main():
            schema = json_schema(ValidationProcess(), {"items": {"$ref": "#"}})
            await schema.check([message([])])
            print("ready", flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            children_file = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
            (child,) = map(int, children_file.read_text().split())
            assert b"ams.schemas.child" in command_of(child)
        finally:
            worker.kill()
    deadline = time.monotonic() + 10
    while b"ams.schemas.child" in command_of(child):
        assert time.monotonic() < deadline
