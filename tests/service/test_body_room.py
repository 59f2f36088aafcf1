"""How many bytes of bodies a process holds at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio

from tests.eventually import eventually
from tests.service.service import TOPIC, Service, error, read_answer

#: Longest body that the service takes, in bytes.
LONGEST = 1_000_000
#: Bodies of that length that it takes at the same time.
AT_ONCE = 4


@pytest_asyncio.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path, AMS_SERVER__MAX_REQUEST_BYTES=str(LONGEST))
    yield await service.start()
    service.process.kill()


def publish(length: int) -> bytes:
    return f"POST {TOPIC}:publish HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode()


async def test_large_bodies_beyond_what_fits_are_to_come_again_later(service: Service) -> None:
    """Else some dozens of large publishes at the same time would take all memory."""
    async with AsyncExitStack() as clients:
        answers = {}
        for _ in range(AT_ONCE + 1):
            reader, writer = await clients.enter_async_context(service.connection())
            writer.write(publish(LONGEST) + b"x" * (LONGEST - 1))
            answers[asyncio.create_task(read_answer(reader))] = writer
        (refused,), held = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        busy = "Too many large requests at once, try again later"
        assert refused.result().json() == error(503, busy, "UNAVAILABLE")
        assert refused.result().headers["retry-after"] == "1"
        # Small ones, as nearly all are, are taken all the same.
        assert (await service.send(publish(1000) + b"x" * 1000)).json() == {"length": 1000}
        for answer in held:
            answers[answer].write(b"x")
            assert (await answer).json() == {"length": LONGEST}
    # Nothing is held of what was answered, nor of what was refused.
    for _ in range(2 * AT_ONCE):
        assert (await service.send(publish(LONGEST) + b"x" * LONGEST)).status == 200


async def test_body_of_a_client_that_went_away_is_not_held(service: Service) -> None:
    for _ in range(3 * AT_ONCE):
        async with service.connection() as (_, writer):
            writer.write(publish(LONGEST) + b"x" * (LONGEST - 1))
            await writer.drain()

    async def is_taken() -> bool:
        return (await service.send(publish(LONGEST) + b"x" * LONGEST)).status == 200

    await eventually(is_taken)
    for _ in range(2 * AT_ONCE):
        assert await is_taken()
