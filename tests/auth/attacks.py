"""Signed tokens that nobody may get in with: each is made for a user, and wrong in one way."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Final, TypeAlias
from uuid import uuid4

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.auth.issuer import AUDIENCE, IssuerStandIn
from tests.signing import Signer, as_bytes, encoded

#: Makes the token of a user's uuid.
Attack: TypeAlias = Callable[[IssuerStandIn, str], str]

HOUR: Final = 3600


def with_secret(issuer: IssuerStandIn, uuid: str, form: str) -> str:
    """HS256, with a form of the issuer's public key for a secret: the classic confusion."""
    public = issuer.signer.key.public_key()
    secret = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "raw": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        "jwk": json.dumps(issuer.signer.public).encode(),
        "empty": b"",
    }[form]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": issuer.signer.key_id}
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(as_bytes(issuer.claims(uuid)))}"
    return f"{signed}.{encoded(hmac_of(secret, signed.encode()))}"


def hmac_of(secret: bytes, text: bytes) -> bytes:
    return hmac.new(secret, text, hashlib.sha256).digest()


def headed(**header: object) -> Attack:
    return lambda issuer, uuid: issuer.signer.token(issuer.claims(uuid), **header)


def saying(**claims: object) -> Attack:
    return lambda issuer, uuid: issuer.token(uuid, **claims)


def changed(change: Callable[[str], str]) -> Attack:
    return lambda issuer, uuid: change(issuer.token(uuid))


def payload(text: str) -> Attack:
    """`ISS`, `AUD`, `SUB` and `EXP` in a text stand for what a good token has there."""

    def attack(issuer: IssuerStandIn, uuid: str) -> str:
        good = issuer.claims(uuid)
        filled = text
        for name in ("iss", "aud", "sub", "exp", "iat"):
            filled = filled.replace(name.upper(), json.dumps(good[name]))
        return issuer.signer.token(filled.encode())

    return attack


def by_other_key(issuer: IssuerStandIn, uuid: str) -> str:
    return Signer(issuer.signer.key_id).token(issuer.claims(uuid))


def with_own_key(name: str) -> Attack:
    """Brings a key along, or says where one is."""

    def attack(issuer: IssuerStandIn, uuid: str) -> str:
        own = Signer(issuer.signer.key_id)
        value = own.public if name == "jwk" else "https://127.0.0.1:1/keys"
        return own.token(issuer.claims(uuid), **{name: value})

    return attack


def confused(issuer: IssuerStandIn, uuid: str) -> str:
    """The name of the one key, the algorithm of the other."""
    return issuer.signers[1].token(issuer.claims(uuid), kid=issuer.signers[0].key_id)


def duplicated_header(issuer: IssuerStandIn, uuid: str) -> str:
    header = b'{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"ed"}'
    return issuer.signer.raw(header, as_bytes(issuer.claims(uuid)))


