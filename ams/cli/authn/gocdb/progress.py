"""How far an import has come, for a person at a terminal."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ams.cli.output import clean

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")


class Bars:
    """A bar for each list that is gone through; none outside of a terminal."""

    def __init__(self, progress: "Progress | None") -> None:
        self._progress = progress

    def over(self, name: str, items: Sequence[T]) -> Iterator[T]:
        """Goes through a list, and shows how far."""
        if self._progress is None:
            yield from items
            return
        task = self._progress.add_task(clean(name), total=len(items))
        for item in items:
            yield item
            self._progress.advance(task)


@contextmanager
def bars() -> Iterator[Bars]:
    """Shows bars on standard error as long as it lasts."""
    if not sys.stderr.isatty():
        yield Bars(None)
        return
    # Late: rich takes long to import, and a command whose output is piped does not need it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)
