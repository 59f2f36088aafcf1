"""What lists in full cost: round trips to Redis and statements, however many items there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from tortoise.log import db_client_logger

from ams.api import peek, subscription_list, topic_list
from ams.api.broker import Broker
from ams.api.calls import Call
from ams.api.lifecycle import Lifecycle
from ams.api.messages import log_of
from ams.api.operations import Operation
from ams.messages.entries import Message
from ams.messages.lane import Lane
from ams.metadata import projects, subscriptions, topics
from ams.metadata.migrate import migrate
from ams.metadata.records import ProjectRecord
from ams.service.settings import Settings
from tests.servers import RedisServer

#: Topics, each with a subscription and a message.
MANY = 120


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Broker, ProjectRecord]]:
    """A broker without HTTP, and a project in it."""
    settings = Settings.model_validate(
        {
            "redis": {"url": redis_server.url},
            "database": {"url": f"sqlite://{tmp_path_factory.mktemp('lists')}/ams.db"},
            "auth": {"token_keys": [Fernet.generate_key().decode()]},
        }
    )
    await migrate(settings.database)
    lifecycle = Lifecycle(settings)
    broker = lifecycle.broker
    await broker.store.open()
    project = await projects.create(broker.store, "P")
    for number in range(MANY):
        topic = await topics.create(broker.store, project, f"t{number}")
        await subscriptions.create(
            broker.store, project, f"s{number}", topic, start_offset=0, ack_deadline_seconds=10
        )
        await broker.log.append(log_of(settings.messages, topic), [Message(uuid4().hex)])
    yield broker, project
    await lifecycle.stop()


@pytest.fixture
def cost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[[Awaitable[object]], Awaitable[tuple[int, int]]]:
    """Counts the round trips to Redis and the statements of what it is given."""
    trips = 0
    send = Lane._send

    async def counted(lane: Lane, calls: list[Any]) -> None:
        nonlocal trips
        trips += 1
        await send(lane, calls)

    monkeypatch.setattr(Lane, "_send", counted)

    async def count(work: Awaitable[object]) -> tuple[int, int]:
        nonlocal trips
        trips = 0
        caplog.clear()
        with caplog.at_level("DEBUG", logger=db_client_logger.name):
            await work
        return trips, sum(record.name == db_client_logger.name for record in caplog.records)

    return count


def called(
    filled: tuple[Broker, ProjectRecord], operation: object, query: str, **names: str
) -> Awaitable[object]:
    broker, project = filled
    assert isinstance(operation, Operation)
    request = cast("Any", SimpleNamespace(query_string=query))
    call = Call(
        operation=operation, request=request, broker=broker, names=names, project_record=project
    )
    return operation.endpoint(call)


@pytest.mark.parametrize(
    ("query", "trips", "of_topics", "of_subscriptions"),
    [
        ("pageSize=10", 0, 4, 4),
        ("pageSize=10&view=full", 1, 5, 4),
        ("view=full", 1, 5, 4),
        ("view=full&orderBy=name+desc&filter=1", 1, 5, 4),
    ],
)
async def test_a_page_costs_one_round_trip_and_as_many_statements_whatever_its_size(
    filled: tuple[Broker, ProjectRecord],
    cost: Callable[[Awaitable[object]], Awaitable[tuple[int, int]]],
    query: str,
    trips: int,
    of_topics: int,
    of_subscriptions: int,
) -> None:
    assert await cost(called(filled, topic_list.list_topics, query)) == (trips, of_topics)
    listed = called(filled, subscription_list.list_subscriptions, query)
    assert await cost(listed) == (trips, of_subscriptions)


async def test_a_page_by_a_counter_costs_a_round_trip_for_128_items(
    filled: tuple[Broker, ProjectRecord],
    cost: Callable[[Awaitable[object]], Awaitable[tuple[int, int]]],
) -> None:
    query = "view=full&orderBy=storedBytes&pageSize=10"
    assert await cost(called(filled, topic_list.list_topics, query)) == (1, 4)
    query = "view=full&orderBy=backlog&pageSize=10"
    assert await cost(called(filled, subscription_list.list_subscriptions, query)) == (1, 3)


async def test_a_look_at_messages_is_one_round_trip(
    filled: tuple[Broker, ProjectRecord],
    cost: Callable[[Awaitable[object]], Awaitable[tuple[int, int]]],
) -> None:
    trips, _ = await cost(called(filled, peek.peek, "attribute=k", topic="t0"))
    assert trips == 1
