"""What is past its retention goes, nothing else does, and the books about it are right."""

import json
import random
from collections.abc import Awaitable, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import pytest

from ams.messages import keys
from ams.messages.entries import ENTRY_MESSAGES
from ams.messages.group_commit import TopicLog
from ams.messages.log import TRIM_MESSAGES, Offsets
from ams.service.errors import InternalError, InvalidArgument
from tests.messages.logs import (
    OpenLog,
    message,
    messages_of,
    new_cursor,
    new_topic,
    offsets_of,
    publish,
)

MINUTE = 60_000_000
#: Bytes of an entry that has its label with it: SHORT in append.lua.
SHORT_ENTRY = 2000
HOUR = 60 * MINUTE


class Entry(NamedTuple):
    """An entry of the log: offset of its first message, their JSON, and what its label tells."""

    first: int
    json: bytes
    time: int
    start: int
    size: int
    data: int
    lengths: list[int]

    @property
    def label(self) -> bytes:
        """What stands in the log with the entry or behind it: see prelude.lua."""
        numbers = zip((self.time, self.start, self.size, self.data), (7, 6, 4, 6), strict=True)
        lengths = " ".join(map(str, self.lengths)).encode()
        return b"".join([*(number.to_bytes(size) for number, size in numbers), lengths])


async def entries_of(opened: OpenLog, topic: TopicLog) -> list[Entry]:
    # redis-py types a stream's entries less exactly than it returns them.
    found = await cast(
        "Awaitable[list[tuple[bytes, dict[bytes, bytes]]]]",
        opened.client.xrange(keys.log(topic.uuid)),
    )
    entries = []
    items = iter(found)
    for entry_id, entry in items:
        first = int(entry_id.removesuffix(b"-0")) - 1
        text = entry.get(b"l")
        assert (text is not None) == (len(entry[b"m"]) <= SHORT_ENTRY)
        if text is None:
            label_id, label = next(items)
            assert label_id == b"%d-1" % (first + 1)
            text = label[b"m"]
        time, start, size, data = (
            int.from_bytes(text[begin:end]) for begin, end in pairwise((0, 7, 13, 17, 23))
        )
        lengths = [int(each) for each in text[23:].split()]
        entries.append(Entry(first, entry[b"m"], time, start, size, data, lengths))
    return entries


async def make_older(opened: OpenLog, topic: TopicLog, ages: Sequence[int]) -> None:
    """Puts the first entries' publish times back, by so many microseconds each."""
    entries = await entries_of(opened, topic)
    await opened.client.delete(keys.log(topic.uuid))
    all_ages = [*ages, *[0] * len(entries)]
    for entry, age in zip(entries, all_ages, strict=False):
        older = entry._replace(time=entry.time - age)
        pieces: list[tuple[str | bytes, ...]] = [("m", older.json), ("m", older.label)]
        if older.size <= SHORT_ENTRY:
            pieces = [("m", older.json, "l", older.label)]
        for number, fields in enumerate(pieces):
            await opened.client.execute_command(
                "XADD", keys.log(topic.uuid), f"{entry.first + 1}-{number}", *fields
            )
    await opened.set_field(keys.topic(topic.uuid), "first_time", entries[0].time - ages[0])


async def check_the_books(opened: OpenLog, topic: TopicLog, published: int, data: int) -> None:
    """Computes again from the stream what the topic's hash and the labels say of it."""
    books = await opened.hash(keys.topic(topic.uuid))
    entries = await entries_of(opened, topic)
    offset = entries[0].first if entries else published
    assert (books["first"], books["next"], books["data_bytes"]) == (offset, published, data)
    stored = books.get("first_bytes", 0)
    for entry, following in pairwise([*entries, None]):
        assert entry is not None
        assert (entry.first, entry.start, entry.size) == (offset, stored, len(entry.json))
        messages = entry.json.splitlines(keepends=True)
        assert entry.lengths == [len(json.loads(each)["data"].encode()) for each in messages]
        offset += len(messages)
        stored += len(entry.json)
        assert entry.data + sum(entry.lengths) == (following.data if following else data)
    assert (offset, stored) == (published, books["end_bytes"])
    times = [entry.time for entry in entries]
    assert times == sorted(times)
    if entries:
        assert books["first_time"] == times[0]
        assert books["last_publish"] >= times[-1]


