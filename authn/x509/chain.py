"""Who vouches for a certificate: the way from it to a trusted authority (RFC 5280, 6.1).

OpenSSL looks for it during the handshake. This finds it again, because the lists of revoked
certificates must be signed by the authorities on the way, and because a resumed connection or one
that has been open for days proves nothing any more. It is no laxer than OpenSSL with Python's
settings, so what it refuses, and why, is also what the handshake fails of.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from authn.x509 import fields
from authn.x509.name_constraints import violation
from authn.x509.refusals import Untrusted

#: Certificates of one chain, both ends included.
MOST_CERTIFICATES: Final = 10
#: Certificates sent by a client that are looked at.
MOST_SENT: Final = 32
#: Signatures that are checked to find one chain: cross-signed authorities make many ways.
MOST_SIGNATURES: Final = 64

#: As OpenSSL's security level 2; above it, checking takes long and nobody needs it. In bits.
_RSA_BITS: Final = range(2048, 8192 + 1)
_LEAST_CURVE_BITS: Final = 224

#: Extensions that may be critical. Policies are not asked for, so what is said on them holds.
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.INHIBIT_ANY_POLICY,
    }
)


class Anchors:
    """Certificates that are trusted without anybody vouching for them; equal if they are these."""

    def __init__(self, certificates: Iterable[x509.Certificate]) -> None:
        self.certificates = tuple(dict.fromkeys(certificates))
        self._known = frozenset(self.certificates)
        self._by_subject = _by_subject(self.certificates)

    def __contains__(self, certificate: x509.Certificate) -> bool:
        return certificate in self._known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anchors) and self._known == other._known

    def __hash__(self) -> int:
        return hash(self._known)

    def issuers(self, certificate: x509.Certificate) -> Sequence[x509.Certificate]:
        """Those with the name that `certificate` says it was issued by."""
        return self._by_subject.get(fields.issuer(certificate).content, ())


def build_chain(
    certificate: x509.Certificate,
    sent: Sequence[x509.Certificate],
    anchors: Anchors,
    now: datetime,
) -> list[x509.Certificate]:
    """The certificates from `certificate` to one of `anchors`, the highest there is.

    Args:
        certificate: a client's.
        sent: what the client sent along.
        anchors: what is trusted.
        now: when all of them must be valid.

    Raises:
        Untrusted: there is no such chain; with the reason that a search for it met last.
    """
    if flaw := _flaw_of_client(certificate, now):
        raise Untrusted(f"It {flaw}")
    search = _Search(sent, anchors, now)
    chain = search.extend([certificate])
    if chain is None and certificate in anchors:
        return [certificate]
    if chain is None:
        raise Untrusted(search.reason or "It is not issued by a trusted authority")
    return chain


class _Search:
    """Depth first, trusted authorities before others; bounded in depth and in signatures."""

    def __init__(self, sent: Sequence[x509.Certificate], anchors: Anchors, now: datetime) -> None:
        self.reason = ""
        self._sent = _by_subject(sent[:MOST_SENT])
        self._anchors = anchors
        self._now = now
        self._signatures_left = MOST_SIGNATURES

    def extend(self, path: list[x509.Certificate]) -> list[x509.Certificate] | None:
        """A chain that begins with `path`."""
        if len(path) == MOST_CERTIFICATES:
            self.reason = f"Its chain is longer than {MOST_CERTIFICATES} certificates"
            return None
        for anchor in self._anchors.issuers(path[-1]):
            if anchor not in path and self._may_follow(path, anchor):
                above = [*path, anchor]
                # Who issued it may be trusted too, and may have revoked it.
                return above if _is_self_issued(anchor) else self.extend(above) or above
        for candidate in self._sent.get(fields.issuer(path[-1]).content, ()):
            if candidate not in path and self._may_follow(path, candidate):
                chain = self.extend([*path, candidate])
                if chain is not None:
                    return chain
        return None

    def _may_follow(self, path: list[x509.Certificate], issuer: x509.Certificate) -> bool:
        """Whether `issuer` signed the last of `path`, and might; sets the reason if not."""
        flaw = _flaw_of_issuer(issuer, path, issuer in self._anchors, self._now)
        if flaw is None and not self._signatures_left:
            flaw = "is one of too many that could have issued it"
        if flaw is None:
            self._signatures_left -= 1
            flaw = _flaw_of_signature(path[-1], issuer)
        if flaw is None:
            flaw = violation(issuer, path)
        if flaw is not None:
            self.reason = f"Its authority {flaw}"
        return flaw is None


def _by_subject(
    certificates: Iterable[x509.Certificate],
) -> dict[bytes, list[x509.Certificate]]:
    found: dict[bytes, list[x509.Certificate]] = {}
    for certificate in certificates:
        found.setdefault(fields.subject(certificate).content, []).append(certificate)
    return found


def _flaw_of_client(certificate: x509.Certificate, now: datetime) -> str | None:
    try:
        usage = fields.extension(certificate, x509.KeyUsage)
        if usage and not (usage.digital_signature or usage.key_agreement):
            return "may not be used to sign"
        return _flaw_of_any(certificate, now)
    except fields.UNREADABLE:
        return "can't be read"


def _flaw_of_issuer(
    issuer: x509.Certificate, path: Sequence[x509.Certificate], trusted: bool, now: datetime
) -> str | None:
    try:
        constraints = fields.extension(issuer, x509.BasicConstraints)
        usage = fields.extension(issuer, x509.KeyUsage)
        # Without constraints it must be trusted, and have said so in another way, or be so old
        # that it could not.
        if not (constraints.ca if constraints else trusted and (usage or _is_old_root(issuer))):
            return "is no authority"
        if usage and not usage.key_cert_sign:
            return "may not issue certificates"
        below = [each for each in path[1:] if not _is_self_issued(each)]
        longest = constraints.path_length if constraints else None
        if longest is not None and len(below) > longest:
            return "may not have that many authorities below it"
        return _flaw_of_any(issuer, now)
    except fields.UNREADABLE:
        return "can't be read"


def _flaw_of_any(certificate: x509.Certificate, now: datetime) -> str | None:
    """What is wrong with any certificate in a chain for a client."""
    if now > certificate.not_valid_after_utc:
        return "has expired"
    if now < certificate.not_valid_before_utc:
        return "is not active yet"
    usages = fields.extension(certificate, x509.ExtendedKeyUsage)
    if usages and ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        return "is not for clients"
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            return f"has an unknown critical extension, {extension.oid.dotted_string}"
    return None if _is_strong(certificate) else "has a key that is too weak, or of an unknown kind"


def _flaw_of_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> str | None:
    try:
        if isinstance(certificate.signature_hash_algorithm, fields.WEAK_HASHES):
            return "signed it in a way that is too weak"
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return "did not sign it: there is only a name in common"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "signed it in an unknown way"
    return None


def _is_strong(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in _RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.key_size >= _LEAST_CURVE_BITS
    return isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)


def _is_old_root(certificate: x509.Certificate) -> bool:
    """Whether it is a root of before 1997: these can't say that they are authorities."""
    return certificate.version is x509.Version.v1 and _is_self_issued(certificate)


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return fields.subject(certificate) == fields.issuer(certificate)
