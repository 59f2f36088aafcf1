"""How topics and subscriptions fared: samples taken once a minute, kept for seven days."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from ams.messages import keys, scripts
from ams.messages.calls import Parameters, ScriptCalls
from ams.messages.records import Cursor

#: The hash that knows the last rounds of sampling: see begin_round.lua.
ROUNDS: Final = "ams:rounds"

#: A sample: number of its step, and two numbers of 48 bits.
_SAMPLE: Final = Struct(">I6s6s")

_MINUTE: Final = 60_000_000  # Microseconds.

#: A step of a window: when it ended, microseconds since 1970; the samples of its begin and end.
_Step: TypeAlias = tuple[int, int, int]

#: A topic and its subscriptions, which are sampled together.
Sampled: TypeAlias = tuple[str, Sequence[Cursor]]


class _Shape(NamedTuple):
    """How a window is made of samples.

    Args:
        key: of the list that has them.
        minutes: from one sample to the next.
        samples: from one point of the window to the next.
        points: how many there are.
    """

    key: Callable[[str, str], str]
    minutes: int
    samples: int
    points: int


class Window(Enum):
    """How far back to look; the finer the steps, the shorter."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def step_seconds(self) -> int:
        """Seconds from one point to the next: a minute, ten minutes, an hour."""
        shape = _SHAPES[self]
        return 60 * shape.minutes * shape.samples


_SHAPES: Final = {
    Window.HOUR: _Shape(keys.hour, 1, 1, 60),
    Window.DAY: _Shape(keys.week, 10, 1, 144),
    Window.WEEK: _Shape(keys.week, 10, 6, 168),
}


class TopicPoint(NamedTuple):
    """A step of a topic's history. What was not sampled is None.

    Args:
        time: when the step ended, microseconds since 1970.
        published: messages published during the step.
        rate: the same per second.
        stored: messages kept when it ended.
    """

    time: int
    published: int | None
    rate: float | None
    stored: int | None


class SubscriptionPoint(NamedTuple):
    """A step of a subscription's history. What was not sampled is None.

    Args:
        time: when the step ended, microseconds since 1970.
        delivered: messages pulled during the step; redeliveries count again.
        rate: the same per second.
        backlog: messages not acknowledged when it ended.
    """

    time: int
    delivered: int | None
    rate: float | None
    backlog: int | None


class Round(NamedTuple):
    """A round of sampling.

    Args:
        minute: its minute since 1970.
        seen: the minute of the last round before it that missed nothing, 0 if there was none.
    """

    minute: int
    seen: int


class History(ScriptCalls):
    """Takes samples of topics and subscriptions, and tells what they say."""

    async def begin_round(self) -> tuple[Round | None, float]:
        """Takes this minute's round; None if somebody has it. Also the seconds to the next minute.

        Who takes it samples everything and then calls `end_round`.
        """
        minute, seen, left = await self._call(scripts.BEGIN_ROUND, (ROUNDS,))
        return (Round(minute, seen) if minute else None), left / 1e6

    async def end_round(self, round_: Round) -> None:
        """Notes that the round has missed nothing."""
        await self._call(scripts.END_ROUND, (ROUNDS,), round_.minute)

    async def sample(self, round_: Round, topics: Sequence[Sampled]) -> None:
        """Samples topics and their subscriptions.

        Goes on when some can't be reached; raises the first failure at the end.
        """
        calls: list[Parameters] = []
        for topic, cursors in topics:
            lists = keys.hour(topic), keys.week(topic)
            calls.append(((keys.topic(topic), *lists), (*round_, "topic", 0)))
            for cursor in cursors:
                hash_ = keys.subscription(topic, cursor.subscription)
                lists = keys.hour(topic, cursor.subscription), keys.week(topic, cursor.subscription)
                calls.append(((hash_, *lists), (*round_, "subscription", cursor.start)))
        await self._call_each(scripts.SAMPLE, calls, go_on=True)

    async def topic_history(self, topic: str, window: Window) -> list[TopicPoint]:
        """How a topic, named by its uuid, fared; oldest point first."""
        ends, (samples,) = await self._samples(window, topic, {"": 0})
        points = []
        for time, before, after in ends:
            log = samples.at(after)
            published, rate = _growth(samples.at(before), log, window)
            stored = None if log is None else log[0] - log[1]
            points.append(TopicPoint(time, published, rate, stored))
        return points

    async def subscription_history(self, cursor: Cursor, window: Window) -> list[SubscriptionPoint]:
        """How a subscription fared; oldest point first."""
        starts = {"": 0, cursor.subscription: cursor.start}
        ends, (logs, samples) = await self._samples(window, cursor.topic, starts)
        points = []
        for time, before, after in ends:
            log, position = logs.at(after), samples.at(after)
            delivered, rate = _growth(samples.at(before), position, window)
            backlog = None
            if log is not None and position is not None:
                next_, first = log
                backlog = max(0, next_ - max(position[1], first))
            points.append(SubscriptionPoint(time, delivered, rate, backlog))
        return points

    async def _samples(
        self, window: Window, topic: str, starts: Mapping[str, int]
    ) -> tuple[list[_Step], list["_Samples"]]:
        """The steps of a window, and what is known of those whose second number has a start."""
        shape = _SHAPES[window]
        # Before the samples: one taken meanwhile tells of a later step than the last one done.
        now, done = await self._call(scripts.ROUNDS, (ROUNDS,))
        lists = [((shape.key(topic, name),), ()) for name in starts]
        found = await self._call_each(scripts.SAMPLES, lists)
        done //= shape.minutes
        now //= shape.minutes
        # The round of the step that has just begun may be under way.
        last = now if done >= now else now - 1
        last -= last % shape.samples
        first = last - shape.points * shape.samples
        steps = [
            (step * shape.minutes * _MINUTE, step - shape.samples, step)
            for step in range(first + shape.samples, last + 1, shape.samples)
        ]
        samples = [
            _Samples(packed, start, done)
            for packed, start in zip(found, starts.values(), strict=True)
        ]
        return steps, samples


class _Samples:
    """The numbers of one list of samples at any step."""

    def __init__(self, packed: bytes, start: int, done: int) -> None:
        self._steps = [0]
        self._numbers = [(0, start)]
        self._done = done
        for step, first, second in _SAMPLE.iter_unpack(packed):
            self._steps.append(step)
            self._numbers.append((int.from_bytes(first), int.from_bytes(second)))

    def at(self, step: int) -> tuple[int, int] | None:
        """The numbers as the step began, None if they are not known."""
        position = bisect_right(self._steps, step) - 1
        numbers = self._numbers[position]
        if self._steps[position] == step:
            return numbers
        if position + 1 == len(self._steps):
            return numbers if step <= self._done else None
        return numbers if self._numbers[position + 1] == numbers else None


def _growth(
    before: tuple[int, int] | None, after: tuple[int, int] | None, window: Window
) -> tuple[int, float] | tuple[None, None]:
    """By how much the first number grew during a step, and by how much a second."""
    if before is None or after is None or after[0] < before[0]:
        return None, None
    growth = after[0] - before[0]
    return growth, growth / window.step_seconds
