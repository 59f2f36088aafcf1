"""Signed tokens of AuthN, sent as `Authorization: Bearer` (contract: decision 1)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final, NamedTuple

from ams.service.logs import get_logger
from ams.service.outgoing import Outgoing
from ams.service.remote_keys import RemoteKeys, published_at
from ams.service.settings_sections import AuthSettings, OutgoingSettings
from ams.service.signed_tokens import (
    ACCESS_TOKEN_TYPES,
    LEEWAY_SECONDS,
    Claims,
    Issuer,
    TokenRefused,
    TokenVerifier,
    looks_signed,
)

#: How a signed token may be signed.
ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})
#: Most verified tokens that are remembered.
MAX_REMEMBERED: Final = 50_000

#: Who is trusted is the operators' choice, and often a neighbour of the broker.
_ANYWHERE: Final = ["0.0.0.0/0", "::/0"]

log = get_logger()


class BearerTokens:
    """Tells whom signed tokens name; whether there is such a user, they don't tell.

    Args:
        settings: whose tokens are believed.

    Raises:
        SettingsError: `jwt_ca_file` can't be used.
    """

    def __init__(self, settings: AuthSettings) -> None:
        self._outgoing = Outgoing(
            OutgoingSettings(
                allow_private_addresses=_ANYWHERE,
                ca_file=settings.jwt_ca_file,
            )
        )
        self._verifier = TokenVerifier(
            [
                Issuer(
                    issuer,
                    settings.jwt_audiences,
                    RemoteKeys(issuer, published_at(self._outgoing, url, ALGORITHMS)),
                )
                for issuer, url in settings.jwt_issuers.items()
            ],
            ALGORITHMS,
            ACCESS_TOKEN_TYPES,
        )
        self._any = bool(settings.jwt_issuers)
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()

    def take(self, token: str) -> bool:
        """Whether a bearer token is a signed one, if any are believed; others are users' own."""
        return self._any and looks_signed(token)

    async def user(self, token: str, token_digest: str) -> str | None:
        """The uuid of the user that a signed token names; None if it does not count.

        Raises:
            Unavailable: whether it counts can't be found out now.
        """
        remembered = self._remembered.get(token_digest)
        if remembered is not None and self._stands(remembered):
            self._remembered.move_to_end(token_digest)
            return remembered.subject
        try:
            claims = await self._verifier.verify(token)
        except TokenRefused as error:
            log.info("signed token refused", reason=str(error))
            return None
        self._remember(token_digest, claims)
        return claims.subject

    async def close(self) -> None:
        """Closes all connections."""
        await self._verifier.close()
        await self._outgoing.close()

    def _stands(self, token: _Remembered) -> bool:
        """Whether a token that was good is so still: not expired, and no key was withdrawn."""
        return (
            time.time() < token.until
            and self._verifier.keys_version(token.issuer) == token.keys_version
        )

    def _remember(self, token_digest: str, claims: Claims) -> None:
        self._remembered.pop(token_digest, None)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        self._remembered[token_digest] = _Remembered(
            claims.subject,
            claims.issuer,
            claims.expires + LEEWAY_SECONDS,
            self._verifier.keys_version(claims.issuer),
        )


class _Remembered(NamedTuple):
    """A token that was found good, by these keys of its issuer."""

    subject: str
    issuer: str
    until: float
    keys_version: int
