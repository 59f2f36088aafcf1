"""Which methods of a library the tests of a file call, so that none is left out."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

# Any, here and below: methods of all kinds.
Method = Callable[..., Any]


def uncalled_methods(file: str, *classes: type) -> Iterator[set[str]]:
    """Yields the names of the classes' public methods; each goes when the file calls it.

    What the library calls for itself does not count.
    """
    uncalled: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        for each in classes:
            for name, method in inspect.getmembers(each, inspect.isfunction):
                if not name.startswith("_"):
                    full_name = f"{each.__name__}.{name}"
                    uncalled.add(full_name)
                    patch.setattr(each, name, _noting(method, full_name, file, uncalled))
        yield uncalled


def _noting(method: Method, full_name: str, file: str, uncalled: set[str]) -> Method:
    @functools.wraps(method)
    def noting(*arguments: object, **named: object) -> object:
        if _called_from(inspect.currentframe()) == file:
            uncalled.discard(full_name)
        return method(*arguments, **named)

    return noting


def _called_from(frame: FrameType | None) -> str:
    caller = frame.f_back if frame else None
    return caller.f_code.co_filename if caller else ""


def assert_all_called(uncalled: set[str], request: pytest.FixtureRequest) -> None:
    """Nothing is left; said by the last test of a file, and only if the others have run."""
    run = {
        item.name.partition("[")[0] for item in request.session.items if item.path == request.path
    }
    if not run >= {name for name in vars(request.module) if name.startswith("test_")}:
        pytest.skip("some tests of this file were not to be run")
    assert uncalled == set()
