"""Signed tokens for tests: good ones, and whatever else somebody may send."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Signer:
    """A key of an issuer.

    signer = Signer("key-1")
    signer.token({"iss": issuer, "sub": "somebody", ...})
    """

    def __init__(
        self, key_id: str, key: PrivateKey | None = None, algorithm: str = "EdDSA"
    ) -> None:
        self.key_id = key_id
        self.key = key or Ed25519PrivateKey.generate()
        self.algorithm = algorithm

    @property
    def public(self) -> dict[str, Any]:
        """The key as a set of keys has it."""
        prepared = jwt.get_algorithm_by_name(self.algorithm)
        members: dict[str, Any] = prepared.to_jwk(self.key.public_key(), as_dict=True)
        return {**members, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def token(self, claims: dict[str, Any] | bytes, **header: object) -> str:
        """A signed token; members of the header replace the usual ones, None leaves one out."""
        usual = {"alg": self.algorithm, "typ": "at+jwt", "kid": self.key_id}
        members = {k: v for k, v in {**usual, **header}.items() if v is not None}
        return self.raw(json.dumps(members).encode(), as_bytes(claims))

    def raw(self, header: bytes, payload: bytes) -> str:
        """The same of any bytes; the signature is always this key's."""
        signed = f"{encoded(header)}.{encoded(payload)}"
        prepared = jwt.get_algorithm_by_name(self.algorithm)
        return f"{signed}.{encoded(prepared.sign(signed.encode(), self.key))}"


def claims_for(issuer: str, audience: str, subject: str, **others: object) -> dict[str, Any]:
    """What a good token says; `others` replace it, None leaves one out."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + 600,
        **others,
    }
    return {name: value for name, value in claims.items() if value is not None}


def as_bytes(claims: dict[str, Any] | bytes) -> bytes:
    return claims if isinstance(claims, bytes) else json.dumps(claims).encode()


def encoded(part: bytes) -> str:
    """As the parts of a token are written."""
    return urlsafe_b64encode(part).decode().rstrip("=")
