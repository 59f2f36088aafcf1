"""Brokers that trust an issuer of signed tokens."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.client import User, create_user
from tests.auth.issuer import IssuerStandIn
from tests.certificates import Certificates
from tests.node import Node
from tests.servers import FSYNC, RedisServer
from tests.signing import Signer


@pytest.fixture(scope="package")
def issuer(certificates: Certificates) -> Iterator[IssuerStandIn]:
    """Signs with a key of either kind: `signers[0]` EdDSA, `signers[1]` ES256."""
    signers = [Signer("ed"), Signer("ec", ec.generate_private_key(ec.SECP256R1()), "ES256")]
    with IssuerStandIn(certificates, signers) as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="package")
async def both(
    issuer: IssuerStandIn,
    redis_binary: Path,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[list[Node]]:
    """Two brokers of one service that trust the issuer."""
    database = f"sqlite://{tmp_path_factory.mktemp('database')}/ams.db"
    async with AsyncExitStack() as closing:
        redis = closing.enter_context(RedisServer(redis_binary, **FSYNC))
        sections: Mapping[str, Mapping[str, object]] = {
            "redis": {"url": redis.url},
            "database": {"url": database},
            "auth": issuer.settings,
        }
        nodes: list[Node] = []
        for _ in range(2):
            node = Node(tmp_path_factory.mktemp("node"), certificates, sections)
            closing.push_async_callback(node.close)
            node.migrate()
            nodes.append(await node.start())
        yield nodes


@pytest.fixture(scope="package")
def trusting(both: list[Node]) -> Node:
    """The first of them."""
    return both[0]


@pytest_asyncio.fixture(scope="package")
async def user(trusting: Node) -> User:
    """A user whom nobody changes."""
    return await create_user(trusting)
