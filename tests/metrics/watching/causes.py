"""What alerts are about, made for real, and mended again at the end."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx

from tests.certificates import make_certificates
from tests.eventually import eventually
from tests.metrics.watching.platform import MAX_MEMORY, MOST_LABELS, PAUSE_SECONDS, Platform
from tests.push.endpoints import accept, says

#: What Redis may have besides what it has, and what fills that, in bytes.
ROOM_BYTES: Final = 4 << 20
PIECE_BYTES: Final = 100_000
#: How long a process stands still, and runs, in seconds: of the half seconds in which it looks
#: how late it is, one always ends early in a standstill.
STANDSTILL_SECONDS: Final = 0.8
RUN_SECONDS: Final = 0.7


@asynccontextmanager
async def killed_broker(platform: Platform) -> AsyncIterator[None]:
    """A broker crashes, and somebody starts it again."""
    platform.node.kill()
    yield
    await platform.node.start()


@asynccontextmanager
async def restarted_exporter(platform: Platform) -> AsyncIterator[None]:
    """A service crashes, and is started again at once."""
    platform.exporter.process.kill()
    platform.exporter.process.start()
    yield


@asynccontextmanager
async def unwatched_broker(platform: Platform) -> AsyncIterator[None]:
    """Somebody loses the brokers from Prometheus' configuration."""
    configuration = platform.prometheus.configuration
    broker = platform.node.http.removeprefix("http://")
    configuration.write_text(configuration.read_text().replace(f"[{broker}]", "[]"))
    platform.prometheus.reload()
    yield
    platform.configure()
    platform.prometheus.reload()


@asynccontextmanager
async def redis_away(platform: Platform) -> AsyncIterator[None]:
    """Redis crashes."""
    platform.redis.kill()
    yield
    platform.redis.start()


@asynccontextmanager
async def full_redis(platform: Platform) -> AsyncIterator[None]:
    """Messages come until Redis has no room for more, and then go on to; at last there is room."""
    project = platform.project
    body = {"messages": [{"data": "A" * PIECE_BYTES}]}

    async def publish() -> bool:
        answer = await project.request("POST", "/topics/large:publish", json=body)
        return answer.is_success

    async def try_to() -> None:
        await publish()
        await asyncio.sleep(PAUSE_SECONDS)

    with platform.redis.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + ROOM_BYTES)
        await project.topic("large")
        while await publish():
            pass
        async with _again_and_again(try_to):
            yield
        client.config_set("maxmemory", MAX_MEMORY)


@asynccontextmanager
async def evicting_redis(platform: Platform) -> AsyncIterator[None]:
    """Redis may throw away what it will forget anyway, and has to."""
    with platform.redis.client() as client:
        client.config_set("maxmemory-policy", "volatile-ttl")
        client.config_set("maxmemory", client.info("memory")["used_memory"] + ROOM_BYTES)
        number = 0
        while not client.info("stats")["evicted_keys"]:
            number += 1
            client.set(f"junk:{number}", os.urandom(PIECE_BYTES), ex=60)
        yield
        for key in client.scan_iter("junk:*"):
            client.delete(key)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", MAX_MEMORY)


@asynccontextmanager
async def failing_snapshot(platform: Platform) -> AsyncIterator[None]:
    """A folder is in the way of the snapshot."""
    in_the_way = platform.redis.folder / "dump.rdb"
    in_the_way.mkdir()
    await _save(platform)
    yield
    in_the_way.rmdir()
    await _save(platform)


@asynccontextmanager
async def killed_replica(platform: Platform) -> AsyncIterator[None]:
    """A replica crashes."""
    platform.replica.kill()
    yield
    platform.replica.start()


