"""The async client against a real broker: the same routes, awaited."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import pytest

from ams.client import (
    AsyncClient,
    Client,
    InvalidName,
    OutgoingMessage,
    ReceivedMessage,
    ServiceError,
    Topic,
)
from ams.client.resources import Broker
from tests.certificates import Certificates
from tests.node import Node


async def test_what_is_published_is_pulled(async_client: AsyncClient, project: str) -> None:
    client = async_client
    assert await client.topics.publish(project, "t", [OutgoingMessage(b"\0", {"k": "v"})]) == ("0",)
    (received,) = await client.subscriptions.pull(project, "s", 10)
    assert (received.message.data, received.message.attributes) == (b"\0", {"k": "v"})
    await client.subscriptions.acknowledge(project, "s", [received.ack_id])
    assert await client.subscriptions.pull(project, "s") == ()


async def test_type_checkers_know_what_is_answered(
    client: Client, async_client: AsyncClient, project: str
) -> None:
    assert_type(client.topics.show(project, "t"), Topic)
    assert_type(await async_client.topics.show(project, "t"), Topic)
    assert_type(client.topics.list(project), Iterator[Topic])
    assert_type(async_client.topics.list(project), AsyncIterator[Topic])
    assert_type(await async_client.subscriptions.pull(project, "s"), tuple[ReceivedMessage, ...])
    with pytest.raises(TypeError):
        client.topics.show(project)  # type: ignore[call-arg]  # checkers see parameters, too


async def test_lists_are_read_page_by_page(async_client: AsyncClient, project: str) -> None:
    for number in range(4):
        await async_client.topics.create(project, f"t{number}")
    listed = async_client.topics.list(project, page_size=2)
    assert [topic.short_name async for topic in listed] == ["t3", "t2", "t1", "t0", "t"]
    page = await async_client.topics.page(project, 2)
    assert (len(page.topics), page.total_size) == (2, 5)
    assert project in [each.name for each in await async_client.projects.list()]


async def test_many_pulls_wait_at_the_same_time(async_client: AsyncClient, project: str) -> None:
    """More than a pool of connections usually has."""
    pulls = [
        asyncio.create_task(async_client.subscriptions.pull(project, "s", wait=True))
        for _ in range(150)
    ]
    await async_client.topics.publish(project, "t", [OutgoingMessage(b"x")])
    for (received,) in await asyncio.gather(*pulls):
        assert received.message.data == b"x"


async def test_errors_are_those_of_the_blocking_client(
    async_client: AsyncClient, project: str
) -> None:
    with pytest.raises(ServiceError, match=r"^Topic doesn't exist$"):
        await async_client.topics.show(project, "no")
    with pytest.raises(InvalidName):
        await async_client.topics.show(project, "a/b")


async def test_https_needs_the_ca(node: Node, certificates: Certificates) -> None:
    async with AsyncClient(node.https, ca=certificates.ca) as client:
        assert (await client.status()).status == "ok"
        assert (await client.version()).architecture


def test_a_method_explains_itself() -> None:
    with Client("http://127.0.0.1:1") as client:
        pull = client.subscriptions.pull
    assert inspect.signature(pull).return_annotation.__name__ == "tuple"
    assert "max_messages" in inspect.signature(pull).parameters
    assert (pull.__doc__ or "").startswith("The next messages")


def test_both_clients_have_all_resources() -> None:
    with Client("http://127.0.0.1:1") as client:
        resources = {name for name in vars(client) if not name.startswith("_")}
    assert resources == {name for name in vars(Broker(client)) if not name.startswith("_")}
    assert resources >= {"projects", "topics", "subscriptions", "users"}