async def test_an_append_removes_what_is_clearly_past_its_age(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic(age=64 * MINUTE)
    for text in ("a", "b", "c"):
        await publish(log, topic, text)
    cursor = new_cursor(topic)
    # A 64th beyond its age a message may stay until the next sweep.
    await make_older(opened, topic, [64 * MINUTE + MINUTE // 2, 64 * MINUTE + MINUTE // 4])
    await publish(log, topic, "d")
    assert await log.offsets(cursor) == Offsets(0, 0, 4)
    await make_older(opened, topic, [MINUTE, 0])
    await publish(log, topic, "e")
    assert await log.offsets(cursor) == Offsets(2, 2, 5)
    await check_the_books(opened, topic, 5, 5)


async def test_a_trim_removes_exactly_what_is_past_its_age(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    for text in ("a", "b", "c", "d"):
        await publish(log, topic, text)
    await make_older(opened, topic, [2 * HOUR, HOUR + MINUTE, HOUR - MINUTE])
    assert await log.trim(topic._replace(retention_microseconds=HOUR)) == 2
    assert offsets_of(await log.pull(new_cursor(topic), 10)) == [2, 3]
    assert await log.trim(topic._replace(retention_microseconds=HOUR)) == 0
    await check_the_books(opened, topic, 4, 4)


async def test_an_append_keeps_the_log_within_its_bytes_and_little_more(opened: OpenLog) -> None:
    log, size = opened.log, 64 * 1000
    topic = new_topic(size=size)
    each = len(message("x" * 900))
    for count in range(1, 101):
        await publish(log, topic, "x" * 900)
        books = await opened.hash(keys.topic(topic.uuid))
        kept = books["end_bytes"] - books.get("first_bytes", 0)
        assert min(count * each, size - each) <= kept <= size * 65 / 64
    assert 0 < await log.trim(topic) + books["first"] < 100
    books = await opened.hash(keys.topic(topic.uuid))
    assert size - each < books["end_bytes"] - books.get("first_bytes", 0) <= size
    await check_the_books(opened, topic, 100, 90_000)


async def test_a_topic_without_limits_keeps_everything(opened: OpenLog) -> None:
    topic = new_topic()
    await publish(opened.log, topic, "a")
    await make_older(opened, topic, [24 * 365 * HOUR])
    await publish(opened.log, topic, "b")
    assert await opened.log.trim(topic) == 0
    assert await opened.log.offsets(new_cursor(topic)) == Offsets(0, 0, 2)


async def test_one_trim_removes_more_than_one_call_does(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    count = 2 * TRIM_MESSAGES + 100
    await publish(log, topic, *map(str, range(count)))
    (*_, (last, *_, size, _, _)) = await entries_of(opened, topic)
    kept = topic._replace(retention_bytes=size)
    assert await log.trim(kept) == last > count - ENTRY_MESSAGES
    assert await log.offsets(new_cursor(topic)) == Offsets(last, last, count)
    await check_the_books(opened, topic, count, sum(len(str(n)) for n in range(count)))
    assert await log.trim(kept._replace(retention_bytes=1)) == count - last
    await check_the_books(opened, topic, count, sum(len(str(n)) for n in range(count)))


async def test_a_log_that_was_emptied_goes_on_where_it_was(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a", "b")
    assert await log.trim(topic._replace(retention_bytes=1)) == 2
    assert await log.offsets(cursor) == Offsets(2, 2, 2)
    assert await log.pull(cursor, 1) == []
    assert (await publish(log, topic, "c")).offset == 2
    assert offsets_of(await log.pull(cursor, 1)) == [2]
    await check_the_books(opened, topic, 3, 3)


async def test_a_subscription_is_moved_past_what_was_removed(opened: OpenLog) -> None:
    log, topic = opened.log, new_topic()
    used, new = new_cursor(topic), new_cursor(topic)
    await publish(log, topic, "a")
    await publish(log, topic, "b")
    await log.pull(used, 2)
    assert await log.trim(topic._replace(retention_bytes=len(message("b")))) == 1
    # The batch began with a message that is gone.
    with pytest.raises(InternalError, match="no ack pending"):
        await log.acknowledge(used, 0, deadline=60)
    for cursor in (used, new):
        assert await log.offsets(cursor) == Offsets(1, 1, 2)
        with pytest.raises(InvalidArgument):
            await log.seek(cursor, 0)
        assert offsets_of(await log.pull(cursor, 2)) == [1]


@pytest.mark.parametrize(
    "batches",
    [
        [["x" * (SHORT_ENTRY - len(message("")))]],
        [["x" * (SHORT_ENTRY - len(message("")) + 1)]],
        [["x" * 220] * ENTRY_MESSAGES],
        [["a"], ["b", "c"], ["x" * SHORT_ENTRY], ["d"], ["x" * 500] * 20, ["e", "f"]],
    ],
    ids=["short", "long", "full", "mixed"],
)
async def test_every_message_is_found_wherever_its_label_is(
    opened: OpenLog, batches: list[list[str]]
) -> None:
    log, topic = opened.log, new_topic()
    texts = [text for batch in batches for text in batch]
    times = [(await publish(log, topic, *batch)).time for batch in batches]
    await check_the_books(opened, topic, len(texts), sum(map(len, texts)))
    stored = [message(text) for text in texts]
    first = 0
    for time, batch in zip(times, batches, strict=True):
        assert await log.offset_at_time(topic.uuid, time) == first
        first += len(batch)
    for offset in range(len(texts)):
        cursor = new_cursor(topic, offset)
        assert messages_of(await log.pull(cursor, 2)) == stored[offset : offset + 2]
        read = await log.peek(topic.uuid, offset=offset, most=3, most_bytes=10 * SHORT_ENTRY)
        assert messages_of(read) == stored[offset : offset + 3]
    assert await log.trim(topic._replace(retention_bytes=1)) == len(texts)
    await check_the_books(opened, topic, len(texts), sum(map(len, texts)))


@pytest.mark.parametrize("seed", range(3))
async def test_the_books_are_right_after_anything(opened: OpenLog, seed: int) -> None:
    chance = random.Random(seed)
    log, topic = opened.log, new_topic()
    published = data = 0
    for _ in range(40):
        match chance.choice(["publish", "publish", "publish", "limits", "trim", "older"]):
            case "publish":
                longest = chance.choice([0, 5, 50, 20_000])
                texts = ["x" * chance.randint(0, longest) for _ in range(chance.randint(0, 90))]
                assert (await publish(log, topic, *texts)).offset == published
                published += len(texts)
                data += sum(map(len, texts))
            case "limits":
                limit = chance.choice([0, 1, 100, 10_000, 100_000])
                topic = topic._replace(retention_bytes=limit)
            case "trim":
                await log.trim(topic)
            case "older" if await entries_of(opened, topic):
                ages = sorted((chance.randint(0, 2 * HOUR) for _ in range(5)), reverse=True)
                await make_older(opened, topic, ages[: len(await entries_of(opened, topic))])
                topic = topic._replace(retention_microseconds=chance.choice([0, HOUR]))
        if await opened.client.exists(keys.topic(topic.uuid)):
            await check_the_books(opened, topic, published, data)
