"""Connections of outgoing requests, which are kept for a while for a next request.

httpcore has a pool for this, which looks at all its connections for each request, by a system call:
with hundreds of connections that takes longer than the request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext, SSLError, SSLWantReadError
from typing import Final

import httpcore

#: Of the connections that there may be, the part that waits for a next request.
IDLE_PART: Final = 4
#: How long a connection waits for a next request, in seconds.
IDLE_SECONDS: Final = 15.0


class OutgoingConnections:
    """Lends a connection to one request at a time.

    Args:
        trust: for TLS.
        network: how to connect.
        most: connections at the same time; who finds none free waits.
    """

    def __init__(self, trust: SSLContext, network: httpcore.AsyncNetworkBackend, most: int) -> None:
        self._trust = trust
        self._network = network
        self._most_idle = most // IDLE_PART
        self._room = asyncio.Semaphore(most)
        # The one that was given back last is at the end.
        self._idle: OrderedDict[httpcore.AsyncHTTPConnection, httpcore.Origin] = OrderedDict()

    @asynccontextmanager
    async def lent(self, origin: httpcore.Origin) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection for one request, new or kept."""
        async with self._room:
            connection = await self._kept(origin) or self._new(origin)
            try:
                yield connection
            finally:
                if connection.is_idle() and not _says_more(connection):
                    self._idle[connection] = origin
                else:
                    await connection.aclose()
            while len(self._idle) > self._most_idle:
                await self._idle.popitem(last=False)[0].aclose()

    async def aclose(self) -> None:
        """Closes those that are kept."""
        while self._idle:
            await self._idle.popitem()[0].aclose()

    def _new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._trust,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._network,
        )

    async def _kept(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        for connection in [each for each, its in reversed(self._idle.items()) if its == origin]:
            del self._idle[connection]
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None


def _says_more(connection: httpcore.AsyncHTTPConnection) -> bool:
    """Whether more came than the answer: that would be taken for the answer to the next request.

    What comes later makes a connection that waits readable: then httpcore calls it expired.
    """
    # httpcore tells nobody what it has read too much.
    inner = connection._connection
    if not isinstance(inner, httpcore.AsyncHTTP11Connection) or inner._h11_state.trailing_data[0]:
        return True
    tls = inner._network_stream.get_extra_info("ssl_object")
    if tls is None:
        return False
    try:
        tls.read(1)
    except SSLWantReadError:
        return False
    except SSLError:
        pass
    return True
