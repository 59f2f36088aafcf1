"""Runs without an event loop what is written once, as coroutines, for both clients."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


# Any: nothing is ever sent into the coroutine, nor does it yield anything.
def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine which only awaits what blocks this thread instead of waiting."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking client can't wait for an event loop")
