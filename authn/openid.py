"""Access tokens of OpenID Connect providers, in place of certificates."""

from collections.abc import Mapping
from typing import Final

from ams.service.outgoing import Outgoing
from ams.service.remote_keys import RemoteKeys, discovered
from ams.service.signed_tokens import ACCESS_TOKEN_TYPES, Issuer, TokenVerifier

#: How providers may sign. Each key is for its own kind only, and none of these has a shared secret.
ALGORITHMS: Final = frozenset(
    {
        "EdDSA",
        *(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)),
    }
)
#: Many providers call them by no type of their own.
_TYPES: Final = ACCESS_TOKEN_TYPES | {"jwt", ""}


class AccessTokens:
    """Tells who an access token is about, as bindings have it.

    Args:
        outgoing: fetches the providers' keys.
        issuers: by URL, the audience that their tokens must be for.
    """

    def __init__(self, outgoing: Outgoing, issuers: Mapping[str, str]) -> None:
        self._verifier = TokenVerifier(
            [
                Issuer(
                    issuer,
                    [audience],
                    RemoteKeys(issuer, discovered(outgoing, issuer, ALGORITHMS)),
                )
                for issuer, audience in issuers.items()
            ],
            ALGORITHMS,
            _TYPES,
        )

    async def identifier(self, token: str) -> str:
        """The issuer's URL, a `#`, and what it calls the token's owner.

        Raises:
            TokenRefused: the token does not count.
            Unavailable: whether it does can't be found out: the provider does not answer.
        """
        claims = await self._verifier.verify(token)
        return f"{claims.issuer}#{claims.subject}"

    async def close(self) -> None:
        """Ends what is under way."""
        await self._verifier.close()
