"""What is past its retention goes, nothing else does, and the books about it are right."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import cast

import pytest

from ams.messages import keys, retention
from ams.messages.entries import Message
from ams.messages.group_commit import TopicLog
from ams.messages.log import MessageLog, Offsets
from ams.messages.retention import LEASE, Sweeper
from ams.service.errors import Unavailable
from tests.eventually import eventually
from tests.messages.logs import (
    OpenLog,
    message,
    new_cursor,
    new_topic,
    offsets_of,
    open_log,
    publish,
)
from tests.servers import RedisServer

HOUR = 3_600_000_000
DAY = 24 * HOUR

#: An entry of the stream: offset of its first message, and its fields.
Entry = tuple[int, dict[bytes, bytes]]


async def entries_of(opened: OpenLog, topic: TopicLog) -> list[Entry]:
    found = await cast(
        "Awaitable[list[tuple[bytes, dict[bytes, bytes]]]]",
        opened.client.xrange(keys.log(topic.uuid)),
    )
    return [(int(name.split(b"-")[0]) - 1, fields) for name, fields in found]


async def check_the_books(opened: OpenLog, topic: TopicLog, published: int, data: int) -> None:
    """Computes again from the stream what the topic's hash says of it."""
    books = await opened.hash(keys.topic(topic.uuid))
    entries = await entries_of(opened, topic)
    offset, stored = (entries[0][0] if entries else published), 0
    assert books["first"] == offset
    assert books["next"] == published
    assert books["data_bytes"] == data
    for at, fields in entries:
        assert at == offset
        offset += len(fields[b"d"].split())
        assert len(fields[b"m"].split(b"\n")) == offset - at
        stored += len(fields[b"m"])
        assert int(fields[b"p"]) == books["first_bytes"] + stored
    assert offset == published
    assert books["end_bytes"] == books["first_bytes"] + stored
    times = [int(fields[b"t"]) for _, fields in entries]
    assert times == sorted(times)
    if entries:
        assert books["first_time"] == times[0]
        assert books["last_time"] == times[-1]


async def age(opened: OpenLog, topic: TopicLog, *ages: int) -> None:
    """Makes the first entries of a log older, by so many microseconds each."""
    log = keys.log(topic.uuid)
    for position, (offset, fields) in enumerate(await entries_of(opened, topic)):
        if position < len(ages):
            time = int(fields[b"t"]) - ages[position]
            name = f"{offset + 1}-0"
            if position == 0:
                await opened.set_field(keys.topic(topic.uuid), "first_time", time)
            fields[b"t"] = str(time).encode()
        else:
            name = f"{offset + 1}-0"
        rewritten.append((name, fields))
    await opened.client.delete(log)
    for name, fields in rewritten:
        await opened.client.xadd(log, fields, id=name)  # type: ignore[arg-type]
