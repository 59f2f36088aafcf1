"""`ams push`: a process that pushes."""

import socket
from typing import Final

from ams.messages import keys
from ams.messages.log import MessageLog
from ams.metadata import announcements
from ams.metadata.store import Store
from ams.push.receivers import Receivers
from ams.push.room import MOST_REQUESTS
from ams.push.worker import Worker
from ams.service.broadcast import Broadcast
from ams.service.database import DatabaseError
from ams.service.health import add_health
from ams.service.http import make_app
from ams.service.listeners import Endpoint
from ams.service.logs import configure_logging
from ams.service.outgoing import Outgoing
from ams.service.redis import close_redis, open_redis, redis_errors
from ams.service.server import run
from ams.service.settings import Settings, SettingsError
from ams.service.token_box import TokenBox

#: Most bytes of messages in one request, unless there is but one message. Subscriptions that are
#: read at the same moment share as many.
BATCH_BYTES: Final = 8_388_608


class Lifecycle:
    """Wires a worker's parts together; `start` connects them, `stop` lets go of them.

    Raises `SettingsError` if the settings don't suffice.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.push.enabled:
            raise SettingsError(["push.enabled: is false: there is nothing to push"])
        if not settings.auth.token_keys:
            raise SettingsError(["auth.token_keys: push needs the keys that the broker has"])
        self._settings = settings
        self._redis = open_redis(settings.redis)
        batches = min(BATCH_BYTES, settings.messages.pull_max_bytes)
        self._log = MessageLog(
            self._redis,
            settings.messages.model_copy(update={"pull_max_bytes": batches}),
            settings.redis.timeout_seconds,
        )
        self.store = Store(settings.database)
        self._outgoing = Outgoing(settings.outgoing, MOST_REQUESTS)
        box = TokenBox(key.get_secret_value() for key in settings.auth.token_keys)
        self._worker = Worker(
            self._log,
            self.store,
            Receivers(self._outgoing, box),
            f"{socket.gethostname()}:{settings.push.port}",
            settings.push.lease_seconds,
        )
        self._broadcast = Broadcast(
            self._redis,
            {
                keys.WAKE_CHANNEL: lambda topic: self._log.waiting.wake(topic.decode()),
                keys.PUSH_CHANNEL: lambda news: self._worker.hear_workers(news.decode()),
                announcements.CHANNEL: self._changed,
            },
            on_back=self._back,
        )

    def _changed(self, announcement: bytes) -> None:
        self._worker.hear_changes(announcements.decode(announcement))

    def _back(self) -> None:
        self._log.waiting.wake_all()
        self._worker.look_around()

    async def start(self) -> None:
        """Connects, and takes a share of the subscriptions."""
        await self.store.open()
        await self.store.check_version()
        await self._broadcast.start()
        await self._worker.start()

    async def check_redis(self) -> None:
        """Raises if Redis does not answer."""
        with redis_errors():
            await self._redis.ping()

    async def drain(self) -> None:
        """Hands over to the other workers."""
        await self._worker.hand_over(self._settings.push.stop_seconds)

    async def stop(self) -> None:
        """Lets go of everything."""
        await self._worker.stop()
        await self._broadcast.aclose()
        await self._outgoing.close()
        await self.store.close()
        await close_redis(self._redis)


def serve(settings: Settings) -> int:
    """Pushes until it is told to stop; returns the exit status."""
    configure_logging(settings.log.level)
    lifecycle = Lifecycle(settings)
    push = settings.push
    app = make_app("ams-push", settings)
    add_health(app, {"redis": lifecycle.check_redis, "database": lifecycle.store.ping})
    return run(
        app,
        push,
        endpoints=lambda: [Endpoint("http", "push.port", push.host, push.port)],
        on_start=lifecycle.start,
        on_drain=lifecycle.drain,
        on_stop=lifecycle.stop,
        refusals=(DatabaseError,),
    )
