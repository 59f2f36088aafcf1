"""Signed tokens that are not what they seem (contract: decision 1)."""

import pytest

from tests.api.client import User, assert_error
from tests.auth.attacks import ATTACKS
from tests.auth.issuer import IssuerStandIn, asked_with
from tests.node import Node


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_token_is_refused_that_is(
    trusting: Node, issuer: IssuerStandIn, user: User, attack: str
) -> None:
    token = ATTACKS[attack](issuer, user.uuid)
    assert_error(await asked_with(trusting, token), 401, "Unauthorized")
    assert token[:64] not in trusting.log()
