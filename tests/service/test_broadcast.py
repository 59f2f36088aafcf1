"""Messages to all processes, and the notice when they may be missed."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from ams.service.broadcast import Broadcast
from ams.service.errors import Unavailable
from ams.service.redis import close_redis, open_redis
from ams.service.settings_sections import RedisSettings
from tests import servers
from tests.eventually import eventually
from tests.servers import RedisSentinel, RedisServer

#: The longest that a loss may go unnoticed, in seconds.
NOTICED_SECONDS = 4.0


class Listener:
    """A process that listens on two channels."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.events: list[str] = []
        self.client = open_redis(RedisSettings(url=url, timeout_seconds=1.0))
        self.broadcast = Broadcast(
            self.client,
            {
                "test:a": lambda payload: self.heard.append(("a", payload)),
                "test:b": self._hear_on_b,
            },
            on_lost=lambda: self.events.append("lost"),
            on_back=lambda: self.events.append("back"),
        )

    def _hear_on_b(self, payload: bytes) -> None:
        self.heard.append(("b", payload))
        if payload == b"fail":
            raise RuntimeError("a handler that fails")

    async def close(self) -> None:
        await self.broadcast.aclose()
        await close_redis(self.client)


class Listen(Protocol):
    """Makes a listener, and starts it unless told not to."""

    def __call__(self, url: str, *, start: bool = True) -> Awaitable[Listener]: ...


@pytest_asyncio.fixture
async def listen() -> AsyncIterator[Listen]:
    """Listeners that end with the test."""
    async with AsyncExitStack() as closing:

        async def make(url: str, *, start: bool = True) -> Listener:
            listener = Listener(url)
            closing.push_async_callback(listener.close)
            if start:
                await listener.broadcast.start()
            return listener

        yield make


async def noticed(listener: Listener, event: str) -> None:
    await eventually(lambda: event in listener.events, within=NOTICED_SECONDS)


async def pinged(server: RedisServer, times: int) -> None:
    """Waits until Redis was asked for a sign of life so often."""
    with server.client() as beside:

        def pings() -> int:
            return int(beside.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"])

        before = pings()
        await eventually(lambda: pings() >= before + times)


async def test_message_reaches_every_listener_in_order(
    redis_server: RedisServer, listen: Listen
) -> None:
    one, two = await listen(redis_server.url), await listen(redis_server.url)
    await one.broadcast.publish("test:a", b"1")
    await two.broadcast.publish("test:b", "2")
    await one.broadcast.publish("test:a", b"3")
    expected = [("a", b"1"), ("b", b"2"), ("a", b"3")]
    await eventually(lambda: one.heard == expected and two.heard == expected)


async def test_listeners_use_one_connection_each(redis_binary: Path, listen: Listen) -> None:
    with RedisServer(redis_binary) as server:
        await listen(server.url)
        with server.client() as beside:
            assert len(beside.client_list(_type="pubsub")) == 1


async def test_handler_that_fails_silences_nobody(
    redis_server: RedisServer, listen: Listen
) -> None:
    listener = await listen(redis_server.url)
    await listener.broadcast.publish("test:b", b"fail")
    await listener.broadcast.publish("test:a", b"next")
    await eventually(lambda: listener.heard == [("b", b"fail"), ("a", b"next")])
    assert listener.events == []


async def test_killed_redis_is_noticed_and_so_is_its_return(
    redis_binary: Path, listen: Listen
) -> None:
    with RedisServer(redis_binary) as server:
        listener = await listen(server.url)
        server.kill()
        await noticed(listener, "lost")
        assert not listener.broadcast.connected
        with pytest.raises(Unavailable):
            await listener.broadcast.publish("test:a", b"1")
        server.start()
        await noticed(listener, "back")
        await listener.broadcast.publish("test:a", b"2")
        await eventually(lambda: listener.heard == [("a", b"2")])
        assert listener.events == ["lost", "back"]


async def test_redis_that_hangs_is_noticed_and_so_is_its_return(
    redis_binary: Path, listen: Listen
) -> None:
    """The connection stays open, and nothing comes by it."""
    with RedisServer(redis_binary) as server:
        listener = await listen(server.url)
        server.pause()
        await noticed(listener, "lost")
        server.resume()
        await eventually(lambda: listener.events == ["lost", "back"])


async def test_channel_is_kept_while_redis_answers(
    redis_server: RedisServer, listen: Listen
) -> None:
    """Silence on the channels is no loss: Redis is asked for a sign of life."""
    listener = await listen(redis_server.url)
    # More pings than go into the time after which silence counts as loss.
    await pinged(redis_server, 6)
    assert listener.events == []


async def test_process_that_hung_keeps_its_channel(
    redis_server: RedisServer, listen: Listen
) -> None:
    """It was not Redis that was silent, even if nothing was to come from it meanwhile."""
    listener = await listen(redis_server.url)
    with redis_server.client() as beside:
        # Blocks the event loop for longer than the silence that counts as loss.
        beside.blpop(["test:nothing"], timeout=2.3)
    await pinged(redis_server, 3)
    await listener.broadcast.publish("test:a", b"1")
    await eventually(lambda: listener.heard == [("a", b"1")])
    assert listener.events == []


async def test_start_fails_without_redis(redis_binary: Path, listen: Listen) -> None:
    with RedisServer(redis_binary) as server:
        listener = await listen(server.url, start=False)
        server.kill()
        with pytest.raises(Unavailable):
            await listener.broadcast.start()
        assert listener.events == []


async def test_cluster_carries_messages_between_its_nodes(
    redis_cluster: servers.RedisCluster, listen: Listen
) -> None:
    listeners = [await listen(redis_cluster.url) for _ in range(3)]
    for node in redis_cluster.nodes:
        with node.client() as beside:
            beside.publish("test:a", str(node.port))
    await listeners[0].broadcast.publish("test:a", b"last")
    await eventually(lambda: [len(listener.heard) for listener in listeners] == [4, 4, 4])


async def test_node_of_a_cluster_that_hangs_is_left_for_another(
    redis_binary: Path, listen: Listen
) -> None:
    with servers.RedisCluster(redis_binary) as cluster:
        listener = await listen(cluster.url)
        for node in cluster.nodes:
            with node.client() as beside:
                if beside.client_list(_type="pubsub"):
                    hung = node
        hung.pause()
        await noticed(listener, "lost")
        hung.resume()
        await eventually(lambda: listener.events == ["lost", "back"])


async def test_listeners_follow_sentinel_to_the_new_master(
    redis_sentinel: RedisSentinel, listen: Listen
) -> None:
    listener = await listen(redis_sentinel.url)
    redis_sentinel.fail_over()
    await eventually(lambda: "back" in listener.events)
    with redis_sentinel.replica.client() as beside:
        beside.publish("test:a", b"1")
    await eventually(lambda: listener.heard == [("a", b"1")])
