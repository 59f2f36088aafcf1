"""What was pulled lately and is kept in memory: pulls deliver the same with it and without it."""

import pytest

from ams.messages import keys
from ams.messages.group_commit import TopicLog
from ams.messages.log import MessageLog
from ams.messages.pulls import SHORT
from ams.messages.recent_reads import RecentReads
from ams.messages.records import Run
from ams.service.errors import Unavailable
from ams.service.settings_sections import MessagesSettings
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
)

#: Length of the data of a message of which three are too long to be returned in one step.
LENGTH = SHORT // 2


class CountingLog(InterruptedLog):
    """A log that knows how often it has read messages from Redis."""

    reads = 0

    def __init__(self, opened: OpenLog, **settings: object) -> None:
        limits = MessagesSettings.model_validate({"durability": "memory", **settings})
        super().__init__(opened.client, limits, TIMEOUT)
        self.between = self.count

    async def count(self) -> None:
        self.reads += 1


@pytest.fixture
def log(opened: OpenLog) -> CountingLog:
    """A log on each kind of Redis, that counts."""
    return CountingLog(opened)


async def fill(log: MessageLog, topic: TopicLog, letters: str) -> list[bytes]:
    """Publishes a long message a letter, and returns them as they are stored."""
    for letter in letters:
        await publish(log, topic, letter * LENGTH)
    return [message(letter * LENGTH) for letter in letters]


async def test_what_two_have_read_the_third_gets_from_memory(log: CountingLog) -> None:
    topic = new_topic()
    stored = await fill(log, topic, "abc")
    for reads in (1, 2, 2, 2):
        runs = await log.pull(new_cursor(topic), 10)
        assert (messages_of(runs), offsets_of(runs)) == (stored, [0, 1, 2])
        assert log.reads == reads


async def test_who_wants_less_gets_it_from_memory_too(log: CountingLog) -> None:
    topic = new_topic()
    stored = await fill(log, topic, "abcdef")
    for _ in range(2):
        await log.pull(new_cursor(topic), 6)
    assert messages_of(await log.pull(new_cursor(topic), 4)) == stored[:4]
    assert log.reads == 2


async def test_who_wants_more_reads_it(log: CountingLog) -> None:
    topic = new_topic()
    stored = await fill(log, topic, "abcd")
    for _ in range(3):
        await log.pull(new_cursor(topic), 3)
    assert messages_of(await log.pull(new_cursor(topic), 4)) == stored
    stored += await fill(log, topic, "efg")
    for _ in range(3):
        assert messages_of(await log.pull(new_cursor(topic), 10)) == stored


