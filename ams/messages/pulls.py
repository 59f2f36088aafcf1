"""Pulls: a script says which messages they deliver, a plain command reads these.

Inside a script Redis would hash every byte of them; so only a few are returned by it. What is
removed between the two steps was not delivered: the pull begins again, and what it has counted is
taken back.
"""

import asyncio
from typing import Final

from redis.asyncio import Redis, RedisCluster

from ams.messages import figures, keys, scripts
from ams.messages.calls import ScriptCalls, is_refusal, raise_refusal
from ams.messages.lane import Command, ReadingCall, Reply, ReplyBytes
from ams.messages.records import Cursor, Run
from ams.messages.waiting import WaitingPulls
from ams.service.settings_sections import MessagesSettings

#: Bytes of entries up to which the script returns them: a command of its own would cost more.
SHORT: Final = 6_000
#: The same, so that it returns them in any case.
ANY_LENGTH: Final = 2**53 - 1


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
        self.waiting = WaitingPulls()

    async def pull(self, cursor: Cursor, most: int, until: float | None = None) -> list[Run]:
        """Reads the next messages; the cursor stays where it is until they are acknowledged.

        Args:
            cursor: which subscription.
            most: the most messages wanted.
            until: time of the event loop until which to wait for a first message.
        """
        if until is None:
            return await self._pull(cursor, most, wait=False)
        loop = asyncio.get_running_loop()
        while not self.waiting.closed and loop.time() < until:
            with self.waiting.place(cursor.topic) as woken:
                runs = await self._pull(cursor, most, wait=True)
                if runs:
                    return runs
                try:
                    async with asyncio.timeout_at(until):
                        await woken
                except TimeoutError:
                    break
        return await self._pull(cursor, most, wait=False)

    async def _pull(self, cursor: Cursor, most: int, *, wait: bool) -> list[Run]:
        runs, count, data = await self._deliver(cursor, most, wait, SHORT)
        if sum([len(run.messages) for run in runs]) < count:
            # Some were removed after they had been counted. This time the script reads them.
            runs, _, _ = await self._deliver(cursor, most, wait, ANY_LENGTH, count, data)
        if runs or not wait:  # Who waits asks again.
            figures.PULL_MESSAGES.observe(sum([len(run.messages) for run in runs]))
            figures.PULL_BYTES.observe(sum([len(json) for run in runs for json in run.messages]))
        return runs

    async def _deliver(
        self, cursor: Cursor, most: int, wait: bool, short: int, lost: int = 0, lost_data: int = 0
    ) -> tuple[list[Run], int, int]:
        """The messages found; how many were counted, and the bytes of their data: see pull.lua."""
        log = keys.log(cursor.topic)

        def name(reply: Reply) -> Command | None:
            if is_refusal(reply):
                return None
            offset, count, _, first, *entries = reply
            return None if entries else ("XRANGE", log, f"{first + 1}-0", offset + count)

        arguments = (
            *cursor.arguments(),
            min(most, self._settings.pull_max_messages),
            ReplyBytes(self._settings.pull_max_bytes),
            int(wait),
            short,
            lost,
            lost_data,
            cursor.pusher,
        )
        call = ReadingCall(scripts.PULL, (log, *cursor.keys()), arguments, name=name)
        reply, entries = await self._submit(call)
        raise_refusal(reply)
        offset, count, data, _, *returned = reply
        runs = Run.list_of(offset, count, returned[0] if returned else entries)
        return runs, count, data