CLAIMS = '"iss":ISS,"aud":AUD,"exp":EXP,"iat":IAT'
NOW = int(time.time())
ATTACKS: dict[str, Attack] = {
    "none": headed(alg="none"),
    "None": headed(alg="None"),
    "none without a signature": changed(
        lambda token: (
            encoded(b'{"alg":"none","typ":"at+jwt","kid":"ed"}') + f".{token.split('.')[1]}."
        )
    ),
    "without a signature": changed(lambda token: token.rpartition(".")[0] + "."),
    "without an algorithm": headed(alg=None),
    "an algorithm that is no text": headed(alg=["EdDSA"]),
    "HS256 with the public key as PEM": lambda i, u: with_secret(i, u, "pem"),
    "HS256 with the public key as DER": lambda i, u: with_secret(i, u, "der"),
    "HS256 with the raw public key": lambda i, u: with_secret(i, u, "raw"),
    "HS256 with the public key as JSON": lambda i, u: with_secret(i, u, "jwk"),
    "HS256 with nothing": lambda i, u: with_secret(i, u, "empty"),
    "RS256": headed(alg="RS256"),
    "a key of another algorithm": confused,
    "signed by another key": by_other_key,
    "a key of its own in the header": with_own_key("jwk"),
    "a URL of keys in the header": with_own_key("jku"),
    "a URL of certificates in the header": with_own_key("x5u"),
    "an unknown key": headed(kid="unknown"),
    "a path for a key": headed(kid="../../../../../../dev/null"),
    "a query for a key": headed(kid="x' UNION SELECT 'secret"),
    "a URL for a key": headed(kid="https://127.0.0.1:1/"),
    "a very long name of a key": headed(kid="k" * 5000),
    "an empty name of a key": headed(kid=""),
    "no name of a key": headed(kid=None),
    "a number for a key": headed(kid=1),
    "no type": headed(typ=None),
    "the type of ID tokens": headed(typ="JWT"),
    "another type": headed(typ="logout+jwt"),
    "a critical extension": headed(crit=["exp"]),
    "a detached payload": headed(crit=["b64"], b64=False),
    "an ID token that came with an access token": saying(at_hash="x"),
    "an ID token that came with a code": saying(c_hash="x"),
    "a logout token": saying(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    "another issuer": saying(iss="https://127.0.0.1:1"),
    "an issuer with a slash more": lambda i, u: i.token(u, iss=i.name + "/"),
    "an issuer that is a list": lambda i, u: i.token(u, iss=[i.name]),
    "no issuer": saying(iss=None),
    "another audience": saying(aud="ams/other.example.org"),
    "other audiences": saying(aud=["ams", "broker.example.org"]),
    "an audience that begins alike": saying(aud=AUDIENCE + ".evil.org"),
    "an audience in other letters": saying(aud=AUDIENCE.upper()),
    "an audience that is an object": saying(aud={AUDIENCE: 1}),
    "no audience": saying(aud=None),
    "expired": saying(exp=NOW - 60),
    "no end": saying(exp=None),
    "an end that is text": saying(exp=str(NOW + HOUR)),
    "an end that is true": saying(exp=True),
    "an end without end": payload(f'{{{CLAIMS.replace("EXP", "1e999")},"sub":SUB}}'),
    "an end that is no number": payload(f'{{{CLAIMS.replace("EXP", "NaN")},"sub":SUB}}'),
    "an end of thousands of digits": payload(f'{{{CLAIMS.replace("EXP", "9" * 5000)},"sub":SUB}}'),
    "not valid yet": saying(nbf=NOW + HOUR),
    "made in the future": saying(iat=NOW + HOUR),
    "made at no time": saying(iat=None),
    "about nobody": saying(sub=""),
    "about nobody at all": saying(sub=None),
    "about a number": saying(sub=1),
    "about somebody who does not exist": lambda i, _: i.token(str(uuid4())),
    "about a user's name": lambda i, _: i.token("admin"),
    "about a user in capitals": lambda i, u: i.token(u.upper()),
    "about a user with a space": lambda i, u: i.token(u + " "),
    "about half a character": payload(f'{{{CLAIMS},"sub":"\\ud800"}}'),
    "a subject twice": payload(f'{{{CLAIMS},"sub":"x","sub":SUB}}'),
    "an issuer twice": payload(f'{{"iss":"https://evil.org",{CLAIMS},"sub":SUB}}'),
    "an algorithm twice": duplicated_header,
    "no JSON": payload("no JSON"),
    "a list": payload("[]"),
    "deep JSON": payload("[" * 5000),
    "no text": lambda i, _: i.signer.token(b"\xff\xfe"),
    "a byte less": changed(lambda token: token[:-1]),
    "half of it": changed(lambda token: token[: len(token) // 2]),
    "a part less": changed(lambda token: token.rpartition(".")[0]),
    "a part more": changed(lambda token: token + ".x"),
    "other parts": changed(lambda token: ".".join(reversed(token.split(".")))),
    "dots": lambda *_: "..",
    "padding": changed(lambda token: token + "=="),
    "another payload": changed(
        lambda token: ".".join([token.split(".")[0], encoded(b"{}"), token.split(".")[2]])
    ),
    "oversized": lambda i, u: i.token(u, filling="x" * 9000),
}
