"""Push settings by the client library."""

import asyncio
from collections.abc import Iterator

import pytest

from ams.client import AuthorizationHeader, Client, PushConfig, RetryPolicy, ServiceError
from tests.certificates import RECEIVER_HOST, Certificates
from tests.node import Node
from tests.receiver import answer, receiver


@pytest.fixture
def pushing(push_node: Node) -> Iterator[Client]:
    """A client of a node that pushes, with project `client-push`, topic t, subscription s."""
    with Client(push_node.http, push_node.service_token) as client:
        client.projects.create("client-push")
        client.topics.create("client-push", "t")
        client.subscriptions.create("client-push", "s", "t")
        yield client
        client.projects.delete("client-push")


def test_a_subscription_is_made_with_push_changed_and_pulled_again(pushing: Client) -> None:
    subscriptions = pushing.subscriptions
    asked = PushConfig(
        type="http_endpoint",
        push_endpoint="https://receiver.example.org/",
        max_messages=5,
        authorization_header=AuthorizationHeader("disabled"),
        retry_policy=RetryPolicy("linear", 300),
        base64_decode=True,
    )
    made = subscriptions.create("client-push", "pushed", "t", push=asked)
    config = made.push_config
    assert (config.type, config.push_endpoint) == ("http_endpoint", asked.push_endpoint)
    assert (config.max_messages, config.base64_decode) == (5, True)
    assert config.retry_policy == asked.retry_policy
    assert config.authorization_header == asked.authorization_header
    assert subscriptions.show("client-push", "pushed") == made
    subscriptions.modify_push_config(
        "client-push",
        "pushed",
        PushConfig(type="mattermost", mattermost_url="https://chat.example.org/hook"),
    )
    changed = subscriptions.show("client-push", "pushed")
    assert changed.push_config.verified
    assert changed.push_status == "Push server is currently unavailable"
    subscriptions.modify_push_config("client-push", "pushed", None)
    assert subscriptions.show("client-push", "pushed").push_config == PushConfig()
    status = pushing.status()
    assert (status.push_functionality, status.push_servers) == ("", ())


async def test_an_endpoint_is_verified(pushing: Client, certificates: Certificates) -> None:
    subscriptions = pushing.subscriptions
    shows = b""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer("200 OK", shows)(reader, writer)

    def verify() -> None:
        subscriptions.verify_push_endpoint("client-push", "s")

    async with receiver(converse, certificates, RECEIVER_HOST) as server:
        config = PushConfig(push_endpoint=server.url())
        await asyncio.to_thread(subscriptions.modify_push_config, "client-push", "s", config)
        with pytest.raises(ServiceError, match="Wrong verification hash"):
            await asyncio.to_thread(verify)
        made = await asyncio.to_thread(subscriptions.show, "client-push", "s")
        shows = made.push_config.verification_hash.encode()
        await asyncio.to_thread(verify)
    assert (await asyncio.to_thread(subscriptions.show, "client-push", "s")).push_config.verified
    with pytest.raises(ServiceError, match="already verified"):
        await asyncio.to_thread(verify)
