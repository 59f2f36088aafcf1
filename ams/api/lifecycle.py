"""Opening and closing what a broker process holds."""

import gc
from collections.abc import AsyncIterator
from typing import Final

from ams.api import changes
from ams.api.audit_pruning import AuditPruner
from ams.api.broker import Broker
from ams.api.messages import cursor_of, log_of
from ams.api.token_use import TokenUse
from ams.auth.access import ServiceToken
from ams.auth.bearer import BearerTokens
from ams.messages import keys
from ams.messages.group_commit import TopicLog
from ams.messages.history import Sampled
from ams.messages.log import MessageLog
from ams.messages.periodic import Periodic
from ams.messages.retention import Sweeper
from ams.messages.sampling import Sampler
from ams.metadata import announcements, inventory
from ams.metadata.cache import Catalog
from ams.metadata.records import Change
from ams.metadata.store import Store
from ams.service.broadcast import Broadcast
from ams.service.outgoing import Outgoing
from ams.service.redis import check_durability, close_redis, open_redis, redis_errors
from ams.service.settings import Settings, SettingsError
from ams.service.token_box import TokenBox

#: New objects after which Python looks for garbage in cycles: a batch makes thousands of objects,
#: and none of them is in a cycle.
COLLECT_AFTER: Final = 50_000

#: Topics whose logs the sweeper trims at the same time.
SWEPT_AT_ONCE: Final = 50

#: Topics that the sampler samples at the same time.
SAMPLED_AT_ONCE: Final = 100


class Lifecycle:
    """Wires a broker's parts together; `start` connects them, `stop` lets go of them.

    Raises `SettingsError` if the settings don't suffice for a broker.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.auth.token_keys:
            raise SettingsError(["auth.token_keys: the broker needs at least one key"])
        self._settings = settings
        self._redis = open_redis(settings.redis)
        log = MessageLog(self._redis, settings.messages, settings.redis.timeout_seconds)
        self._broadcast = Broadcast(
            self._redis,
            {
                keys.WAKE_CHANNEL: self._woken,
                announcements.CHANNEL: self._changed,
            },
            on_lost=self._channel_lost,
            on_back=self._channel_back,
        )

        async def after_commit(committed: list[Change]) -> None:
            await changes.announce(log, self._broadcast, committed)

        async def reapply(deletions: list[Change]) -> None:
            await changes.apply_to_log(log, deletions)

        store = Store(settings.database, after_commit)
        catalog = Catalog(store, reapply=reapply)
        self.broker = Broker(
            settings=settings,
            store=store,
            catalog=catalog,
            log=log,
            token_box=TokenBox(key.get_secret_value() for key in settings.auth.token_keys),
            service_token=ServiceToken(settings.auth.service_token.get_secret_value()),
            token_use=TokenUse(store),
            outgoing=Outgoing(settings.outgoing),
            bearer_tokens=BearerTokens(settings.auth),
        )
        self._periodic: list[Periodic] = [
            Sweeper(log, self._all_logs),
            Sampler(log, self._all_cursors),
            AuditPruner(store, log, settings.audit.retention_days),
            self.broker.token_use,
        ]

    async def _all_logs(self) -> AsyncIterator[list[TopicLog]]:
        async for batch in inventory.kept_topics(self.broker.store, SWEPT_AT_ONCE):
            yield [log_of(self._settings.messages, topic) for topic in batch]

    async def _all_cursors(self) -> AsyncIterator[list[Sampled]]:
        async for batch in inventory.kept_topics(self.broker.store, SAMPLED_AT_ONCE):
            readers = await inventory.readers(self.broker.store, batch)
            yield [
                (topic, [cursor_of(reader, topic) for reader in some])
                for topic, some in readers.items()
            ]

    def _woken(self, topic: bytes) -> None:
        self.broker.log.waiting.wake(topic.decode())

    def _changed(self, payload: bytes) -> None:
        self.broker.catalog.forget(announcements.decode(payload))

    def _channel_lost(self) -> None:
        self.broker.catalog.channel_lost()

    def _channel_back(self) -> None:
        self.broker.catalog.channel_back()
        self.broker.log.waiting.wake_all()

    async def start(self) -> None:
        """Connects, and refuses to go on with a store that can't keep what is promised."""
        await check_durability(self._redis, self._settings.messages)
        await self.broker.store.open()
        await self.broker.store.check_version()
        await self._broadcast.start()
        await self.broker.catalog.start()
        for each in self._periodic:
            each.start()
        # What has been loaded by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)

    async def check_redis(self) -> None:
        """Raises if Redis does not answer."""
        with redis_errors():
            await self._redis.ping()

    async def drain(self) -> None:
        """Answers the pulls that wait, with what there is."""
        self.broker.log.waiting.close()

    async def stop(self) -> None:
        """Lets go of everything."""
        for each in reversed(self._periodic):
            await each.stop()
        await self.broker.catalog.stop()
        await self._broadcast.aclose()
        await self.broker.outgoing.close()
        await self.broker.schemas.process.aclose()
        await self.broker.bearer_tokens.close()
        await self.broker.store.close()
        await close_redis(self._redis)
