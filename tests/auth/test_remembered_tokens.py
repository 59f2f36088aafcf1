"""Signed tokens that were found good are remembered: not too many, and not too long."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ams.auth import bearer
from ams.auth.bearer import BearerTokens
from ams.auth.tokens import digest
from ams.service.settings_sections import AuthSettings
from ams.service.signed_tokens import Claims, TokenVerifier
from tests.auth.issuer import IssuerStandIn


class Counted:
    """A broker's judge of tokens; `checked` counts how often it looks at a signature."""

    def __init__(self, tokens: BearerTokens, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tokens = tokens
        self.checked = 0
        verify = TokenVerifier.verify

        async def count(verifier: TokenVerifier, token: str) -> Claims:
            self.checked += 1
            return await verify(verifier, token)

        monkeypatch.setattr(TokenVerifier, "verify", count)

    async def user(self, token: str) -> str | None:
        return await self._tokens.user(token, digest(token))


@pytest_asyncio.fixture
async def counted(issuer: IssuerStandIn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counted]:
    tokens = BearerTokens(AuthSettings.model_validate(issuer.settings))
    yield Counted(tokens, monkeypatch)
    await tokens.close()


async def test_a_good_token_is_checked_once(issuer: IssuerStandIn, counted: Counted) -> None:
    token = issuer.token("user")
    assert [await counted.user(token) for _ in range(5)] == ["user"] * 5
    assert counted.checked == 1


async def test_a_bad_token_is_checked_each_time(issuer: IssuerStandIn, counted: Counted) -> None:
    token = issuer.token("user", aud="other")
    assert [await counted.user(token) for _ in range(3)] == [None] * 3
    assert counted.checked == 3


async def test_signatures_are_checked_again_after_a_while(
    issuer: IssuerStandIn, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key may have been withdrawn."""
    monkeypatch.setattr(bearer, "REMEMBER_SECONDS", 0.0)
    token = issuer.token("user")
    for _ in range(3):
        assert await counted.user(token) == "user"
    assert counted.checked == 3


async def test_the_token_that_was_not_used_for_longest_is_forgotten_first(
    issuer: IssuerStandIn, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer, "MAX_REMEMBERED", 2)
    first, second, third = (issuer.token("user", jti=str(number)) for number in range(3))
    for token in (first, second, first, third, first):
        await counted.user(token)
    assert counted.checked == 3
    await counted.user(second)
    assert counted.checked == 4
