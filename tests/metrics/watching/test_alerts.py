"""Each alert is raised by what it is about, and goes away with it: real parts, short times."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, TypeAlias

import pytest

from tests.eventually import eventually
from tests.metrics.watching import causes
from tests.metrics.watching.platform import PATIENCE_SECONDS, Platform
from tests.prometheus import Prometheus

Cause: TypeAlias = Callable[[Platform], AbstractAsyncContextManager[None]]

#: What is made wrong at the same time, and the alerts that each raises.
ROUNDS: Final[dict[str, dict[Cause, set[str]]]] = {
    "what does not disturb each other": {
        causes.stopped_consumer: {"AmsBacklogGrowing"},
        causes.failing_receiver: {"AmsPushFailing"},
        causes.hanging_worker: {"AmsWorkerHangs"},
        causes.many_topics: {"AmsFiguresLeftOut"},
        causes.certificate_near_its_end: {"AmsCertificateExpiring", "AmsCertificateAlmostExpired"},
        causes.lost_authority: {"AmsCertificateUnreadable"},
        causes.failing_snapshot: {"AmsPersistenceFailing"},
        causes.killed_replica: {"AmsReplicaLost"},
        causes.standstill: {"AmsEventLoopLag"},
    },
    "a full Redis": {
        causes.full_redis: {"AmsRedisMemoryFilling", "AmsRedisMemoryFull", "AmsErrors"},
        causes.strangers: {"AmsRefusalsJump"},
        causes.distrust: {"AmsHandshakesFail"},
        causes.killed_worker: {"AmsWorkerDied"},
    },
    "a Redis that evicts, and no broker to see it": {
        causes.evicting_redis: {"AmsRedisEvicts"},
        causes.killed_broker: {"AmsServiceDown"},
    },
    "no broker is watched, no Redis is there, and the exporter restarts": {
        causes.unwatched_broker: {"AmsNotWatched"},
        causes.redis_away: {"AmsStoreUnreachable"},
        causes.restarted_exporter: {"AmsRestarting"},
    },
}


async def is_told(platform: Platform, cause: Cause, alerts: set[str]) -> None:
    """The alerts fire while the cause is there, and no longer."""

    def is_over() -> bool:
        still = platform.prometheus.firing() & alerts
        assert still == set()
        return True

    fired: set[str] = set()

    def all_fired() -> bool:
        fired.update(platform.prometheus.firing() & alerts)
        return fired == alerts

    await eventually(is_over, within=PATIENCE_SECONDS)
    async with cause(platform):
        # Not yet: what is wrong must be mended first.
        with suppress(AssertionError):
            await eventually(all_fired, within=PATIENCE_SECONDS)
    assert fired == alerts
    await eventually(is_over, within=PATIENCE_SECONDS)


@pytest.mark.parametrize("together", ROUNDS)
async def test_alerts_fire_by_their_causes_and_no_longer(platform: Platform, together: str) -> None:
    telling = [is_told(platform, cause, alerts) for cause, alerts in ROUNDS[together].items()]
    failures = await asyncio.gather(*telling, return_exceptions=True)
    assert [failure for failure in failures if failure] == []


async def test_nothing_is_told_of_a_platform_that_is_well(platform: Platform) -> None:
    await eventually(lambda: not platform.prometheus.firing(), within=PATIENCE_SECONDS)


def test_every_alert_is_made_to_fire(prometheus: Prometheus) -> None:
    made = {alert for together in ROUNDS.values() for each in together.values() for alert in each}
    assert made == {rule["name"] for rule in prometheus.rules() if rule["type"] == "alerting"}
