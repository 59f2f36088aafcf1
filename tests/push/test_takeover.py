"""Workers come, go, die and hang; messages don't care."""

import asyncio
import signal

from tests.api.client import Project
from tests.eventually import eventually
from tests.push.conftest import LEASE_SECONDS, ON_EACH_DATABASE, Pushing
from tests.push.endpoints import Delivery, Endpoints
from tests.push.load import Load
from tests.push.workers import DEFAULT_LEASE_SECONDS, PushWorker, push_to, shown

#: So many that none of three workers comes away with nothing, but once in some thousand times.
SUBSCRIPTIONS = 24
#: Longer than any test waits for something.
LONG_LEASE_SECONDS = 60.0


async def started(
    pushing: Pushing,
    place: Project,
    endpoints: Endpoints,
    workers: int,
    lease_seconds: float = LEASE_SECONDS,
) -> Load:
    """A load on so many workers, all of which have a share."""
    load = Load(place, endpoints)
    await load.subscribe(SUBSCRIPTIONS)
    await asyncio.gather(*(pushing.add_worker(lease_seconds) for _ in range(workers)))
    await eventually(lambda: all_driven(pushing.workers))
    load.start()
    await load.go_on()
    return load


async def all_driven(workers: list[PushWorker], subscriptions: int = SUBSCRIPTIONS) -> bool:
    """Whether the workers push all of them together, each its share."""
    shares = [await worker.driven() for worker in workers]
    assert sum(shares) == subscriptions, shares
    assert all(shares), shares
    return True


@ON_EACH_DATABASE
async def test_nothing_is_lost_when_workers_die_stop_and_hang(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    load = await started(pushing, place, endpoints, 3)
    killed, stopped, hung = pushing.workers

    killed.process.kill()
    await eventually(lambda: all_driven([stopped, hung]))
    await load.go_on()
    await pushing.add_worker()
    await eventually(lambda: all_driven([stopped, hung, pushing.workers[-1]]))

    assert stopped.process.terminate() == 0
    await load.go_on()

    before = await hung.driven()
    hung.process.pause()
    rest = pushing.workers[-1]
    await eventually(lambda: all_driven([rest]))
    await load.go_on(40)
    hung.process.resume()
    await eventually(lambda: all_driven([rest, hung]))
    await load.go_on()

    await load.stop()
    # Only a message on its way can come twice: one a subscription each time one is taken over.
    assert load.repeated() <= 2 * SUBSCRIPTIONS
    assert before > 0


async def test_who_hung_acknowledges_nothing_that_others_have_taken(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    """A request was on its way; its answer comes when another worker pushes the subscription."""
    answered = asyncio.Event()
    calls = 0

    async def behave(_: Delivery, __: object) -> str:
        nonlocal calls
        calls += 1
        if calls > 1:
            return "500 No"
        await answered.wait()
        return "200 OK"

    endpoint = endpoints.add("/held", behave)
    await push_to(place, endpoints, endpoint, retryPolicy={"type": "linear", "period": 60_000})
    hung = await pushing.add_worker()
    await place.publish("t", "one")
    await asyncio.wait_for(endpoint.delivered.wait(), 5)
    hung.process.pause()
    await pushing.add_worker()
    await eventually(lambda: calls >= 2)

    async def has_failed() -> bool:
        status: str = (await shown(place))["pushStatus"]
        return status.endswith("Could not send message, HTTP status 500")

    await eventually(has_failed)
    answered.set()
    hung.process.resume()
    await eventually(lambda: "another worker has taken over" in hung.process.log())
    assert (await place.offsets())["current"] == 0, "the one that has it was told 500"
    assert await has_failed()


async def test_who_hung_takes_back_its_share_though_nothing_is_published(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    """It waits for messages of subscriptions that others have taken and let go of again."""
    load = Load(place, endpoints)
    await load.subscribe(SUBSCRIPTIONS)
    hung, other = await asyncio.gather(pushing.add_worker(), pushing.add_worker())
    await eventually(lambda: all_driven([hung, other]))
    hung.process.pause()
    await eventually(lambda: all_driven([other]))
    hung.process.resume()
    await eventually(lambda: all_driven([hung, other]))
    await eventually(lambda: all_active(place))


async def all_active(place: Project) -> bool:
    """Whether all subscriptions have a worker that is alive, as they are told to have."""
    for number in range(SUBSCRIPTIONS):
        assert (await shown(place, f"s{number}"))["pushStatus"].endswith("is currently active")
    return True


async def test_who_stops_hands_over_at_once_and_who_comes_gets_a_share(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    """They tell each other: nobody waits until somebody counts as dead."""
    load = await started(pushing, place, endpoints, 1, LONG_LEASE_SECONDS)
    (first,) = pushing.workers
    second = await pushing.add_worker(LONG_LEASE_SECONDS)
    await eventually(lambda: all_driven([first, second]))
    first.process.signal(signal.SIGTERM)
    await eventually(lambda: all_driven([second]))
    await eventually(lambda: not first.process.running)
    assert first.process.exit_code == 0
    await load.stop()
    assert load.repeated() == 0


async def test_a_dead_workers_subscriptions_move_within_ten_seconds(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    load = await started(pushing, place, endpoints, 2, DEFAULT_LEASE_SECONDS)
    first, second = pushing.workers
    first.process.kill()
    await eventually(lambda: all_driven([second]), within=10)
    await load.stop()


async def test_a_restart_of_redis_is_survived(
    pushing: Pushing, place: Project, endpoints: Endpoints
) -> None:
    # Half a lease after Redis is back, whoever is not there again has lost its share.
    lease_seconds = 2 * LEASE_SECONDS
    load = await started(pushing, place, endpoints, 2, lease_seconds)
    pushing.redis.kill()
    await asyncio.sleep(1.5 * lease_seconds)  # So long that all workers count as dead.
    pushing.redis.start()
    await load.go_on()
    await load.stop()
    await eventually(lambda: all_driven(pushing.workers))
    # What was accepted while Redis was away is acknowledged when it is back.
    assert load.repeated() <= SUBSCRIPTIONS
    for worker in pushing.workers:
        assert "taken over" not in worker.process.log()


async def test_the_status_lists_the_workers_that_are_alive(pushing: Pushing) -> None:
    """Contract: ams-core 9.2, decision 10."""

    async def servers() -> list[str]:
        found = (await pushing.node.request("GET", "/v1/status", token=None)).json()
        assert found["status"] == "ok"
        assert all(server["status"] == "SERVING" for server in found["push_servers"])
        return sorted(server["endpoint"].rpartition(":")[2] for server in found["push_servers"])

    await eventually(lambda: servers_are_gone(pushing))
    workers = [await pushing.add_worker(), await pushing.add_worker()]
    assert await servers() == sorted(str(worker.port) for worker in workers)
    assert workers[0].process.terminate() == 0
    assert await servers() == [str(workers[1].port)]
    workers[1].process.kill()
    await eventually(lambda: servers_are_gone(pushing))


async def servers_are_gone(pushing: Pushing) -> bool:
    answer = await pushing.node.request("GET", "/v1/status", token=None)
    return bool(answer.json()["push_servers"] == [])