@pytest.mark.parametrize("texts", [1, 3, 40])
async def test_any_part_is_the_same_as_without_memory(
    opened: OpenLog, log: CountingLog, texts: int
) -> None:
    """Whether an entry holds one message or many."""
    topic = new_topic()
    for number in range(3):
        await publish(log, topic, *(f"{number}-{n}" + "x" * SHORT for n in range(texts)))
    end = await log.end(topic.uuid)
    plain = CountingLog(opened, recent_bytes=0)
    cursor = new_cursor(topic)
    for start in {0, 1, 2, end // 2, end - 2}:
        for most in (1, 2, end // 2, end):
            await log.seek(cursor, start)
            expected = await plain.pull(cursor, most)
            for _ in range(3):
                assert await log.pull(cursor, most) == expected
    assert log.reads < plain.reads * 3


async def test_no_memory_keeps_nothing(opened: OpenLog) -> None:
    log = CountingLog(opened, recent_bytes=0)
    topic = new_topic()
    await fill(log, topic, "abc")
    for reads in (1, 2, 3, 4):
        await log.pull(new_cursor(topic), 10)
        assert log.reads == reads


async def test_what_was_removed_is_not_delivered_from_memory(log: CountingLog) -> None:
    """Contract: ams-core 5.7."""
    topic = new_topic()
    stored = await fill(log, topic, "abcde")
    cursor = new_cursor(topic)
    for _ in range(3):
        await log.pull(cursor, 10)
    await log.trim(topic._replace(retention_bytes=3 * len(stored[0]) + 1))
    for _ in range(3):
        assert messages_of(await log.pull(cursor, 10)) == stored[2:]
    await log.purge_topic(topic)
    assert await log.pull(cursor, 10) == []


@pytest.mark.parametrize("kept", [0, 1, 2])
async def test_log_that_has_lost_its_end_delivers_what_it_has(
    opened: OpenLog, log: CountingLog, kept: int
) -> None:
    """As a replica that has taken over may have: what came then has the same offsets and sizes."""
    topic = new_topic()
    stored = await fill(log, topic, "abc"[:kept])
    places = [keys.log(topic.uuid), keys.topic(topic.uuid)]
    dumps = [await opened.client.dump(key) for key in places]
    await fill(log, topic, "abc"[kept:])
    for most in (3, 3, 3, 2, 2):
        await log.pull(new_cursor(topic), most)
    for key, dump in zip(places, dumps, strict=True):
        await opened.client.delete(key)
        if dump is not None:
            await opened.client.restore(key, 0, dump)
    stored += await fill(log, topic, "xyz"[kept:])
    for most in (2, 3, 1, 3, 3, 3):
        assert messages_of(await log.pull(new_cursor(topic), most)) == stored[:most]


async def test_what_was_read_is_forgotten_when_redis_fails(
    opened: OpenLog, log: CountingLog
) -> None:
    """It may be another server then, whose clock is behind: all labels are of the same time."""
    topic = new_topic()
    ahead = (await publish(log, topic, "a" * LENGTH)).time + 3_600_000_000
    await opened.set_field(keys.topic(topic.uuid), "last_publish", ahead)
    places = [keys.log(topic.uuid), keys.topic(topic.uuid)]
    dumps = [await opened.client.dump(key) for key in places]
    await fill(log, topic, "bc")
    for _ in range(3):
        await log.pull(new_cursor(topic), 3)

    async def fail() -> None:
        raise ConnectionError

    log.between = fail
    with pytest.raises(Unavailable):
        await log.pull(new_cursor(topic, 1), 3)
    log.between = log.count
    for key, dump in zip(places, dumps, strict=True):
        assert dump is not None
        await opened.client.restore(key, 0, dump, replace=True)
    await fill(log, topic, "xy")
    expected = [message(letter * LENGTH) for letter in "axy"]
    assert messages_of(await log.pull(new_cursor(topic), 3)) == expected


def some_run(offset: int = 0, size: int = 1000) -> Run:
    """An entry of one message."""
    return Run(offset, [b"x" * size], size, b"%d" % offset)


def test_memory_is_bounded() -> None:
    recent = RecentReads(100_000)
    for topic in range(1000):
        for _ in range(2):
            recent.note(str(topic), [some_run()])
    found = [bool(recent.find(str(topic), 0, 1, b"0")) for topic in range(1000)]
    number = sum(found)
    assert 10 < number < 100
    assert found == [False] * (1000 - number) + [True] * number


def test_what_is_used_stays() -> None:
    recent = RecentReads(100_000)
    for topic in range(1000):
        for _ in range(2):
            recent.note(str(topic), [some_run()])
        assert recent.find("0", 0, 1, b"0")


def test_a_read_again_takes_no_room_twice() -> None:
    recent = RecentReads(20_000)
    for _ in range(1000):
        recent.note("t", [some_run()])
        recent.note("u", [some_run()])
    assert recent.find("t", 0, 1, b"0")
    assert recent.find("u", 0, 1, b"0")


def test_a_read_that_would_drive_out_the_others_is_not_kept() -> None:
    recent = RecentReads(100_000)
    for _ in range(2):
        recent.note("t", [some_run()])
        recent.note("u", [some_run(size=50_000)])
    assert recent.find("u", 0, 1, b"0") is None
    assert recent.find("t", 0, 1, b"0")


def test_places_that_are_remembered_are_bounded() -> None:
    recent = RecentReads(100_000)
    recent.note("t", [some_run()])
    for topic in range(100_000):
        recent.note(str(topic), [some_run()])
    recent.note("t", [some_run()])
    assert recent.find("t", 0, 1, b"0") is None
