"""Reading much from Redis without keeping it from those who publish."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

#: How many things are asked about at once: Redis serves nobody else meanwhile, about a
#: millisecond. Half as many take twice as long where processors are busy.
PAGE: Final = 128
#: How long to do nothing then, in times of what it took, and at most, in seconds.
REST: Final = 1.0
LONGEST_REST: Final = 0.002


async def read_gently(
    items: Sequence[ItemT], read: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT]]]
) -> list[ResultT]:
    """Calls `read` for some items at a time, with rests in between; its results, in order."""
    results: list[ResultT] = []
    for at in range(0, len(items), PAGE):
        started = perf_counter()
        results += await read(items[at : at + PAGE])
        await asyncio.sleep(min(LONGEST_REST, REST * (perf_counter() - started)))
    return results
