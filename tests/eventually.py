"""Waiting for a condition instead of sleeping for a while."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

#: How long a condition may take to come true, in seconds, if a test says nothing else.
PATIENCE_SECONDS = 10.0
#: Pause between two looks at a condition, in seconds.
PAUSE_SECONDS = 0.02


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]], *, within: float = PATIENCE_SECONDS
) -> T: ...


@overload
async def eventually(condition: Callable[[], T], *, within: float = PATIENCE_SECONDS) -> T: ...


async def eventually(
    condition: Callable[[], object], *, within: float = PATIENCE_SECONDS
) -> object:
    """Returns the first true result of `condition`, which may be a coroutine function.

    A condition that raises AssertionError is not true yet; so one may assert what it waits for:

        await eventually(lambda: node.log().count("ready") == 2)

    Raises:
        AssertionError: it is still false after `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        last = time.monotonic() >= deadline
        try:
            result = condition()
            value = await result if inspect.isawaitable(result) else result
            if value:
                return value
        except AssertionError:
            if last:
                raise
        if last:
            raise AssertionError(f"still not so after {within} s: {_source(condition)}")
        await asyncio.sleep(PAUSE_SECONDS)


def eventually_sync(condition: Callable[[], T], *, within: float = PATIENCE_SECONDS) -> T:
    """As `eventually`, where there is no event loop to give way to."""
    deadline = time.monotonic() + within
    while True:
        last = time.monotonic() >= deadline
        try:
            value = condition()
            if value:
                return value
        except AssertionError:
            if last:
                raise
        if last:
            raise AssertionError(f"still not so after {within} s: {_source(condition)}")
        time.sleep(PAUSE_SECONDS)


def _source(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
