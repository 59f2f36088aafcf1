"""Tokens that AuthN signs: they name a user of a host, for a short time (RFC 9068)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import jwt

from ams.service.authn_settings import AuthnSettings
from authn.key_ring import ALGORITHM, KeyRing
from authn.store.records import Binding, ServiceType

_TYPE: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, and how long it is valid, in seconds."""

    text: str
    seconds: int


class TokenIssuer:
    """Signs tokens.

    Args:
        keys: that it signs with.
        settings: what tokens name as their issuer, and how long they live.
    """

    def __init__(self, keys: KeyRing, settings: AuthnSettings) -> None:
        self.keys = keys
        self._issuer = settings.issuer
        self._seconds = settings.token_seconds

    @property
    def issues(self) -> bool:
        """Whether tokens are signed at all: only for who knows what to name as their issuer."""
        return bool(self._issuer)

    async def issue(self, service: ServiceType, binding: Binding) -> IssuedToken:
        """A token for a binding's user, which is valid on the binding's host alone.

        Raises:
            DatabaseFailure, InternalFailure: there is no key to sign with.
        """
        signer = await self.keys.signer()
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self._issuer,
            "sub": binding.unique_key,
            "aud": audience(service.name, binding.host),
            "client_id": binding.name,
            "iat": now,
            "exp": now + self._seconds,
            "jti": str(uuid4()),
        }
        header = {"typ": _TYPE, "kid": signer.key_id}
        text = jwt.encode(claims, signer.private, ALGORITHM, headers=header)
        return IssuedToken(text, self._seconds)


def audience(service_type: str, host: str) -> str:
    """Whom a token is for; users of one host are not those of another one."""
    return f"{service_type}/{host}"
