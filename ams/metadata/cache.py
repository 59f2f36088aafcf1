"""What requests look up, from memory.

Records are kept until they change. That they did is learned in three ways: at once, where the
change was made; by a broadcast of the node that made it (`Catalog.forget`); and, for all that
went wrong with those, from the table of changes, which is read every second. While that fails,
or while broadcasts can't be heard, memory is not to be trusted, and SQL is asked.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable

from ams.metadata import changes, grants, projects, subscriptions, topics, users
from ams.metadata.loading_cache import LoadingCache
from ams.metadata.records import (
    Caller,
    Change,
    ProjectRecord,
    RoleGrants,
    SubscriptionRecord,
    TopicRecord,
)
from ams.metadata.store import AfterCommit, Store
from ams.service.errors import NotFound, Unavailable
from ams.service.logs import get_logger

#: How often the table of changes is read, in seconds.
POLL_SECONDS = 1.0
#: How long memory is trusted after the last good look at the table of changes, in seconds.
TRUST_SECONDS = 5.0
#: How often old changes are pruned, in seconds.
PRUNE_SECONDS = 60.0
#: After so long without a good look, changes may have been pruned unseen; in seconds.
AWAY_SECONDS = changes.RETENTION_SECONDS / 2
#: How long a token that nobody has is refused without asking SQL, in seconds.
UNKNOWN_SECONDS = 1.0

#: Most records of each kind in memory.
MAX_PROJECTS = 10_000
MAX_TOPICS = 50_000
MAX_SUBSCRIPTIONS = 50_000
MAX_CALLERS = 50_000
#: Most tokens, and uuids of users, that are known to be nobody's.
MAX_UNKNOWN = 10_000

_log = get_logger()


class Catalog:
    """Cached look-ups, made so that a hit costs no `await`.

        topic = catalog.topic_cached(project.id, name) or await catalog.topic(project.id, name)

    Args:
        store: The database. What is changed through it is forgotten by itself.
        reapply: Given the deletions of topics and subscriptions that were committed, by whomever,
            to make good what a node that died after its commit left undone; must bear to be told
            twice. If it fails it is called again.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        store: Store,
        *,
        reapply: AfterCommit | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._reapply = reapply
        self._clock = clock
        self._feed = changes.ChangeFeed(store, clock)
        self._projects = LoadingCache(MAX_PROJECTS, self._load_project, "projects")
        self._topics = LoadingCache(MAX_TOPICS, self._load_topic, "topics")
        self._subscriptions = LoadingCache(
            MAX_SUBSCRIPTIONS, self._load_subscription, "subscriptions"
        )
        self._callers = LoadingCache(MAX_CALLERS, self._load_caller, "callers")
        self._users = LoadingCache(MAX_CALLERS, self._load_user, "users")
        self._unknown: dict[str, float] = {}
        self._grants: RoleGrants | None = None
        # When memory was last known to be up to date.
        self._polled = -math.inf
        self._pruned = clock()
        self._channel = True
        self._undone: list[Change] = []
        self._reapplying: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        store.on_commit(self.forget)

    async def start(self) -> None:
        """Begin to read the table of changes. The first look may fail; there will be others."""
        await self._try_poll()
        self._polling = asyncio.create_task(self._poll_forever())

    async def stop(self) -> None:
        """Stop reading the table of changes; memory is not trusted from then on."""
        tasks = [task for task in (self._polling, self._reapplying) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._polled = -math.inf

    def project_cached(self, name: str) -> ProjectRecord | None:
        """A project from memory; None if it must be asked for."""
        return self._projects.get(name) if self._trusted() else None

    async def project(self, name: str) -> ProjectRecord:
        """A project.

        Raises:
            NotFound: There is none of that name.
            Unavailable: It is not in memory, and the database can't be reached.
        """
        return self.project_cached(name) or await self._projects.load(name)

    def topic_cached(self, project_id: int, name: str) -> TopicRecord | None:
        """A topic from memory; None if it must be asked for."""
        return self._topics.get((project_id, name)) if self._trusted() else None

    async def topic(self, project_id: int, name: str) -> TopicRecord:
        """A topic.

        Raises:
            NotFound: There is none of that name.
            Unavailable: It is not in memory, and the database can't be reached.
        """
        cached = self.topic_cached(project_id, name)
        return cached or await self._topics.load((project_id, name))

    def subscription_cached(self, project_id: int, name: str) -> SubscriptionRecord | None:
        """A subscription from memory; None if it must be asked for."""
        return self._subscriptions.get((project_id, name)) if self._trusted() else None

    async def subscription(self, project_id: int, name: str) -> SubscriptionRecord:
        """A subscription.

        Raises:
            NotFound: There is none of that name.
            Unavailable: It is not in memory, and the database can't be reached.
        """
        cached = self.subscription_cached(project_id, name)
        return cached or await self._subscriptions.load((project_id, name))

    def caller_cached(self, token_digest: str) -> Caller | None:
        """Whose token this is, from memory; None if it must be asked for."""
        return self._callers.get(token_digest) if self._channel and self._trusted() else None

    async def caller(self, token_digest: str) -> Caller | None:
        """Whose token this is; None if it is nobody's.

        Raises:
            Unavailable: It is not in memory, and the database can't be reached.
        """
        cached = self.caller_cached(token_digest)
        return cached or await self._find(self._callers, token_digest)

    def user_cached(self, uuid: str) -> Caller | None:
        """The user of a uuid, from memory; None if they must be asked for."""
        return self._users.get(uuid) if self._channel and self._trusted() else None

    async def user(self, uuid: str) -> Caller | None:
        """The user of a uuid; None if there is none.

        Raises:
            Unavailable: They are not in memory, and the database can't be reached.
        """
        return self.user_cached(uuid) or await self._find(self._users, uuid)

    def role_grants_cached(self) -> RoleGrants | None:
        """The operators' role grants from memory; None if they must be asked for."""
        return self._grants if self._trusted() else None

    async def role_grants(self) -> RoleGrants:
        """The operators' role grants; the same object as long as they are the same.

        Raises:
            Unavailable: They are not in memory, and the database can't be reached.
        """
        cached = self.role_grants_cached()
        return cached if cached is not None else await self._read_grants()

    def forget(self, committed: Iterable[Change]) -> None:
        """Drop what these changes were about."""
        for change in committed:
            match change.kind:
                case "project":
                    self._projects.forget(change.uuid)
                case "topic":
                    self._topics.forget(change.uuid)
                case "subscription":
                    self._subscriptions.forget(change.uuid)
                case "user":
                    self._callers.forget(change.uuid)
                    self._users.forget(change.uuid)
                    self._unknown.clear()

    def forget_topic(self, project_id: int, name: str) -> None:
        """Drop a topic that turned out to be out of date."""
        self._topics.forget_key((project_id, name))

    def forget_subscription(self, project_id: int, name: str) -> None:
        """Drop a subscription that turned out to be out of date."""
        self._subscriptions.forget_key((project_id, name))

    def channel_lost(self) -> None:
        """Stop trusting memory about users: a broadcast may be missed.

        Topics and subscriptions have epochs, by which the message log refuses outdated ones.
        """
        self._channel = False

    def channel_back(self) -> None:
        """Trust memory about users again, but nothing from before the silence."""
        self._callers.clear()
        self._users.clear()
        self._unknown.clear()
        self._channel = True

    async def poll(self) -> None:
        """Look at the table of changes once.

        Raises:
            Unavailable: The database can't be reached.
        """
        started = self._clock()
        committed = await self._feed.read_new()
        if started - self._polled > AWAY_SECONDS:
            # Also the first time: what was loaded by now may have changed before.
            self._clear()
        self.forget(committed)
        self._undone += [
            change
            for change in committed
            if change.deleted and change.kind in {"topic", "retired_topic", "subscription"}
        ]
        await self._read_grants()
        self._polled = started
        self._make_good()

    def _trusted(self) -> bool:
        return self._clock() - self._polled < TRUST_SECONDS

    def _clear(self) -> None:
        users = (self._callers, self._users)
        for cache in (self._projects, self._topics, self._subscriptions, *users):
            cache.clear()

    async def _find(self, cache: LoadingCache[str, Caller], key: str) -> Caller | None:
        if self._clock() < self._unknown.get(key, -math.inf):
            return None
        generation = cache.generation
        try:
            return await cache.load(key)
        except NotFound:
            if generation == cache.generation:
                self._remember_unknown(key)
            return None

    def _remember_unknown(self, key: str) -> None:
        if len(self._unknown) >= MAX_UNKNOWN:
            self._unknown.clear()
        self._unknown[key] = self._clock() + UNKNOWN_SECONDS

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._try_poll()

    async def _try_poll(self) -> None:
        try:
            await self.poll()
            if self._clock() - self._pruned >= PRUNE_SECONDS:
                self._pruned = self._clock()
                await changes.prune(self._store)
        except Unavailable:
            pass  # Logged where it happened.
        except Exception:  # noqa: BLE001 - without polling, nothing would be trusted ever again
            _log.exception("changes can't be read")

    def _make_good(self) -> None:
        """Start `reapply` beside the polls: it may be slow, and they must not be."""
        if self._reapply is None:
            self._undone.clear()
        elif self._undone and (self._reapplying is None or self._reapplying.done()):
            self._reapplying = asyncio.create_task(self._call_reapply(self._reapply))

    async def _call_reapply(self, reapply: AfterCommit) -> None:
        deletions = list(self._undone)
        try:
            await reapply(deletions)
        except Exception:  # noqa: BLE001 - whatever it is, the next poll tries again
            _log.exception("deletions can't be made good", count=len(deletions))
        else:
            del self._undone[: len(deletions)]

    async def _read_grants(self) -> RoleGrants:
        read = await grants.read(self._store)
        if self._grants is None or read != self._grants:
            self._grants = read
        return self._grants

    async def _load_project(self, name: str) -> ProjectRecord:
        return await projects.get(self._store, name)

    async def _load_topic(self, key: tuple[int, str]) -> TopicRecord:
        return await topics.get(self._store, *key)

    async def _load_subscription(self, key: tuple[int, str]) -> SubscriptionRecord:
        return await subscriptions.get(self._store, *key)

    async def _load_caller(self, token_digest: str) -> Caller:
        return await users.caller(self._store, token_digest)

    async def _load_user(self, uuid: str) -> Caller:
        return await users.caller_of_uuid(self._store, uuid)
