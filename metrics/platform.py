"""Reads all figures of the platform, however many ask for them."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Final, Generic, TypeVar

from ams.messages.log import MessageLog
from ams.metadata.store import Store
from ams.service.exposition import Block
from ams.service.logs import get_logger
from ams.service.redis import close_redis, open_redis
from ams.service.settings import Settings
from metrics import families
from metrics.certificates import add_certificates
from metrics.deleted_topics import DeletedTopics
from metrics.inventory import read_inventory
from metrics.lines import Lines
from metrics.messages import add_messages
from metrics.redis_servers import add_servers

#: Time of the event loop before everything.
_NEVER: Final = float("-inf")

ResultT = TypeVar("ResultT")

log = get_logger()


@dataclass(frozen=True, slots=True)
class _Reading(Generic[ResultT]):
    """What came of reading a part: all of it or nothing, and how many seconds it took."""

    result: ResultT | None
    success: bool
    seconds: float


class Platform:
    """The stores, and what was last read from them.

    Args:
        settings: where the stores are, and how much to read.

    Raises `SettingsError` or `DatabaseError` if these can't be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = open_redis(settings.redis)
        self._store = Store(settings.database)
        self._log = MessageLog(self._redis, settings.messages, settings.redis.timeout_seconds)
        self._deleted = DeletedTopics(self._store, self._log)
        self._collecting: asyncio.Task[Sequence[Block]] | None = None
        self._fresh_until = _NEVER

    async def open(self) -> None:
        """Gets ready. The stores need not be there."""
        await self._store.open()

    async def close(self) -> None:
        """Lets go of everything."""
        if self._collecting is not None:
            self._collecting.cancel()
            await asyncio.wait([self._collecting])
        await self._store.close()
        await close_redis(self._redis)

    async def collect(self) -> Sequence[Block]:
        """The figures; all who ask while they are read, or soon after, get the same."""
        running = self._collecting
        if running is None or (running.done() and self._now() >= self._fresh_until):
            running = self._collecting = asyncio.create_task(self._collect())
        # Whoever goes away does not end it for others.
        return await asyncio.shield(running)

    async def _collect(self) -> Sequence[Block]:
        lines = Lines()
        exporter = self._settings.exporter
        most = exporter.max_labels
        deadline = self._now() + exporter.collect_seconds
        lines.add(families.COLLECTED, time())
        # At the same time: what one takes long for is no reason to know nothing of the others.
        found, servers, certificates = await asyncio.gather(
            self._read("database", deadline, read_inventory(lines, self._store, most)),
            self._read("redis", deadline, add_servers(lines, self._redis)),
            self._read("certificates", deadline, add_certificates(lines, self._settings)),
        )
        _add_part(lines, "database", found)
        _add_part(lines, "certificates", certificates)
        if found.result is None:
            _add_part(lines, "redis", servers)
        else:
            reading = add_messages(lines, self._log, found.result, self._deleted, most)
            _add_part(lines, "redis", servers, await self._read("redis", deadline, reading))
        self._fresh_until = self._now() + exporter.keep_seconds
        return lines.blocks(families.FAMILIES)

    async def _read(
        self, part: str, deadline: float, reading: Awaitable[ResultT]
    ) -> _Reading[ResultT]:
        """Reads one part, which may fail, or not come in time."""
        started = self._now()
        result, success = None, False
        try:
            async with asyncio.timeout_at(deadline):
                result = await reading
            success = True
        except Exception as error:  # noqa: BLE001  Whatever it is, others have figures.
            log.warning("figures can't be read", part=part, error=str(error) or repr(error))
        return _Reading(result, success, self._now() - started)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


# Any: what was read is of no account.
def _add_part(lines: Lines, part: str, *readings: _Reading[Any]) -> None:
    lines.add(families.UP, float(all(each.success for each in readings)), part)
    lines.add(families.COLLECT_SECONDS, sum(each.seconds for each in readings), part)
