"""Tokens that issuers sign (JWT, RFC 7519), used as access tokens (RFC 9068).

    verifier = TokenVerifier([Issuer(url, audiences, keys)], ALGORITHMS, TYPES)
    claims = await verifier.verify(token)

A token is read strictly, and looked at from the outside in: its length first, a signature last.
Nothing that it says about where a key is (`jku`, `jwk`, `x5u`, `x5c`) is looked at.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import jwt

from ams.service.json_web_keys import LONGEST_KEY_ID, PublicKey
from ams.service.remote_keys import RemoteKeys
from ams.service.strict_json import NotJson, read_object

#: Longest token that is looked at, in characters.
LONGEST_TOKEN: Final = 8192
#: By how much the clocks of issuers may differ from ours, in seconds.
LEEWAY_SECONDS: Final = 30.0
#: The type of an access token, in both of its forms (RFC 9068).
ACCESS_TOKEN_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})

_FORM: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}")
_REQUIRED: Final = ("iss", "aud", "sub", "exp", "iat")
_TIMES: Final = ("exp", "iat", "nbf")
#: What ID tokens and logout tokens say, and access tokens don't. The same issuer signs all of them,
#: and where it gives none of them a type, an audience may be all that else tells them apart.
_OF_OTHER_TOKENS: Final = ("at_hash", "c_hash", "events")
#: No time in a token is as late as this, in seconds since 1970: the year 33658.
_END_OF_TIME: Final = 10**12


class TokenRefused(Exception):
    """A token does not count; the message says why, and has nothing of the token."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says that is not refused.

    Attributes:
        issuer: who signed it.
        subject: whom it is about.
        expires: until when it counts, in seconds since 1970.
    """

    issuer: str
    subject: str
    expires: float


@dataclass(frozen=True, slots=True)
class Issuer:
    """Somebody whose tokens are believed.

    Attributes:
        name: as its tokens have it.
        audiences: whom its tokens must be for, one of them at least.
        keys: those that it signs with.
    """

    name: str
    audiences: Collection[str]
    keys: RemoteKeys


@dataclass(frozen=True, slots=True)
class _Header:
    algorithm: str
    key_id: str


def looks_signed(token: str) -> bool:
    """Whether a text has the form of a signed token."""
    return token.count(".") == 2


class TokenVerifier:
    """Tells which tokens count.

    Args:
        issuers: whose tokens do.
        algorithms: of signatures.
        types: what the header may call the token, in lower case; with "" it need not.
    """

    def __init__(
        self, issuers: Iterable[Issuer], algorithms: Collection[str], types: Collection[str]
    ) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._algorithms = algorithms
        self._types = types

    async def verify(self, token: str) -> Claims:
        """What a token says.

        Raises:
            TokenRefused: it does not count.
            Unavailable: whether it does can't be found out: its key can't be fetched now.
        """
        if len(token) > LONGEST_TOKEN or not _FORM.fullmatch(token):
            raise TokenRefused("it is no signed token, or too long")
        header, claims = (_read(part) for part in token.split(".")[:2])
        chosen = self._header(header)
        _check_times(claims)
        if any(name in claims for name in _OF_OTHER_TOKENS):
            raise TokenRefused("it is no access token")
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise TokenRefused("its issuer is not trusted")
        key = await issuer.keys.find(chosen.key_id)
        if key is None:
            raise TokenRefused("its issuer has no such key")
        return _verified(token, chosen, key, issuer)

    def keys_version(self, issuer: str) -> int:
        """Another number whenever an issuer's keys are others: what it signed may count no more."""
        return self._issuers[issuer].keys.version()

    async def close(self) -> None:
        """Ends what is under way."""
        for issuer in self._issuers.values():
            await issuer.keys.close()

    def _header(self, header: dict[str, Any]) -> _Header:
        algorithm, kind, key_id = header.get("alg"), header.get("typ", ""), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise TokenRefused("its algorithm is not allowed")
        if not isinstance(kind, str) or kind.lower() not in self._types:
            raise TokenRefused("it is of another type")
        if not isinstance(key_id, str) or not 0 < len(key_id) <= LONGEST_KEY_ID:
            raise TokenRefused("it names no key")
        if "crit" in header:
            raise TokenRefused("it has a critical extension")
        return _Header(algorithm, key_id)


def _read(part: str) -> dict[str, Any]:
    try:
        return read_object(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except NotJson as error:
        raise TokenRefused(str(error)) from None
    except ValueError:
        raise TokenRefused("it is cut off") from None


def _check_times(claims: dict[str, Any]) -> None:
    """Numbers only: what else could be read as one may be read in several ways."""
    for name in _TIMES:
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TokenRefused("a time in it is none")
        if not 0 <= value < _END_OF_TIME:
            raise TokenRefused("a time in it is none")


def _verified(token: str, header: _Header, key: PublicKey, issuer: Issuer) -> Claims:
    if header.algorithm not in key.algorithms:
        raise TokenRefused("its key is for other algorithms")
    try:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[header.algorithm],
            audience=issuer.audiences,
            issuer=issuer.name,
            leeway=LEEWAY_SECONDS,
            options={"require": list(_REQUIRED)},
        )
    except jwt.InvalidSignatureError:
        raise TokenRefused("its signature is wrong") from None
    except jwt.ExpiredSignatureError:
        raise TokenRefused("it has expired") from None
    except jwt.ImmatureSignatureError:
        raise TokenRefused("it is of the future") from None
    except jwt.InvalidAudienceError:
        raise TokenRefused("it is for somebody else") from None
    except jwt.MissingRequiredClaimError:
        raise TokenRefused("it lacks a claim") from None
    except jwt.PyJWTError:
        raise TokenRefused("something in it is wrong") from None
    if not claims["sub"] or not claims["sub"].isprintable():
        raise TokenRefused("it is about nobody")
    return Claims(claims["iss"], claims["sub"], claims["exp"])
