"""Signed tokens of AuthN, sent as `Authorization: Bearer` (contract: decision 1)."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

from ams.service.logs import get_logger
from ams.service.outgoing import Outgoing
from ams.service.remote_keys import RemoteKeys, published_at
from ams.service.settings_sections import AuthSettings, OutgoingSettings
from ams.service.signed_tokens import (
    ACCESS_TOKEN_TYPES,
    LEEWAY_SECONDS,
    Issuer,
    TokenRefused,
    TokenVerifier,
    looks_signed,
)

#: How a signed token may be signed.
ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})
#: Most verified tokens that are remembered.
MAX_REMEMBERED: Final = 50_000
#: How long one is remembered before its signature is checked again, in seconds: so a key that its
#: owner has withdrawn ends also for tokens that are in use.
REMEMBER_SECONDS: Final = 300.0

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
        self._remembered: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def take(self, token: str) -> bool:
        """Whether a bearer token is a signed one, if any are believed; others are users' own."""
        return self._any and looks_signed(token)

    async def user(self, token: str, token_digest: str) -> str | None:
        """The uuid of the user that a signed token names; None if it does not count.

        Raises:
            Unavailable: whether it counts can't be found out now.
        """
        now = time.time()
        remembered = self._remembered.get(token_digest)
        if remembered is not None and now < remembered[1]:
            self._remembered.move_to_end(token_digest)
            return remembered[0]
        try:
            claims = await self._verifier.verify(token)
        except TokenRefused as error:
            log.info("signed token refused", reason=str(error))
            return None
        until = min(claims.expires + LEEWAY_SECONDS, now + REMEMBER_SECONDS)
        self._remember(token_digest, claims.subject, until)
        return claims.subject

    async def close(self) -> None:
        """Closes all connections."""
        await self._verifier.close()
        await self._outgoing.close()

    def _remember(self, token_digest: str, uuid: str, until: float) -> None:
        self._remembered.pop(token_digest, None)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        self._remembered[token_digest] = uuid, until
