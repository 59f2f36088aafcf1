"""Signed tokens that were found good are remembered: not too many, no longer than keys count."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ams.auth import bearer
from ams.auth.bearer import BearerTokens
from ams.auth.tokens import digest
from ams.service import remote_keys
from ams.service.settings_sections import AuthSettings
from ams.service.signed_tokens import Claims, TokenVerifier
from tests.auth.issuer import IssuerStandIn
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.signing import Signer


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


@pytest_asyncio.fixture
async def rotating(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[IssuerStandIn, Counted]]:
    """An issuer of the test's own, and who judges its tokens."""
    with IssuerStandIn(certificates, [Signer("old"), Signer("other")]) as issuer:
        tokens = BearerTokens(AuthSettings.model_validate(issuer.settings))
        yield issuer, Counted(tokens, monkeypatch)
        await tokens.close()


async def test_a_remembered_token_ends_with_its_key(
    rotating: tuple[IssuerStandIn, Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been stolen: the first token of its successor tells that it is withdrawn."""
    monkeypatch.setattr(remote_keys, "PAUSE_SECONDS", 0.0)
    issuer, counted = rotating
    stolen, good = (signer.token(issuer.claims("user")) for signer in issuer.signers)
    assert [await counted.user(token) for token in (stolen, good)] == ["user", "user"]
    issuer.signers[0] = Signer("new")
    issuer.publish()
    assert await counted.user(stolen) == "user", "nobody has said otherwise yet"
    assert await counted.user(issuer.token("user")) == "user"
    assert [await counted.user(token) for token in (stolen, good)] == [None, "user"]


async def test_remembered_tokens_have_their_keys_renewed_without_waiting(
    rotating: tuple[IssuerStandIn, Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, counted = rotating
    token = issuer.token("user")
    assert await counted.user(token) == "user"
    issuer.signers.pop(0)
    issuer.publish()
    assert (await counted.user(token), issuer.times_asked) == ("user", 1)
    monkeypatch.setattr(remote_keys, "REFRESH_SECONDS", 0.0)
    assert await counted.user(token) == "user"

    async def is_refused() -> bool:
        return await counted.user(token) is None

    await eventually(is_refused)


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
