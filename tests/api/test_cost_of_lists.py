"""What lists in full cost: as many round trips and statements however many items there are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ams.api import peek, subscription_list, topic_list
from ams.api.broker import Broker
from ams.api.lifecycle import Lifecycle
from ams.api.messages import log_of
from ams.api.operations import Operation
from ams.messages.entries import Message
from ams.metadata.migrate import migrate
from ams.service.settings import Settings
from tests.api.cost import ADMIN, Cost
from tests.metadata.make import make_project, make_subscription, make_topic, make_user
from tests.node import TOKEN_KEY
from tests.servers import RedisServer

#: Topics, each with a subscription and a message.
MANY = 120
#: Statements of the authorisation of a request, of which nothing is remembered here.
AUTHORISATION = 4


@pytest_asyncio.fixture
async def broker(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Broker]:
    """A broker's parts, with project `P`; its memory is empty, and stays so."""
    settings = Settings.model_validate(
        {
            "redis": {"url": redis_server.url},
            "database": {"url": f"sqlite://{tmp_path}/ams.db"},
            "auth": {"token_keys": [TOKEN_KEY]},
        }
    )
    await migrate(settings.database)
    lifecycle = Lifecycle(settings)
    broker = lifecycle.broker
    await broker.store.open()
    project = await make_project(broker.store, "P")
    await make_user(broker.store, ADMIN, project, "project_admin")
    for number in range(MANY):
        topic = await make_topic(broker.store, project, f"t{number}")
        await make_subscription(broker.store, project, topic, f"s{number}")
        await broker.log.append(log_of(settings.messages, topic), [Message("YQ==")])
    yield broker
    await lifecycle.stop()


@pytest.fixture
def cost(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Cost:
    return Cost(caplog, monkeypatch)


async def test_a_page_in_full_costs_one_round_trip_and_as_many_statements_whatever_its_size(
    broker: Broker, cost: Cost
) -> None:
    async def of(operation: object, query: str) -> tuple[int, int]:
        assert isinstance(operation, Operation)
        statements, trips = await cost.of(broker, operation, query=query, project="P")
        return statements - AUTHORISATION, trips

    of_topics, of_subscriptions = topic_list.list_topics, subscription_list.list_subscriptions
    assert await of(of_topics, "pageSize=10") == (4, 0)
    assert await of(of_subscriptions, "pageSize=10") == (4, 0)
    for query in ("pageSize=10", "", "orderBy=name+desc&filter=1", "orderBy=created&pageSize=99"):
        assert await of(of_topics, f"view=full&{query}") == (5, 1)
        assert await of(of_subscriptions, f"view=full&{query}") == (4, 1)
    # All 120 are measured: one round trip for 128.
    assert await of(of_topics, "view=full&orderBy=storedBytes&pageSize=10") == (4, 1)
    assert await of(of_subscriptions, "view=full&orderBy=backlog&pageSize=10") == (3, 1)


async def test_a_look_at_messages_is_one_round_trip(broker: Broker, cost: Cost) -> None:
    operation: object = peek.peek
    assert isinstance(operation, Operation)
    for query in ("", "attribute=k", "offset=0&limit=1"):
        _, trips = await cost.of(broker, operation, query=query, project="P", topic="t0")
        assert trips == 1
