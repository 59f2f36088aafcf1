"""The rules of delivery, held against a simple model by thousands of random steps on real Redis."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ams.messages import keys, pulls
from ams.messages.entries import ENTRY_MESSAGES
from ams.messages.log import Cursor
from ams.service.errors import AckTimeout, Conflict, InternalError, InvalidArgument
from ams.service.redis import close_redis, open_redis
from ams.service.settings_sections import MessagesSettings, RedisSettings
from tests.messages.logs import InterruptedLog, message, new_topic, publish
from tests.servers import RedisCluster, RedisServer

_T = TypeVar("_T")
DEADLINE = 10


def _mostly_few(least: int, usual: int) -> st.SearchStrategy[int]:
    """A number, now and then one that reaches across several entries of the stream."""
    return st.one_of(st.integers(least, usual), st.integers(least, usual + 5 * ENTRY_MESSAGES))


class ModelSubscription:
    """What the contract says of a subscription (contract: ams-core 5.1, 6)."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.next_offset = 0
        self.late = False
        self.messages = 0
        self.bytes = 0

    def raise_to(self, oldest: int) -> None:
        if self.offset < oldest:
            self.offset, self.next_offset = oldest, 0


class DeliveryMachine(RuleBasedStateMachine):
    """Publishes, pulls, acknowledges, seeks, trims and lets deadlines pass, in any order."""

    url: str
    subscriptions = Bundle("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = open_redis(RedisSettings(url=self.url))
        self.run(self.redis.initialize())
        self.log = InterruptedLog(self.redis, MessagesSettings(), timeout=5)
        self.topic = new_topic()
        self.published: list[tuple[bytes, int]] = []
        #: Offset and size of what was appended together and is kept.
        self.entries: list[tuple[int, int]] = []
        self.oldest = 0
        self.model: dict[str, ModelSubscription] = {}

    def run(self, work: Awaitable[_T]) -> _T:
        async def await_it() -> _T:
            return await work

        return self.runner.run(await_it())

    def teardown(self) -> None:
        self.run(close_redis(self.redis))
        self.runner.close()

    def cursor(self, name: str) -> Cursor:
        return Cursor(self.topic.uuid, name, 1, self.starts[name])

    @initialize()
    def begin(self) -> None:
        self.starts: dict[str, int] = {}

    @rule(target=subscriptions)
    def subscribe(self) -> str:
        name = f"sub{len(self.model)}"
        self.starts[name] = self.run(self.log.end(self.topic.uuid))
        self.model[name] = ModelSubscription(len(self.published))
        return name

    @rule(texts=st.lists(st.text(max_size=20), max_size=5))
    def publish(self, texts: list[str]) -> None:
        at = self.run(publish(self.log, self.topic, *texts))
        assert at.offset == len(self.published)
        for first in range(0, len(texts), ENTRY_MESSAGES):
            messages = [message(text) for text in texts[first : first + ENTRY_MESSAGES]]
            self.entries.append((len(self.published), sum(map(len, messages))))
            self.published += [(each, at.time) for each in messages]

    @rule(number=st.integers(ENTRY_MESSAGES - 1, 2 * ENTRY_MESSAGES + 1))
    def publish_many(self, number: int) -> None:
        self.publish([str(n) for n in range(number)])

    @rule(name=subscriptions, most=_mostly_few(1, 6), keep=_mostly_few(1, 300))
    def pull_while_trimmed(self, name: str, most: int, keep: int) -> None:
        async def trim() -> None:
            await self.log.trim(self.topic._replace(retention_bytes=keep))
            self.trimmed(keep)

        self.log.between = trim
        self.pull(name, most)
        self.log.between = None

    @rule(name=subscriptions, most=_mostly_few(1, 6))
    def pull(self, name: str, most: int) -> None:
        model = self.model[name]
        runs = self.run(self.log.pull(self.cursor(name), most))
        model.raise_to(self.oldest)
        expected = self.published[model.offset : model.offset + most]
        pulled = [
            (offset, each, run.time)
            for run in runs
            for offset, each in enumerate(run.messages, run.offset)
        ]
        assert pulled == [(n, *each) for n, each in enumerate(expected, model.offset)]
        model.next_offset = model.offset + len(expected)
        model.messages += len(expected)
        model.bytes += sum(len(msgspec.json.decode(each)["data"].encode()) for each, _ in expected)
        model.late = False

    @rule(name=subscriptions, highest=_mostly_few(0, 30))
    def acknowledge(self, name: str, highest: int) -> None:
        model = self.model[name]
        model.raise_to(self.oldest)
        expected = "ok"
        if model.next_offset == 0:
            expected = "no ack pending"
        elif not model.offset < highest + 1 <= model.next_offset:
            expected = "wrong ack"
        elif model.late:
            expected = "ack timeout"
        else:
            model.offset, model.next_offset = highest + 1, 0
        try:
            self.run(self.log.acknowledge(self.cursor(name), highest, DEADLINE))
            outcome = "ok"
        except (InternalError, AckTimeout) as error:
            outcome = error.message
        assert outcome == expected

    @rule(name=subscriptions)
    def deadline_passes(self, name: str) -> None:
        key = keys.subscription(self.topic.uuid, name)
        if self.run(self.redis.hexists(key, "pending_ack")):
            self.run(self.redis.hincrby(key, "pending_ack", -(DEADLINE + 2)))
            self.model[name].late = True

    @rule(name=subscriptions, offset=_mostly_few(0, 40))
    def seek(self, name: str, offset: int) -> None:
        model = self.model[name]
        model.raise_to(self.oldest)
        if self.oldest <= offset <= len(self.published):
            self.run(self.log.seek(self.cursor(name), offset))
            model.offset, model.next_offset = offset, 0
        else:
            with pytest.raises(InvalidArgument, match="Offset out of bounds"):
                self.run(self.log.seek(self.cursor(name), offset))

    @rule(keep=_mostly_few(1, 300))
    def trim_by_bytes(self, keep: int) -> None:
        self.run(self.log.trim(self.topic._replace(retention_bytes=keep)))
        self.trimmed(keep)

    def trimmed(self, keep: int) -> None:
        while self.entries and sum(size for _, size in self.entries) > keep:
            self.entries.pop(0)
            self.oldest = self.entries[0][0] if self.entries else len(self.published)

    @rule()
    def trim_everything_by_age(self) -> None:
        while self.published and _now() <= self.published[-1][1] + 1:
            pass  # Some microseconds at most: the clock must be past what is kept.
        self.run(self.log.trim(self.topic._replace(retention_microseconds=1)))
        self.oldest = len(self.published)
        self.entries.clear()

    @rule(index=_mostly_few(0, 40), shift=st.sampled_from((-1, 0, 1)))
    def time_to_offset(self, index: int, shift: int) -> None:
        if not self.published:
            return
        moment = self.published[min(index, len(self.published) - 1)][1] + shift
        kept = range(self.oldest, len(self.published))
        expected = next((i for i in kept if self.published[i][1] >= moment), None)
        try:
            assert self.run(self.log.offset_at_time(self.topic.uuid, moment)) == expected
        except Conflict:
            assert expected is None

    @invariant()
    def offsets_agree(self) -> None:
        for name, model in self.model.items():
            model.raise_to(self.oldest)
            offsets = self.run(self.log.offsets(self.cursor(name)))
            assert offsets == (model.offset, self.oldest, len(self.published))
            (counted,) = self.run(self.log.subscription_statistics([self.cursor(name)]))
            assert (counted.messages, counted.bytes) == (model.messages, model.bytes)


def _now() -> int:
    """Microseconds since 1970, by the clock that this machine's Redis goes by, too."""
    return time.time_ns() // 1000


def test_delivery_follows_the_contract(
    any_redis: RedisServer | RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contract: ams-core 5 and 6, all of it."""
    monkeypatch.setattr(pulls, "SHORT", 100)  # So that both ways to read a batch are gone.
    DeliveryMachine.url = any_redis.url
    run_state_machine_as_test(
        DeliveryMachine,
        settings=settings(
            max_examples=35,
            stateful_step_count=50,
            suppress_health_check=list(HealthCheck),
        ),
    )
