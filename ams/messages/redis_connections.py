"""Where a lane gets its connections to Redis from."""

from typing import Protocol

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.connection import Connection

from ams.service.errors import Unavailable


class Connections(Protocol):
    """Connections to the server that holds one slot."""

    async def acquire(self) -> Connection: ...

    async def release(self, connection: Connection) -> None: ...

    async def look_around(self) -> None:
        """Learns anew which server holds what, in a cluster."""


class ServerConnections:
    """Connections of a client to a single server or to Sentinel's master."""

    def __init__(self, client: Redis) -> None:
        self._pool = client.connection_pool

    async def acquire(self) -> Connection:
        # redis-py leaves this one method without types.
        connection: Connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        return connection

    async def release(self, connection: Connection) -> None:
        await self._pool.release(connection)

    async def look_around(self) -> None:
        pass  # There is but one server.


class ClusterConnections:
    """Connections of a cluster client to one of its primaries."""

    def __init__(self, client: RedisCluster, name: str) -> None:
        self._client = client
        self._name = name

    async def acquire(self) -> Connection:
        node = self._client.get_node(node_name=self._name)
        if node is None:
            raise Unavailable("Message store has moved, try again")
        connection = node.acquire_connection()
        # A pool does this by itself, a cluster's node does not: the server may have closed it.
        if connection.is_connected and await connection.can_read():
            await connection.disconnect(nowait=True)
        return connection

    async def release(self, connection: Connection) -> None:
        node = self._client.get_node(node_name=self._name)
        if node is None:
            await connection.disconnect(nowait=True)
        else:
            node.release(connection)

    async def look_around(self) -> None:
        await self._client.nodes_manager.initialize()


class Borrowed:
    """One connection, from the first time it is asked for until it is given back."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: Connection | None = None

    async def connection(self) -> Connection:
        """The connection; raises what `Connections.acquire` does."""
        if self._connection is None:
            self._connection = await self._connections.acquire()
        return self._connection

    async def give_back(self) -> None:
        """Lets others have it. It is as good as new for who asks the next time."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._connections.release(connection)
