"""What a service counts and measures of itself, for `/metrics`.

    DELIVERIES = Counter("ams_push_deliveries_total", "Batches sent.", ("outcome",))
    _REFUSED = DELIVERIES.labels("refused")
    ...
    _REFUSED.inc()

Instruments are made as their module is imported, so that all workers of a service know the same.
Counting costs less than a tenth of a microsecond, a histogram about twice that; to look up labels
costs as much again, so hot code keeps what `labels` gave it. Label values come from short lists
that are known beforehand: never names that users choose.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from ams.service.exposition import Block, Family, Kind, label_set, number_text
from ams.service.shared_numbers import SharedNumbers

#: Bounds of histograms of times, in seconds.
SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
#: Bounds of histograms of sizes, in bytes.
BYTES: Final = tuple(float(4**power) for power in range(4, 14))
#: Bounds of histograms of numbers of messages and the like.
NUMBERS: Final = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 10_000.0)


#: The numbers of a cell.
Numbers: TypeAlias = tuple[float, ...]


class _Cell:
    """The numbers for one set of label values."""

    __slots__ = ("at", "view")

    def __init__(self, numbers: SharedNumbers, at: int) -> None:
        self.view = numbers.view
        self.at = at


class Number(_Cell):
    """A counter or a gauge."""

    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        self.view[self.at] += amount

    def dec(self, amount: float = 1.0) -> None:
        self.view[self.at] -= amount

    def set(self, value: float) -> None:
        self.view[self.at] = value

    @property
    def value(self) -> float:
        """What it is in this process."""
        return self.view[self.at]


class Distribution(_Cell):
    """A histogram: the sum of all values, and how many are up to each bound."""

    __slots__ = ("bounds",)

    bounds: Sequence[float]

    def observe(self, value: float) -> None:
        view, at = self.view, self.at
        view[at] += value
        view[at + 1 + bisect_left(self.bounds, value)] += 1.0


CellT = TypeVar("CellT", bound=_Cell)


class Instrument(Generic[CellT]):
    """What is counted or measured, by labels."""

    kind: ClassVar[Kind]
    cell: type[CellT]

    def __init__(self, name: str, help_: str, labels: Sequence[str] = ()) -> None:
        """Makes one, to be shown under `name`, which ends in the unit; see `Family`."""
        self.family = Family(name, self.kind, help_, tuple(labels))
        self._cells: dict[tuple[object, ...], CellT] = {}
        instruments[name] = self
        if not labels:
            self.labels()

    @property
    def size(self) -> int:
        """How many numbers a cell has."""
        return 1

    def labels(self, *values: object) -> CellT:
        """The cell for these label values; the same one each time."""
        cell = self._cells.get(values)
        return self._new_cell(values) if cell is None else cell

    def _new_cell(self, values: tuple[object, ...]) -> CellT:
        if len(values) != len(self.family.labels):
            raise TypeError(f"{self.family.name} has the labels {self.family.labels}")
        cell = self._cells[values] = self.cell(_store.own, self._place(values))
        return cell

    def key(self, values: tuple[object, ...]) -> bytes:
        """By which the cell for these label values is found in any store."""
        return json.dumps([self.family.name, *map(str, values)]).encode()

    def _place(self, values: tuple[object, ...]) -> int:
        return _store.own.place(self.key(values), self.size, is_gauge=self.kind == "gauge")

    def move(self) -> None:
        """Goes on in the store that is used from now on, on top of what that has."""
        for values, cell in self._cells.items():
            old = cell.view[cell.at : cell.at + self.size].tolist()
            cell.view, cell.at = _store.own.view, self._place(values)
            for at, number in enumerate(old, cell.at):
                cell.view[at] += number

    def prefixes(self, labels: Sequence[str]) -> list[str]:
        """What stands before each number of the page for these label values."""
        return [f"{self.family.name}{label_set(self.family.labels, labels)} "]

    def shown(self, numbers: Sequence[float]) -> Iterable[float]:
        """The numbers of the page, in the order of `prefixes`, for those of a cell."""
        return numbers

    def together(self, one: Numbers, other: Numbers) -> Numbers:
        """The numbers of two processes in one."""
        return tuple(map(sum, zip(one, other, strict=True)))


class Counter(Instrument[Number]):
    """Something that happens; the name ends in `_total`."""

    kind = "counter"
    cell = Number

    def inc(self, amount: float = 1.0) -> None:
        """Counts on one without labels."""
        self.labels().inc(amount)


class Gauge(Instrument[Number]):
    """Something that goes up and down; workers' are added up."""

    kind = "gauge"
    cell = Number

    def inc(self) -> None:
        """Raises one without labels."""
        self.labels().inc()

    def dec(self) -> None:
        """Lowers one without labels."""
        self.labels().dec()

    def set(self, value: float) -> None:
        """Sets one without labels."""
        self.labels().set(value)