@asynccontextmanager
async def certificate_near_its_end(platform: Platform) -> AsyncIterator[None]:
    """The broker's certificate is one for two days, until there is a new one."""
    folder = platform.node.folder / "soon"
    folder.mkdir()
    soon, lasting = make_certificates(folder), platform.certificates
    pairs = ((lasting.certificate, soon.certificate), (lasting.key, soon.key))
    before = [(file, file.read_bytes()) for file, _ in pairs]
    for file, other in pairs:
        file.write_bytes(other.read_bytes())
    yield
    for file, content in before:
        file.write_bytes(content)


@asynccontextmanager
async def lost_authority(platform: Platform) -> AsyncIterator[None]:
    """The file with the authorities is deleted, and comes back from a backup."""
    file = platform.certificates.ca
    content = file.read_bytes()
    file.unlink()
    yield
    file.write_bytes(content)


@asynccontextmanager
async def stopped_consumer(platform: Platform) -> AsyncIterator[None]:
    """A message waits, and nobody consumes it."""
    await platform.project.publish("stopped", "hello")
    yield
    await platform.project.read("stopped", 1)


@asynccontextmanager
async def failing_receiver(platform: Platform) -> AsyncIterator[None]:
    """A receiver refuses what is pushed to it, until it is mended."""
    platform.receiver.behaviour = says("500 Internal Server Error")
    await platform.project.publish("pushed", "hello")
    yield
    platform.receiver.behaviour = accept


@asynccontextmanager
async def killed_worker(platform: Platform) -> AsyncIterator[None]:
    """One of several processes of a service crashes; another one takes its place by itself."""
    os.kill(platform.push.process.children()[0], signal.SIGKILL)
    yield


@asynccontextmanager
async def hanging_worker(platform: Platform) -> AsyncIterator[None]:
    """One of several processes of a service hangs."""
    worker = platform.push.process.children()[0]
    os.kill(worker, signal.SIGSTOP)
    yield
    os.kill(worker, signal.SIGCONT)


@asynccontextmanager
async def many_topics(platform: Platform) -> AsyncIterator[None]:
    """There are more topics than the exporter may tell of, until they are deleted."""
    names = [f"many-{number}" for number in range(MOST_LABELS)]
    for name in names:
        await platform.project.topic(name)
    yield
    for name in names:
        await platform.project.request("DELETE", f"/topics/{name}")


@asynccontextmanager
async def standstill(platform: Platform) -> AsyncIterator[None]:
    """The broker gets no processor for a while, time and again."""

    async def halt() -> None:
        platform.node.process.pause()
        try:
            await asyncio.sleep(STANDSTILL_SECONDS)
        finally:
            platform.node.process.resume()
        await asyncio.sleep(RUN_SECONDS)

    async with _again_and_again(halt):
        yield


@asynccontextmanager
async def strangers(platform: Platform) -> AsyncIterator[None]:
    """Somebody tries many tokens."""

    async def knock() -> None:
        with suppress(httpx.TransportError):
            await platform.project.request("GET", token="a-guess")
        await asyncio.sleep(PAUSE_SECONDS)

    async with _again_and_again(knock):
        yield


@asynccontextmanager
async def distrust(platform: Platform) -> AsyncIterator[None]:
    """Clients don't have the authority of the broker's certificate."""
    host, _, port = platform.node.https.removeprefix("https://").partition(":")
    trusting_others = ssl.create_default_context()

    async def knock() -> None:
        with suppress(ssl.SSLError, ConnectionError):
            await asyncio.open_connection(host, port, ssl=trusting_others)
        await asyncio.sleep(PAUSE_SECONDS)

    async with _again_and_again(knock):
        yield


@asynccontextmanager
async def _again_and_again(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    async def forever() -> None:
        while True:
            await work()

    working = asyncio.create_task(forever())
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait([working])


async def _save(platform: Platform) -> None:
    """Has Redis write a snapshot; returns when it has tried."""
    with platform.redis.client() as client:
        client.bgsave()
        await eventually(lambda: not client.info("persistence")["rdb_bgsave_in_progress"])
