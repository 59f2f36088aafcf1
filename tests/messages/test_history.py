"""What topics and subscriptions went through, told from samples.

Rounds of sampling are numbered by minutes; these tests take those of the past themselves.
"""

import pytest

from ams.messages import keys, scripts
from ams.messages.history import (
    ROUNDS,
    Round,
    SubscriptionPoint,
    TopicPoint,
    Window,
)
from ams.messages.log import Cursor, MessageLog
from tests.messages.logs import OpenLog, new_cursor, new_topic, offsets_of, publish

MINUTE = 60_000_000  # Microseconds.

#: How many samples a list may have: those of its window, and the few that are told in its comment.
LONGEST_HOUR, LONGEST_WEEK = 60 + 4, 7 * 144 + 9
#: The most bytes of Redis' memory that the history of one topic or subscription may take.
MOST_MEMORY = 24_000


async def this_minute(opened: OpenLog) -> int:
    minute, _ = await opened.log._call(scripts.ROUNDS, (ROUNDS,))
    return int(minute)


async def hold(log: MessageLog, minute: int, topic: str, *cursors: Cursor, seen: int = -1) -> None:
    """A round that samples one topic; `seen` as in `Round`, if not the minute before."""
    round_ = Round(minute, minute - 1 if seen < 0 else seen)
    await log.sample(round_, [(topic, cursors)])
    await log.end_round(round_)


def published(points: list[TopicPoint]) -> list[int | None]:
    return [point.published for point in points]


def stored(points: list[TopicPoint]) -> list[int | None]:
    return [point.stored for point in points]


def delivered(points: list[SubscriptionPoint]) -> list[int | None]:
    return [point.delivered for point in points]


def backlog(points: list[SubscriptionPoint]) -> list[int | None]:
    return [point.backlog for point in points]


async def length(opened: OpenLog, key: str) -> int:
    return await opened.client.llen(key)


async def memory(opened: OpenLog, *names: str) -> int:
    sizes = [await opened.client.memory_usage(name, samples=0) for name in names]
    return sum(size or 0 for size in sizes)


