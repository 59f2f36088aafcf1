"""One list of revoked certificates: what makes it count, and what it says (RFC 5280, 5 and 6.3).

Lists of changes only (delta) and lists on certificates of other authorities (indirect) don't count.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from authn.x509 import fields

#: How much later another's clock may be than ours.
CLOCK_SKEW: Final = timedelta(minutes=5)
#: Certificates whose state is remembered, so that a long list is not searched for each request.
MOST_REMEMBERED: Final = 1024

_PEM_START: Final = b"-----BEGIN X509 CRL"
#: Extensions that may be critical.
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.ISSUING_DISTRIBUTION_POINT,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CRL_NUMBER,
    }
)


class CrlUnusable(Exception):
    """The list says nothing that may be believed; `reason` goes on after its name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Crl:
    """A list that its issuer signed and that holds now.

    Args:
        data: DER or PEM.
        issuer: whose certificates it is on.
        now: the time.

    Raises:
        ValueError: it is no list of revoked certificates.
        CrlUnusable: it is not the issuer's, too old, or on something else.
    """

    def __init__(self, data: bytes, issuer: x509.Certificate, now: datetime) -> None:
        self.size = len(data)
        self._revoked: dict[int, bool] = {}
        try:
            self._list = _parsed(data)
            self.valid_until = _checked(self._list, issuer, now)
            self._scope = _scope(self._list)
        except fields.UNREADABLE as error:
            raise ValueError("it can't be read") from error
        self.made = self._list.last_update_utc

    def covers(self, certificate: x509.Certificate, urls: Collection[str]) -> bool:
        """Whether it would have the certificate, which names these URLs together for it."""
        scope = self._scope
        if scope is None:
            return True
        constraints = fields.extension(certificate, x509.BasicConstraints)
        is_authority = constraints is not None and constraints.ca
        if scope.only_contains_user_certs and is_authority:
            return False
        if scope.only_contains_ca_certs and not is_authority:
            return False
        names = scope.full_name
        return names is None or any(
            isinstance(name, x509.UniformResourceIdentifier) and name.value in urls
            for name in names
        )

    def revokes(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate is on it, for whatever reason, on hold too."""
        serial = certificate.serial_number
        if serial not in self._revoked:
            if len(self._revoked) == MOST_REMEMBERED:
                self._revoked.clear()
            self._revoked[serial] = _is_listed(self._list, serial)
        return self._revoked[serial]


def _parsed(data: bytes) -> x509.CertificateRevocationList:
    if data.startswith(_PEM_START):
        return x509.load_pem_x509_crl(data)
    return x509.load_der_x509_crl(data)


def _checked(
    crl: x509.CertificateRevocationList, issuer: x509.Certificate, now: datetime
) -> datetime:
    """Until when the list holds."""
    if not _is_signed(crl, issuer):
        raise CrlUnusable("is not signed by the issuer of the certificate")
    if crl.last_update_utc > now + CLOCK_SKEW:
        raise CrlUnusable("is not valid yet")
    # Without an end, any list that ever was could be shown for ever.
    if crl.next_update_utc is None or crl.next_update_utc <= now:
        raise CrlUnusable("is out of date")
    for extension in crl.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise CrlUnusable("has an unknown critical extension")
    return crl.next_update_utc


def _is_signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    usage = fields.extension(issuer, x509.KeyUsage)
    if crl.issuer != issuer.subject or (usage and not usage.crl_sign):
        return False
    try:
        if isinstance(crl.signature_hash_algorithm, fields.WEAK_HASHES):
            return False
        # The library takes every kind of key there is, and says so in its own way.
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (TypeError, UnsupportedAlgorithm):
        return False


def _scope(crl: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None
    if (
        scope.indirect_crl
        or scope.only_contains_attribute_certs
        or scope.only_some_reasons
        or scope.relative_name
    ):
        raise CrlUnusable("does not cover the certificate")
    return scope


def _is_listed(crl: x509.CertificateRevocationList, serial: int) -> bool:
    entry = crl.get_revoked_certificate_by_serial_number(serial)
    if entry is None:
        return False
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return True
    except fields.UNREADABLE:
        return True
    return reason is not x509.ReasonFlags.remove_from_crl
