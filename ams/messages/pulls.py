"""Pulls: a script says which messages they deliver, a plain command reads these.

Inside a script Redis would hash every byte of them; so only a few are returned by it. What is
removed between the two steps was not delivered: the pull begins again, and what it has counted is
taken back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from redis.asyncio import Redis, RedisCluster

from ams.messages import figures, keys, scripts
from ams.messages.calls import ScriptCalls, is_refusal, raise_refusal
from ams.messages.lane import Command, ReadingCall, Reply, ReplyBytes
from ams.messages.recent_reads import RecentReads
from ams.messages.records import Cursor, Run, window
from ams.messages.waiting import WaitingPulls
from ams.service.errors import Unavailable
from ams.service.settings_sections import MessagesSettings

#: Bytes of entries up to which the script returns them: a command of its own would cost more.
SHORT: Final = 6_000
#: The same, so that it returns them in any case.
ANY_LENGTH: Final = 2**53 - 1


class Found(NamedTuple):
    """Messages that are to be delivered, and are counted as such.

    Args:
        runs: the messages; none if they are long and were not read.
        messages: how many they are.
        data: bytes of their data.
        size: bytes of what holds them.
    """

    runs: list[Run]
    messages: int
    data: int
    size: int

    def __bool__(self) -> bool:
        return self.messages > 0

    @property
    def read(self) -> int:
        """How many of the messages were read."""
        return sum([len(run.messages) for run in self.runs])


class Pulls(ScriptCalls):
    """Pulls, and those that wait.

    Args:
        client, timeout: as for `ScriptCalls`.
        settings: limits.
    """

    def __init__(
        self, client: Redis | RedisCluster, settings: MessagesSettings, timeout: float
    ) -> None:
        super().__init__(client, timeout)
        self._settings = settings
        self._recent = RecentReads(settings.recent_bytes)
        self.waiting = WaitingPulls()

    async def pull(self, cursor: Cursor, most: int, until: float | None = None) -> list[Run]:
        """Reads the next messages; the cursor stays where it is until they are acknowledged.

        Args:
            cursor: which subscription.
            most: the most messages wanted.
            until: time of the event loop until which to wait for a first message.
        """
        return (await self._first(cursor, until, lambda wait: self._pull(cursor, most, wait))).runs

    async def find(self, cursor: Cursor, most: int, until: float) -> Found:
        """As `pull`, but leaves long messages where they are: `take` reads these.

        Whoever has many subscriptions would else get more at the same time than it can hold.
        """
        return await self._first(cursor, until, lambda wait: self._find(cursor, most, wait))

    async def take(self, cursor: Cursor, most: int, found: Found) -> Found:
        """Reads what was found, or what is there in its stead by now, which may be more."""
        return await self._pull(cursor, most, False, found)

    async def _first(
        self, cursor: Cursor, until: float | None, look: Callable[[bool], Awaitable[Found]]
    ) -> Found:
        """What there is, or is there first. `look` is told whether somebody waits if it is none."""
        loop = asyncio.get_running_loop()
        while until is not None and not self.waiting.closed and loop.time() < until:
            with self.waiting.place(cursor.topic) as woken:
                if found := await look(True):
                    return found
                try:
                    async with asyncio.timeout_at(until):
                        await woken
                except TimeoutError:
                    break
        return await look(False)

    async def _pull(
        self, cursor: Cursor, most: int, wait: bool, instead_of: Found | None = None
    ) -> Found:
        found = await self._deliver(cursor, most, wait, SHORT, instead_of)
        if found.read < found.messages:
            # Some were removed after they had been counted. This time the script reads them.
            found = await self._deliver(cursor, most, wait, ANY_LENGTH, found)
        if found or not wait:  # Who waits asks again.
            _observe(found)
        return found

    async def _find(self, cursor: Cursor, most: int, wait: bool) -> Found:
        found = await self._deliver(cursor, most, wait, SHORT, reads=False)
        if found.runs:
            _observe(found)
        return found

    async def _deliver(
        self,
        cursor: Cursor,
        most: int,
        wait: bool,
        short: int,
        instead_of: Found | None = None,
        *,
        reads: bool = True,
    ) -> Found:
        log = keys.log(cursor.topic)
        kept: list[Run] | None = None

        def name(reply: Reply) -> Command | None:
            if is_refusal(reply):
                return None
            offset, count, _, first, _, last, *entries = reply
            if entries or not reads:
                return None
            nonlocal kept
            kept = self._recent.find(cursor.topic, first, offset + count, last)
            return ("XRANGE", log, f"{first + 1}-0", offset + count) if kept is None else None

        arguments = (
            *cursor.arguments(),
            min(most, self._settings.pull_max_messages),
            ReplyBytes(self._settings.pull_max_bytes),
            int(wait),
            short,
            instead_of.messages if instead_of else 0,
            instead_of.data if instead_of else 0,
            cursor.pusher,
        )
        call = ReadingCall(scripts.PULL, (log, *cursor.keys()), arguments, name=name)
        try:
            reply, entries = await self._submit(call)
        except Unavailable:
            self._recent.forget()
            raise
        raise_refusal(reply)
        offset, count, data, first, size, last, *returned = reply
        if kept is not None:
            figures.READS_FROM_MEMORY.inc()
        elif returned:
            kept = Run.entries(returned[0])
        elif entries is not None:
            figures.READS_FROM_REDIS.inc()
            kept = Run.entries(entries)
            # Some may have been removed before they could be read.
            if kept and (kept[0].offset, kept[-1].label) == (first, last):
                self._recent.note(cursor.topic, kept)
        return Found(window(kept or (), offset, offset + count), count, data, size)


def _observe(found: Found) -> None:
    figures.PULL_MESSAGES.observe(found.read)
    figures.PULL_BYTES.observe(sum([run.size for run in found.runs]))