async def test_the_last_hour_is_told_by_minutes(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    for minute, text in ((now - 3, "abc"), (now - 2, ""), (now - 1, "de"), (now, "f")):
        await publish(log, topic, *text)
        await hold(log, minute, topic.uuid)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    assert [point.time for point in points] == [n * MINUTE for n in range(now - 59, now + 1)]
    assert published(points) == [0] * 56 + [3, 0, 2, 1]
    assert stored(points) == [0] * 56 + [3, 3, 5, 6]
    assert points[-2].rate == pytest.approx(2 / 60)


async def test_what_is_removed_is_not_stored_but_was_published(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a", "b", "c")
    await hold(log, now - 1, topic.uuid)
    await log.purge_topic(topic)
    await hold(log, now, topic.uuid)
    points = (await log.topic_history(topic.uuid, Window.HOUR))[-2:]
    assert (published(points), stored(points)) == ([3, 0], [3, 0])


async def test_a_subscription_is_told_by_what_it_was_given_and_what_it_lacks(
    opened: OpenLog,
) -> None:
    """What is pulled again counts again; a seek moves the backlog."""
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    now = await this_minute(opened)
    await publish(log, topic, "a", "b", "c")
    await hold(log, now - 5, topic.uuid, cursor)
    await log.pull(cursor, 2)
    await hold(log, now - 4, topic.uuid, cursor)
    await log.pull(cursor, 2)
    await log.acknowledge(cursor, 1, deadline=60)
    await hold(log, now - 3, topic.uuid, cursor)
    await publish(log, topic, "d", "e")
    await hold(log, now - 2, topic.uuid, cursor)
    await log.seek(cursor, 0)
    await hold(log, now - 1, topic.uuid, cursor)
    await log.purge_topic(topic)
    await hold(log, now, topic.uuid, cursor)
    points = await log.subscription_history(cursor, Window.HOUR)
    assert [point.time for point in points] == [n * MINUTE for n in range(now - 59, now + 1)]
    assert delivered(points) == [0] * 55 + [2, 2, 0, 0, 0]
    assert backlog(points) == [0] * 54 + [3, 3, 1, 3, 5, 0]
    assert points[55].rate == pytest.approx(2 / 60)


async def test_a_subscription_that_nobody_uses_has_a_backlog(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a", "b")
    cursor = new_cursor(topic, start=2)
    await hold(log, now - 1, topic.uuid, cursor)
    await publish(log, topic, "c")
    await hold(log, now, topic.uuid, cursor)
    points = await log.subscription_history(cursor, Window.HOUR)
    assert delivered(points) == [0] * 60
    assert backlog(points) == [0] * 59 + [1]
    assert await length(opened, keys.hour(topic.uuid, cursor.subscription)) == 0


async def test_a_missed_minute_is_a_gap(opened: OpenLog) -> None:
    """How much happened in each of the minutes is not known, only how things stood afterwards."""
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    now = await this_minute(opened)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await hold(log, now - 6, topic.uuid, cursor)
    await publish(log, topic, "b", "c")
    await log.pull(cursor, 3)
    await hold(log, now - 2, topic.uuid, cursor, seen=now - 5)
    await publish(log, topic, "d")
    await hold(log, now - 1, topic.uuid, cursor)
    await hold(log, now, topic.uuid, cursor)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    # It was seen at now - 5, as it had been.
    assert published(points[-7:]) == [1, 0, None, None, None, 1, 0]
    assert stored(points[-7:]) == [1, 1, None, None, 3, 4, 4]
    points_of_subscription = await log.subscription_history(cursor, Window.HOUR)
    assert delivered(points_of_subscription[-7:]) == [1, 0, None, None, None, 0, 0]
    assert backlog(points_of_subscription[-7:]) == [1, 1, None, None, 3, 4, 4]


async def test_while_nothing_happens_no_minute_is_missing(opened: OpenLog) -> None:
    """Counters never go back: if they are the same afterwards, nothing has happened."""
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a")
    await hold(log, now - 30, topic.uuid)
    await hold(log, now, topic.uuid, seen=now - 30)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    assert published(points) == [0] * 29 + [1] + [0] * 30


async def test_nothing_is_told_of_the_time_after_the_last_round(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a")
    await hold(log, now - 10, topic.uuid)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    assert len(points) == 60
    while points[-1].time > (now - 10) * MINUTE:
        assert points.pop()[1:] == (None, None, None)
    assert published(points)[-2:] == [0, 1]


async def test_nothing_is_told_of_the_time_before_the_first_round_of_all(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a")
    await hold(log, now - 1, topic.uuid, seen=0)
    await hold(log, now, topic.uuid)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    assert published(points) == [None] * 59 + [0]
    assert stored(points) == [None] * 58 + [1, 1]
    await opened.client.delete(ROUNDS)
    other = new_topic()
    await publish(log, other, "a")
    assert published(await log.topic_history(other.uuid, Window.HOUR)) == [None] * 60


async def test_counters_that_went_back_are_a_gap(opened: OpenLog) -> None:
    """A Redis that took over may lack what was counted last."""
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a", "b")
    await hold(log, now - 1, topic.uuid)
    await opened.set_field(keys.topic(topic.uuid), "next", 1)
    await hold(log, now, topic.uuid)
    points = await log.topic_history(topic.uuid, Window.HOUR)
    assert (published(points[-1:]), stored(points[-1:])) == ([None], [1])


async def test_a_round_that_comes_twice_or_late_changes_nothing(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    now = await this_minute(opened)
    await publish(log, topic, "a")
    await hold(log, now, topic.uuid)
    await publish(log, topic, "b")
    for minute in (now, now - 1):
        await hold(log, minute, topic.uuid)
        await log.end_round(Round(now, 0))
        points = await log.topic_history(topic.uuid, Window.HOUR)
        assert published(points) == [0] * 59 + [1]


async def test_a_busy_week_is_told_and_takes_a_few_kilobytes(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    now = await this_minute(opened)
    first = now // 10 - 1100
    # Numbers as large as those of a topic in use for a long time.
    await publish(log, topic, "a")
    await opened.set_field(keys.topic(topic.uuid), "next", 10**9)
    await opened.set_field(keys.topic(topic.uuid), "first", 10**9)
    cursor = cursor._replace(start=10**9)
    minutes = [*range(first * 10, now - 90, 10), *range(now - 90, now + 1)]
    for position, minute in enumerate(minutes):
        await publish(log, topic, "a", "b")
        offsets = offsets_of(await log.pull(cursor, 10))
        await log.acknowledge(cursor, offsets[0], deadline=60)
        await hold(log, minute, topic.uuid, cursor, seen=minutes[position - 1] if position else 0)
    for window, step in ((Window.HOUR, 1), (Window.DAY, 10), (Window.WEEK, 60)):
        points = await log.topic_history(topic.uuid, window)
        times = [point.time for point in points]
        assert len(points) == {Window.HOUR: 60, Window.DAY: 144, Window.WEEK: 168}[window]
        last = now // step * step
        assert times == [(last - n * step) * MINUTE for n in reversed(range(len(points)))]
        assert window.step_seconds == step * 60
        before = sum(minute <= last - len(points) * step for minute in minutes)
        assert sum(p or 0 for p in published(points)) == 2 * (
            sum(minute <= last for minute in minutes) - before
        )
        assert None not in published(points)
        of_subscription = await log.subscription_history(cursor, window)
        assert None not in delivered(of_subscription)
        assert backlog(of_subscription)[-1] == sum(minute <= last for minute in minutes)
    for name in ("", cursor.subscription):
        hour, week = keys.hour(topic.uuid, name), keys.week(topic.uuid, name)
        assert 60 < await length(opened, hour) <= LONGEST_HOUR
        assert 1008 < await length(opened, week) <= LONGEST_WEEK
        assert 16_000 < await memory(opened, hour, week) <= MOST_MEMORY


async def test_an_idle_topic_is_written_down_once(opened: OpenLog) -> None:
    log, idle, unused = opened.log, new_topic(), new_topic()
    cursor = new_cursor(idle)
    now = await this_minute(opened)
    await publish(log, idle, "a")
    await log.offsets(cursor)
    for minute in range(now - 200, now + 1):
        await hold(log, minute, idle.uuid, cursor)
        await hold(log, minute, unused.uuid, new_cursor(unused))
    assert await opened.keys_of(unused.uuid) == set()
    lists = keys.hour(idle.uuid), keys.week(idle.uuid)
    # How it began, and how it is.
    assert await length(opened, lists[0]) == 1
    assert await length(opened, lists[1]) == 2
    assert await memory(opened, *lists) < 500
    assert keys.hour(idle.uuid, cursor.subscription) not in await opened.keys_of(idle.uuid)
    points = await log.topic_history(idle.uuid, Window.HOUR)
    assert (published(points), stored(points)) == ([0] * 60, [1] * 60)


@pytest.mark.parametrize("window", Window)
async def test_nothing_happened_where_nothing_is(opened: OpenLog, window: Window) -> None:
    topic = new_topic()
    await opened.log.end_round(Round(await this_minute(opened), 0))
    for point in await opened.log.topic_history(topic.uuid, window):
        assert point[1:] == (0, 0.0, 0)
    for place in await opened.log.subscription_history(new_cursor(topic), window):
        assert place[1:] == (0, 0.0, 0)
    assert await opened.keys_of(topic.uuid) == set()


async def test_what_is_dropped_has_no_history_and_gets_none(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    gone, other = new_cursor(topic), new_cursor(topic)
    now = await this_minute(opened)
    await publish(log, topic, "a")
    for cursor in (gone, other):
        await log.pull(cursor, 1)
    await hold(log, now - 2, topic.uuid, gone, other, seen=now - 20)

    def lists(name: str = "") -> set[str]:
        return {keys.hour(topic.uuid, name), keys.week(topic.uuid, name)}

    everything = lists() | lists(gone.subscription) | lists(other.subscription)
    assert everything <= await opened.keys_of(topic.uuid)
    await log.drop_subscription(topic.uuid, gone.subscription)
    await hold(log, now - 1, topic.uuid, gone, other, seen=now - 20)
    left = await opened.keys_of(topic.uuid)
    assert everything & left == everything - lists(gone.subscription)
    await log.drop(topic.uuid)
    await hold(log, now, topic.uuid, gone, other, seen=now - 20)
    assert everything & await opened.keys_of(topic.uuid) == set()