class Earliest(Gauge):
    """A time, in seconds since 1970; of several workers, the earliest. 0 is none."""

    def together(self, one: Numbers, other: Numbers) -> Numbers:
        """The earlier one that is a time."""
        return (min(filter(None, (*one, *other)), default=0.0),)


class Histogram(Instrument[Distribution]):
    """Something that is measured time and again."""

    kind = "histogram"
    cell = Distribution

    def __init__(
        self,
        name: str,
        help_: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = SECONDS,
    ) -> None:
        """Makes one; `bounds` are the upper ones of its buckets, upwards."""
        self.bounds = tuple(bounds)
        super().__init__(name, help_, labels)

    @property
    def size(self) -> int:
        """The sum, a number for each bound, and one for what is beyond."""
        return len(self.bounds) + 2

    def observe(self, value: float) -> None:
        """Measures on one without labels."""
        self.labels().observe(value)

    def _new_cell(self, values: tuple[object, ...]) -> Distribution:
        cell = super()._new_cell(values)
        cell.bounds = self.bounds
        return cell

    def prefixes(self, labels: Sequence[str]) -> list[str]:
        """Those of the buckets, of the count and of the sum."""
        name, names = self.family.name, self.family.labels
        buckets = [
            f"{name}_bucket{label_set((*names, 'le'), (*labels, number_text(bound)))} "
            for bound in (*self.bounds, float("inf"))
        ]
        same = label_set(names, labels)
        return [*buckets, f"{name}_count{same} ", f"{name}_sum{same} "]

    def shown(self, numbers: Sequence[float]) -> Iterable[float]:
        """Buckets hold all that is below their bound, too."""
        buckets = list(accumulate(numbers[1:]))
        return (*buckets, buckets[-1], numbers[0])


#: An instrument of any kind: which, only it knows.
AnyInstrument: TypeAlias = Instrument[Any]


class _Store:
    """Where the numbers are: of this process, and of others that share its listeners."""

    def __init__(self) -> None:
        self.own = SharedNumbers()
        self.others: list[SharedNumbers] = []
        # By key: whose numbers they are, and what stands before each.
        self.known: dict[bytes, tuple[AnyInstrument, list[str]]] = {}

    def look_up(self, key: bytes) -> tuple[AnyInstrument, list[str]] | None:
        found = self.known.get(key)
        if found is None:
            name, *labels = json.loads(key)
            instrument = instruments.get(name)
            if instrument is None:
                return None
            found = self.known[key] = (instrument, instrument.prefixes(labels))
        return found


_store: Final = _Store()
#: All there are, by name.
instruments: Final[dict[str, AnyInstrument]] = {}


def share(own: int, others: Iterable[int]) -> None:
    """Counts in a file from now on, which others read, and shows what they count, too.

    Args:
        own: descriptor of this process's file; it may be that of one that died.
        others: descriptors of the other processes' files.
    """
    _store.own = SharedNumbers(own)
    _store.own.forget_gauges()
    _store.others = [SharedNumbers(each) for each in others]
    for instrument in instruments.values():
        instrument.move()


def note_death(file: int, deaths: Counter) -> None:
    """Has the file of a process that is no more tell so: of gauges, and by a counter.

    What else it has counted stays: its successor goes on from there.
    """
    numbers = SharedNumbers(file)
    numbers.forget_gauges()
    numbers.view[numbers.place(deaths.key(()), deaths.size, is_gauge=False)] += 1.0


def collect() -> list[Block]:
    """What all processes of the service have counted and measured, by family."""
    totals: dict[bytes, Numbers] = {}
    for numbers in (_store.own, *_store.others):
        for key, values in numbers.read():
            found = _store.look_up(key)
            # Others may be of another version of this program, or their predecessors were.
            if found is not None and len(values) == found[0].size:
                before = totals.get(key)
                totals[key] = values if before is None else found[0].together(before, values)
    lines: dict[str, list[str]] = {name: [] for name in instruments}
    for key, values in sorted(totals.items()):
        instrument, prefixes = _store.known[key]
        lines[instrument.family.name] += [
            f"{prefix}{number_text(value)}\n"
            for prefix, value in zip(prefixes, instrument.shown(values), strict=True)
        ]
    return [(instruments[name].family, "".join(some)) for name, some in lines.items() if some]
