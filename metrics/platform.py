"""Reads all figures of the platform, however many ask for them."""

import asyncio
from collections.abc import Awaitable, Sequence
from time import time
from typing import Final

from ams.messages.log import MessageLog
from ams.metadata.store import Store
from ams.service.exposition import Block
from ams.service.logs import get_logger
from ams.service.redis import close_redis, open_redis
from ams.service.settings import Settings
from metrics import families
from metrics.certificates import add_certificates
from metrics.deleted_topics import DeletedTopics
from metrics.inventory import Inventory, read_inventory
from metrics.lines import Lines
from metrics.messages import add_messages
from metrics.redis_servers import add_servers

#: Time of the event loop before everything.
_NEVER: Final = float("-inf")

log = get_logger()


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
        self._deleted = DeletedTopics(self._log)
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
        deadline = self._now() + exporter.collect_seconds
        lines.add(families.COLLECTED, time())
        found = await self._read(
            lines,
            "database",
            deadline,
            read_inventory(lines, self._store, exporter.max_labels),
        )
        await self._read(lines, "redis", deadline, self._ask_redis(lines, found))
        await asyncio.to_thread(add_certificates, lines, self._settings)
        self._fresh_until = self._now() + exporter.keep_seconds
        return lines.blocks(families.FAMILIES)

    async def _ask_redis(self, lines: Lines, found: Inventory | None) -> Inventory | None:
        await add_servers(lines, self._redis)
        if found is not None:
            most = self._settings.exporter.max_labels
            await add_messages(lines, self._log, found, self._deleted, most)
        return found

    async def _read(
        self, lines: Lines, part: str, deadline: float, reading: Awaitable[Inventory | None]
    ) -> Inventory | None:
        """What was read from a store; None if it does not answer, or not in time."""
        started = self._now()
        found = None
        up = 0
        try:
            async with asyncio.timeout_at(deadline):
                found = await reading
            up = 1
        except Exception as error:  # noqa: BLE001  Whatever it is, the other store has figures.
            log.warning("figures can't be read", part=part, error=str(error) or repr(error))
        lines.add(families.UP, up, part)
        lines.add(families.COLLECT_SECONDS, self._now() - started, part)
        return found

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
