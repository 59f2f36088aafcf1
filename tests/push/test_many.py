"""A worker with very many subscriptions."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from ams.metadata import projects, subscriptions, topics
from ams.metadata.records import PushConfig
from ams.metadata.store import Store
from ams.push.room import MOST_REQUESTS
from ams.service.settings_sections import DatabaseSettings
from tests.api.client import Project
from tests.eventually import eventually
from tests.push.conftest import Pushing
from tests.push.endpoints import Delivery, Endpoint, Endpoints
from tests.push.workers import PushWorker, shown

TOPICS = 10
SUBSCRIPTIONS = 100
MOST_MEGABYTES = 300
#: A message of which a hundred are more than that.
LARGE = 4_000_000
#: Files that a worker may have open: as many connections as requests, and some more.
MOST_FILES = MOST_REQUESTS + 64
#: Commands that idle subscriptions may cost Redis in a second, all of them together.
MOST_IDLE_COMMANDS = 100
#: Connections that a worker may have to Redis.
MOST_CONNECTIONS = 4


async def test_a_thousand_subscriptions_are_pushed_by_one_worker(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    receivers = await made(place, endpoints)
    async with Redis.from_url(pushing.redis.url) as redis:
        connections = len(await redis.client_list())
        worker = await pushing.add_worker()
        await eventually(lambda: drives_all(worker))
        await eventually(lambda: is_idle(redis))
        for number in range(TOPICS):
            await place.publish(f"t{number}", "one", "two")
        await eventually(
            lambda: all(each.accepted == ["one", "two"] for each in receivers), within=30
        )
        assert len(await redis.client_list()) - connections <= MOST_CONNECTIONS
    # Held all at the same time, these would take more than there is.
    of_one_topic = receivers[:SUBSCRIPTIONS]
    for endpoint in of_one_topic:
        endpoint.behaviour = take_and_forget
    await place.publish("t0", "x" * LARGE)
    await eventually(lambda: all(len(each.deliveries) == 3 for each in of_one_topic), within=60)
    assert open_files(worker.process.pid) <= MOST_FILES
    assert peak_megabytes(worker.process.pid) < MOST_MEGABYTES


async def is_idle(redis: Redis) -> bool:
    """Whether Redis has little to do, for a while; once a minute the broker takes its samples."""
    before = await redis.info("stats")
    await asyncio.sleep(1)
    after = await redis.info("stats")
    name = "total_commands_processed"
    return bool(after[name] - before[name] < MOST_IDLE_COMMANDS)


async def take_and_forget(delivery: Delivery, _: object) -> str:
    delivery.body = {"messages": []}
    return "200 OK"


async def test_workers_that_start_together_take_nothing_from_each_other(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    """Each tells at once who has an idle subscription, though some did not know of all others."""
    number = 3
    await made(place, endpoints, number)
    workers = await asyncio.gather(*(pushing.add_worker() for _ in range(4)))
    await eventually(lambda: all_active(place, number * SUBSCRIPTIONS))
    shares = [await worker.driven() for worker in workers]
    assert sum(shares) == number * SUBSCRIPTIONS
    assert not any("taken over" in worker.process.log() for worker in workers)


async def all_active(place: Project, number: int) -> bool:
    """Whether all subscriptions have a worker that is alive."""
    names = (await place.request("GET", "/subscriptions")).json()["subscriptions"]
    assert len(names) == number
    for each in names:
        status = (await shown(place, each["name"].rpartition("/")[2]))["pushStatus"]
        assert status.endswith("is currently active"), status
    return True


async def made(place: Project, endpoints: Endpoints, topics_: int = TOPICS) -> list[Endpoint]:
    """The receivers of subscriptions that are made behind the broker's back, which is quicker."""
    receivers = []
    settings = DatabaseSettings(url=str(place.node.settings["database"]["url"]))
    async with Store(settings) as store:
        project = await projects.get(store, place.name)
        for number in range(topics_):
            topic = await topics.create(store, project, f"t{number}")
            for each in range(SUBSCRIPTIONS):
                endpoint = endpoints.add(f"/{number}/{each}")
                receivers.append(endpoint)
                await subscriptions.create(
                    store,
                    project,
                    f"s{number}-{each}",
                    topic,
                    start_offset=0,
                    ack_deadline_seconds=10,
                    push=PushConfig(
                        type="http_endpoint",
                        push_endpoint=endpoint.url,
                        retry_type="linear",
                        retry_period=3000,
                        verified=True,
                    ),
                )
    return receivers


async def drives_all(worker: PushWorker) -> bool:
    return await worker.driven() == TOPICS * SUBSCRIPTIONS


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024
