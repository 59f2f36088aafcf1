"""A pull is two steps, and much can happen in between: its answer and its counters stay right."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ams.messages import keys
from ams.messages.errors import StaleMetadata
from ams.messages.group_commit import TopicLog
from ams.messages.log import Cursor, MessageLog, Offsets
from ams.messages.pulls import SHORT
from ams.messages.statistics import SubscriptionStatistics
from ams.service.errors import InternalError
from ams.service.settings_sections import MessagesSettings
from tests.eventually import eventually
from tests.messages.logs import (
    TIMEOUT,
    InterruptedLog,
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    publish,
    wake_ups,
)

#: The data of three messages: too long to be returned in one step.
LONG = [letter * (SHORT // 2) for letter in "abc"]
SIZE = len(LONG[0])


async def trim(log: MessageLog, topic: TopicLog, keep: int) -> None:
    """Leaves so many of the long messages."""
    await log.trim(topic._replace(retention_bytes=keep * len(message(LONG[0])) + 1))


@pytest.fixture
def log(opened: OpenLog) -> InterruptedLog:
    """A log on each kind of Redis, in which something can happen between the steps of a pull."""
    settings = MessagesSettings.model_validate({"durability": "memory"})
    return InterruptedLog(opened.client, settings, TIMEOUT)


async def three(log: MessageLog) -> tuple[TopicLog, Cursor]:
    """A topic with three long messages, each in an entry of its own; a subscription to it."""
    topic = new_topic()
    for text in LONG:
        await publish(log, topic, text)
    return topic, new_cursor(topic)


def once(log: InterruptedLog, work: Callable[[], Awaitable[object]]) -> None:
    """Does something between the two steps of the next pull."""

    async def interrupt() -> None:
        log.between = None
        await work()

    log.between = interrupt


async def of(log: MessageLog, cursor: Cursor) -> SubscriptionStatistics:
    (found,) = await log.subscription_statistics([cursor])
    return found


@pytest.mark.parametrize("kept", [0, 1, 2])
async def test_what_is_trimmed_meanwhile_is_neither_delivered_nor_counted(
    log: InterruptedLog, kept: int
) -> None:
    """The pull begins at the oldest message there is (contract: ams-core 5.7)."""
    topic, cursor = await three(log)
    once(log, lambda: trim(log, topic, kept))
    runs = await log.pull(cursor, 10)
    assert log.between is None
    assert messages_of(runs) == [message(text) for text in LONG[3 - kept :]]
    assert offsets_of(runs) == list(range(3 - kept, 3))
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (kept, kept * SIZE)
    assert (counted.offset, counted.next_offset) == (3 - kept, 3)


async def test_a_pull_begins_again_only_once(log: InterruptedLog) -> None:
    """However fast messages go: the second time it reads them in one step."""
    topic, cursor = await three(log)
    kept = iter((2, 1, 0))

    async def trim_on() -> None:
        await trim(log, topic, next(kept))

    log.between = trim_on
    assert offsets_of(await log.pull(cursor, 10)) == [1, 2]
    assert next(kept) == 1


async def test_what_an_append_trims_meanwhile_is_neither_delivered_nor_counted(
    log: InterruptedLog,
) -> None:
    """The batch that is delivered instead goes up to the new end."""
    topic, cursor = await three(log)
    limited = topic._replace(retention_bytes=2 * len(message(LONG[0])))
    once(log, lambda: publish(log, limited, "new"))
    assert messages_of(await log.pull(cursor, 10)) == [message(LONG[2]), message("new")]
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (2, SIZE + len("new"))
    await log.acknowledge(cursor, 3, deadline=60)


async def test_what_is_trimmed_before_the_batch_changes_nothing(log: InterruptedLog) -> None:
    topic, cursor = await three(log)
    await log.seek(cursor, 1)
    once(log, lambda: trim(log, topic, 2))
    assert offsets_of(await log.pull(cursor, 10)) == [1, 2]
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (2, 2 * SIZE)


async def test_counters_grow_from_what_they_were(log: InterruptedLog) -> None:
    topic, cursor = await three(log)
    await log.pull(cursor, 10)
    once(log, lambda: trim(log, topic, 1))
    await log.pull(cursor, 10)
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (4, 4 * SIZE)


async def test_the_rate_is_not_that_since_a_step_of_the_same_pull(
    opened: OpenLog, log: InterruptedLog
) -> None:
    """Contract: ams-core 10."""
    topic, cursor = await three(log)
    await log.pull(cursor, 10)
    key = keys.subscription(topic.uuid, cursor.subscription)
    before = (await opened.hash(key))["last_consume"]
    await opened.set_field(key, "last_consume", before - 100_000_000)
    once(log, lambda: trim(log, topic, 2))
    await log.pull(cursor, 10)
    counted = await of(log, cursor)
    assert 0 < counted.rate <= 0.03
    assert counted.last_consume is not None
    assert counted.last_consume >= before


async def test_a_purge_meanwhile_leaves_an_empty_answer(log: InterruptedLog) -> None:
    topic, cursor = await three(log)
    once(log, lambda: log.purge_topic(topic))
    assert await log.pull(cursor, 10) == []
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes, counted.rate > 0) == (0, 0, True)
    assert await log.offsets(cursor) == Offsets(3, 3, 3)
    with pytest.raises(InternalError, match="wrong ack"):
        await log.acknowledge(cursor, 2, deadline=60)


async def test_a_pull_whose_messages_are_purged_meanwhile_waits_for_others(
    opened: OpenLog, log: InterruptedLog
) -> None:
    topic, cursor = await three(log)
    once(log, lambda: log.purge_topic(topic))
    async with wake_ups(OpenLog(log, opened.client)), asyncio.timeout(30):
        until = asyncio.get_running_loop().time() + 30
        pull = asyncio.create_task(log.pull(cursor, 10, until=until))
        await eventually(lambda: opened.marked(topic.uuid))
        counted = await of(log, cursor)
        assert (counted.messages, counted.bytes, counted.next_offset) == (0, 0, 0)
        await publish(log, topic, "new")
        assert messages_of(await pull) == [message("new")]
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (1, len("new"))


async def test_a_topic_dropped_meanwhile_delivers_nothing_and_stays_dropped(
    opened: OpenLog, log: InterruptedLog
) -> None:
    topic, cursor = await three(log)
    once(log, lambda: log.drop(topic.uuid))
    with pytest.raises(StaleMetadata):
        await log.pull(cursor, 10)
    remains = {keys.topic(topic.uuid), keys.days(topic.uuid)}
    assert await opened.keys_of(topic.uuid) == remains


async def test_a_subscription_dropped_meanwhile_stays_dropped(
    opened: OpenLog, log: InterruptedLog
) -> None:
    """Its last pull came first."""
    topic, cursor = await three(log)
    once(log, lambda: log.drop_subscription(topic.uuid, cursor.subscription))
    assert offsets_of(await log.pull(cursor, 10)) == [0, 1, 2]
    key = keys.subscription(topic.uuid, cursor.subscription)
    assert (await opened.hash(key)).keys() == {"epoch"}
    once(log, lambda: trim(log, topic, 1))
    with pytest.raises(StaleMetadata):
        await log.pull(cursor, 10)


async def test_an_epoch_raised_meanwhile_holds_from_the_next_pull_on(log: InterruptedLog) -> None:
    """As it would if the change had come after the answer had been sent."""
    topic, cursor = await three(log)
    once(log, lambda: log.raise_subscription_epoch(topic.uuid, cursor.subscription, 2))
    assert offsets_of(await log.pull(cursor, 10)) == [0, 1, 2]
    with pytest.raises(StaleMetadata):
        await log.pull(cursor, 10)


async def test_a_pull_that_begins_again_needs_the_epoch_again(log: InterruptedLog) -> None:
    topic, cursor = await three(log)

    async def change() -> None:
        await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 2)
        await trim(log, topic, 1)

    once(log, change)
    with pytest.raises(StaleMetadata):
        await log.pull(cursor, 10)
    assert offsets_of(await log.pull(cursor._replace(epoch=2), 10)) == [2]


async def test_another_pull_and_its_acknowledgement_meanwhile_are_as_if_they_came_after(
    log: InterruptedLog,
) -> None:
    """Contract: ams-core 5.6."""
    _, cursor = await three(log)

    async def consume() -> None:
        assert offsets_of(await log.pull(cursor, 2)) == [0, 1]
        await log.acknowledge(cursor, 1, deadline=60)

    once(log, consume)
    assert offsets_of(await log.pull(cursor, 10)) == [0, 1, 2]
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(cursor, 2, deadline=60)
    assert offsets_of(await log.pull(cursor, 10)) == [2]
    assert (await of(log, cursor)).messages == 6


async def test_a_pull_that_begins_again_keeps_to_its_limits(
    opened: OpenLog, log: InterruptedLog
) -> None:
    """Of messages and of bytes."""
    limits = {"durability": "memory", "pull_max_bytes": 2 * len(message(LONG[0]))}
    limited = InterruptedLog(opened.client, MessagesSettings.model_validate(limits), TIMEOUT)
    topic, cursor = await three(log)
    for text in LONG:
        await publish(log, topic, text)
    once(limited, lambda: trim(log, topic, 5))
    assert offsets_of(await limited.pull(cursor, 10)) == [1, 2]
    once(log, lambda: trim(log, topic, 4))
    assert offsets_of(await log.pull(cursor, 3)) == [2, 3, 4]


async def test_who_goes_away_between_the_steps_leaves_others_theirs(log: InterruptedLog) -> None:
    topic, cursor = await three(log)
    pulls = [
        asyncio.create_task(log.pull(each, 10)) for each in (cursor, *map(new_cursor, [topic] * 2))
    ]

    async def leave() -> None:
        pulls[0].cancel()

    once(log, leave)
    outcomes = await asyncio.gather(*pulls, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [offsets_of(await pull) for pull in pulls[1:]] == [[0, 1, 2]] * 2


async def test_long_messages_are_found_and_counted_before_they_are_read(log: MessageLog) -> None:
    topic, cursor = await three(log)
    soon = asyncio.get_running_loop().time() + 5
    found = await log.find(cursor, 2, soon)
    assert (found.runs, found.messages, found.data) == ([], 2, 2 * SIZE)
    assert found.size == sum(len(message(text)) for text in LONG[:2])
    await publish(log, topic, "short")
    await trim(log, topic, 2)
    taken = await log.take(cursor, 2, found)
    assert messages_of(taken.runs) == [message(LONG[2]), message("short")]
    counted = await of(log, cursor)
    assert (counted.messages, counted.bytes) == (2, SIZE + len("short"))


async def test_short_messages_are_read_when_they_are_found(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    now = asyncio.get_running_loop().time()
    assert not await log.find(cursor, 2, now)
    await publish(log, topic, "short")
    found = await log.find(cursor, 2, now + 5)
    assert messages_of(found.runs) == [message("short")]
