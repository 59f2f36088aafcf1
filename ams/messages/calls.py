"""Script calls, each to the server that holds its keys."""

import asyncio
from collections.abc import Sequence
from typing import Final, TypeAlias

from redis.asyncio import Redis, RedisCluster

from ams.messages import figures
from ams.messages.errors import PushLost, StaleMetadata
from ams.messages.lane import MOST_CALLS, Argument, Lane, Reply, SingleCall
from ams.messages.redis_connections import ClusterConnections, Connections, ServerConnections
from ams.messages.scripts import Script
from ams.service.redis import redis_errors

#: What scripts answer to a caller whose metadata is too old, and to one without the right to push.
STALE: Final = -1
LOST: Final = -2

#: Keys and arguments of a call.
Parameters: TypeAlias = tuple[Sequence[str], Sequence[Argument]]


def is_refusal(reply: Reply) -> bool:
    """Whether a script refused to do anything for its caller."""
    return reply in (STALE, LOST)


def raise_refusal(reply: Reply) -> None:
    """Raises StaleMetadata or PushLost if that is what a script's reply means."""
    if reply == STALE:
        figures.STALE.inc()
        raise StaleMetadata
    if reply == LOST:
        raise PushLost


class ScriptCalls:
    """Calls scripts on one Redis, Sentinel group or Redis Cluster.

    Args:
        client: an open client; who opened it closes it.
        timeout: seconds one round trip to Redis may take.
    """

    def __init__(self, client: Redis | RedisCluster, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._readers: dict[str, Lane] = {}

    def _server(self, key: str) -> str:
        if isinstance(self._client, Redis):
            return ""
        with redis_errors():
            node = self._client.get_node_from_key(key)
        return node.name if node is not None else ""

    def _connections(self, server: str) -> Connections:
        if isinstance(self._client, Redis):
            return ServerConnections(self._client)
        return ClusterConnections(self._client, server)

    def _new_lane(self, server: str) -> Lane:
        return Lane(self._connections(server), self._timeout)

    async def _submit(self, call: SingleCall) -> Reply:
        server = self._server(call.keys[0])
        lane = self._readers.get(server)
        if lane is None:
            lane = self._readers[server] = self._new_lane(server)
        lane.submit(call)
        return await call.reply

    async def _call(self, script: Script, call_keys: Sequence[str], *arguments: Argument) -> Reply:
        return await self._submit(SingleCall(script, call_keys, arguments))

    async def _call_with_epoch(
        self, script: Script, call_keys: Sequence[str], *arguments: Argument
    ) -> Reply:
        reply = await self._call(script, call_keys, *arguments)
        raise_refusal(reply)
        return reply

    async def _call_each(
        self, script: Script, calls: Sequence[Parameters], *, go_on: bool = False
    ) -> list[Reply]:
        """Calls a script many times: one round trip per `MOST_CALLS`, in a cluster per server.

        The next leave when the last are answered, so that other calls get their turn in between.

        Args:
            script: what to call.
            calls: keys and arguments of each call.
            go_on: whether to make all calls though some fail. The first failure is raised anyway.
        """
        replies: list[Reply] = []
        failures: list[BaseException] = []
        for at in range(0, len(calls), MOST_CALLS):
            batch = [
                self._call(script, call_keys, *arguments)
                for call_keys, arguments in calls[at : at + MOST_CALLS]
            ]
            outcomes = await asyncio.gather(*batch, return_exceptions=True)
            failures += [each for each in outcomes if isinstance(each, BaseException)]
            replies += outcomes
            if failures and not go_on:
                break
        if failures:
            raise failures[0]
        return replies
