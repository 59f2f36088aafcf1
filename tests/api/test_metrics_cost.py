"""What metrics cost: as many SQL statements whatever there is, a round trip per 128 topics."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from ams.api import metrics, usage
from ams.api.broker import Broker
from ams.api.token_use import TokenUse
from ams.auth.access import ServiceToken
from ams.auth.bearer import BearerTokens
from ams.messages.group_commit import TopicLog
from ams.messages.lane import MOST_CALLS
from ams.metadata.cache import Catalog
from ams.metadata.migrate import migrate
from ams.metadata.models import (
    Membership,
    RetiredTopic,
    Subscription,
    SubscriptionAcl,
    Topic,
    TopicAcl,
    User,
)
from ams.metadata.records import ProjectRecord
from ams.metadata.store import Store
from ams.service.outgoing import Outgoing
from ams.service.settings import Settings
from ams.service.settings_sections import AuthSettings, DatabaseSettings, OutgoingSettings
from ams.service.token_box import TokenBox
from tests.api.cost import ADMIN, Cost
from tests.messages.logs import open_log, publish
from tests.metadata.make import make_project, make_user
from tests.node import TOKEN_KEY
from tests.servers import RedisServer

NOW = datetime.now(UTC)


@pytest_asyncio.fixture
async def broker(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Broker]:
    """A broker's parts; its memory is empty, and stays so: each look-up is a statement."""
    settings = DatabaseSettings(url=f"sqlite://{tmp_path}/ams.db", timeout_seconds=30.0)
    await migrate(settings)
    async with Store(settings) as store, open_log(redis_server.url) as opened:
        await make_user(store, ADMIN)
        yield Broker(
            settings=Settings(),
            store=store,
            catalog=Catalog(store),
            log=opened.log,
            token_box=TokenBox([TOKEN_KEY]),
            service_token=ServiceToken(""),
            token_use=TokenUse(store),
            outgoing=Outgoing(OutgoingSettings()),
            bearer_tokens=BearerTokens(AuthSettings()),
        )


@pytest.fixture
def cost(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Cost:
    return Cost(caplog, monkeypatch)


async def fill(broker: Broker, project: ProjectRecord, size: int) -> None:
    """So many topics with a message each, deleted ones, subscriptions and members on all lists."""
    store = broker.store
    alive, gone = ([str(uuid4()) for _ in range(size)] for _ in range(2))

    async def insert() -> None:
        common = {"project_id": project.id, "created_on": NOW}
        await Topic.bulk_create(
            Topic(uuid=uuid, name=f"t{n}", epoch=1, **common) for n, uuid in enumerate(alive)
        )
        await RetiredTopic.bulk_create(
            RetiredTopic(uuid=uuid, project_id=project.id, name="t0") for uuid in gone
        )
        await User.bulk_create(
            User(
                uuid=str(uuid4()),
                name=f"{project.name}-{n}",
                email="",
                first_name="",
                last_name="",
                organization="",
                description="",
                service_roles=[],
                token_digest=f"{project.name}-{n}",
                token_ciphertext="",
                created_on=NOW,
                modified_on=NOW,
            )
            for n in range(size)
        )
        users = await User.filter(name__startswith=project.name).values_list("id", flat=True)
        topics = await Topic.filter(project_id=project.id).values_list("id", flat=True)
        await Subscription.bulk_create(
            Subscription(
                uuid=str(uuid4()),
                name=f"s{n}",
                epoch=1,
                topic_name="t0",
                topic_id=topics[0],
                start_offset=0,
                ack_deadline_seconds=10,
                **common,
            )
            for n in range(size)
        )
        subscriptions = await Subscription.filter(project_id=project.id).values_list(
            "id", flat=True
        )
        await Membership.bulk_create(
            Membership(user_id=user, project_id=project.id, roles=[]) for user in users
        )
        admin = await User.get(name=ADMIN)
        await Membership.create(user=admin, project_id=project.id, roles=["project_admin"])
        admin.service_roles = ["metrics_viewer"]
        await admin.save()
        await TopicAcl.bulk_create(
            TopicAcl(topic_id=topic, user_id=user) for topic in topics[:5] for user in users
        )
        await SubscriptionAcl.bulk_create(
            SubscriptionAcl(subscription_id=subscription, user_id=user)
            for subscription in subscriptions[:5]
            for user in users
        )

    await store.database.transaction(insert)
    logs = [TopicLog(uuid, 1, 0, 0) for uuid in (*alive, *gone)]
    await asyncio.gather(*(publish(broker.log, log, "x") for log in logs))


def round_trips(topics: int) -> int:
    """To ask for so many topics: a pipeline has that many calls at most."""
    return math.ceil(topics / MOST_CALLS)


@pytest.mark.parametrize("size", [2, 200])
async def test_of_a_project_a_topic_and_a_subscription(
    broker: Broker, cost: Cost, size: int
) -> None:
    """Deleted topics are asked for, too: as many as there are others."""
    project = await make_project(broker.store)
    await fill(broker, project, size)
    names = {"project": project.name, "topic": "t0", "subscription": "s0"}
    only = {"project": project.name}
    # Of these, authorisation takes 4.
    assert await cost.of(broker, metrics.of_project, **only) == (12, round_trips(2 * size))
    statements, trips = await cost.of(broker, metrics.of_topic, **names)
    assert statements == 8
    assert trips <= 1 + round_trips(size)
    assert await cost.of(broker, metrics.of_subscription, **names) == (6, 1)


@pytest.mark.parametrize(("number", "size"), [(2, 2), (30, 20)])
async def test_of_all_projects(broker: Broker, cost: Cost, number: int, size: int) -> None:
    made = [await make_project(broker.store, f"P{n:02}-") for n in range(number)]
    for project in made:
        await fill(broker, project, size)
    asked = round_trips(2 * size * number)
    assert await cost.of(broker, usage.activity) == (9, asked)
    every = "projects=" + ",".join(project.name for project in made)
    assert await cost.of(broker, usage.activity, query=every) == (9, asked)
    one = f"projects={made[0].name}"
    assert await cost.of(broker, usage.activity, query=one) == (9, round_trips(2 * size))
    await usage.node_metrics(broker.store)
    assert await cost.of(broker, usage.operational) == (7, 0)
    assert await cost.of(broker, usage.usage_report) == (12, asked)
