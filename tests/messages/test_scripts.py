"""The Lua scripts and what their first comments say of them."""

import re
from datetime import date
from pathlib import Path

import pytest

from ams.messages import scripts
from ams.messages.history import Round, Window
from ams.messages.lane import Call, Lane
from ams.messages.log import Cursor, MessageLog
from ams.messages.pushing import Accepted
from ams.messages.scripts import Script
from tests.messages.logs import new_cursor, new_topic, open_log, publish
from tests.servers import RedisServer

FOLDER = Path(scripts.__file__).parent
ALL = {each.name: each for each in vars(scripts).values() if isinstance(each, Script)}


def header(name: str) -> str:
    """The comment that a script begins with, without the marks of comments."""
    text = (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    comment = re.match(r"(--.*\n)+", text)
    assert comment
    return re.sub(r"(?m)^-- ?", "", comment[0])


def numbered(name: str, section: str) -> int:
    """How many things a header's section lists: `KEYS  1 log  2 topic hash`."""
    found = re.search(rf"(?m)^{section}  (.*(?:\n  +.*)*)", header(name))
    numbers = [int(each) for each in re.findall(r"(?:^|\s\s)(\d+) \S", found[1])] if found else []
    assert numbers == list(range(1, len(numbers) + 1))
    return len(numbers)


def test_every_script_is_loaded() -> None:
    assert {path.stem for path in FOLDER.glob("*.lua")} == {*ALL, "prelude"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_script_begins_with_its_keys_arguments_and_returns(name: str) -> None:
    assert re.search(r"(?m)^KEYS  ", header(name))
    assert re.search(r"(?m)^Returns ", header(name))


async def test_the_comments_name_as_many_keys_and_arguments_as_are_given(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[int, int]] = {}
    submit = Lane.submit

    def note(lane: Lane, call: Call) -> None:
        given[call.script.name] = len(call.keys), len(call.arguments)
        submit(lane, call)

    monkeypatch.setattr(Lane, "submit", note)
    async with open_log(redis_server.url) as opened:
        await use_everything(opened.log)
    # Append lists its keys and arguments by topic; what it does with them is tested all over.
    assert {*given, "append"} == set(ALL)
    assert given == {name: (numbered(name, "KEYS"), numbered(name, "ARGV")) for name in given}


async def use_everything(log: MessageLog) -> None:
    topic = new_topic()
    cursor = new_cursor(topic)
    await publish(log, topic, "a")
    await log.pull(cursor, 1)
    await log.acknowledge(cursor, 0, deadline=60)
    await log.meet_pushers("worker", 0, "host:1", shares=True)
    await log.pushers()
    pushing = await log.take_push(cursor, "worker", "settings")
    assert isinstance(pushing, Cursor)
    await log.note_push_failure(pushing, "why", retry=False)
    await log.acknowledge_pushed(pushing, Accepted(0, 0, 1, retry=False))
    await log.push_states([(topic.uuid, cursor.subscription)])
    await log.release_push(topic.uuid, cursor.subscription, "worker")
    await log.offsets(cursor)
    await log.seek(cursor, 0)
    await log.offset_at_time(topic.uuid, 0)
    await log.end(topic.uuid)
    await log.peek(topic.uuid, most=1, most_bytes=1)
    await log.topic_statistics([topic.uuid])
    await log.subscription_statistics([cursor])
    await log.daily_counts([topic.uuid])
    await log.published_between([topic.uuid], date.min, date.max)
    round_ = (await log.begin_round())[0] or Round(1, 0)
    await log.sample(round_, [(topic.uuid, [cursor])])
    await log.end_round(round_)
    await log.topic_history(topic.uuid, Window.HOUR)
    await log.purge_subscription(cursor)
    await log.purge_topic(topic)
    await log.lease(f"lease of {topic.uuid}", 0.001)
    await log.trim(topic)
    await log.raise_topic_epoch(topic.uuid, 1)
    await log.raise_subscription_epoch(topic.uuid, cursor.subscription, 1)
    await log.drop_subscription(topic.uuid, cursor.subscription)
    await log.drop(topic.uuid)
    await log.drop_days(topic.uuid)
