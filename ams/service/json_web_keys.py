"""Public keys as issuers of tokens publish them (RFC 7517), and as they count here.

Which algorithms a key is for follows from the key, never from a token that names it: so no token
can have its signature checked in another way than the key's owner meant.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ams.service.strict_json import NotJson, read_object

#: Most keys of one issuer; others are left out.
MOST_KEYS: Final = 64
#: Longest name of a key, in characters.
LONGEST_KEY_ID: Final = 256
#: Sizes of RSA keys that count, in bits: shorter ones are weak, with longer ones checking is slow.
RSA_BITS: Final = range(2048, 8192 + 1)

Key: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
# Any: what JSON may hold.
_Members: TypeAlias = Mapping[str, Any]

#: What identifies a kind of key: the members of its form, by their values.
_RSA: Final = ("RSA", None)
_ALGORITHMS: Final[Mapping[tuple[object, object], frozenset[str]]] = {
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    _RSA: frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
}
#: The public members of all kinds of keys. Private ones have no business here.
_PUBLIC: Final = ("kty", "crv", "x", "y", "n", "e")


class NoKeySet(ValueError):
    """What an issuer publishes is no set of keys."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and the algorithms whose signatures it may check."""

    key: Key
    algorithms: frozenset[str]


def read_key_set(document: bytes, algorithms: Collection[str]) -> dict[str, PublicKey]:
    """The keys of a set, by their names.

    Keys without a name, for other purposes, of unknown kinds or of none of the algorithms are left
    out, as RFC 7517 has it.

    Args:
        document: the JSON of the set.
        algorithms: those that count.

    Raises:
        NoKeySet: it is none.
    """
    try:
        members = read_object(document)
    except NotJson as error:
        raise NoKeySet(str(error)) from error
    listed = members.get("keys")
    if not isinstance(listed, list):
        raise NoKeySet("it lists no keys")
    found: dict[str, PublicKey] = {}
    for item in listed[:MOST_KEYS]:
        name = item.get("kid") if isinstance(item, dict) else None
        if isinstance(name, str) and 0 < len(name) <= LONGEST_KEY_ID:
            key = _read_key(item, frozenset(algorithms))
            if key is not None:
                found[name] = key
    return found


def _read_key(members: _Members, algorithms: frozenset[str]) -> PublicKey | None:
    named = members.get("alg")
    usable = _algorithms_of(members) & algorithms
    if named is not None:
        usable &= {named} if isinstance(named, str) else set()
    if not usable or not _is_for_verifying(members):
        return None
    public = {name: members[name] for name in _PUBLIC if name in members}
    try:
        key = jwt.PyJWK(public, min(usable)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, Key) or (isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS):
        return None
    return PublicKey(key, usable)


def _algorithms_of(members: _Members) -> frozenset[str]:
    kind, curve = members.get("kty"), members.get("crv")
    try:
        return _ALGORITHMS.get(_RSA if kind == "RSA" else (kind, curve), frozenset())
    except TypeError:
        return frozenset()  # Lists and objects are no names of anything.


def _is_for_verifying(members: _Members) -> bool:
    operations = members.get("key_ops", ["verify"])
    return (
        members.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )
