"""Parts of a certificate, as the bytes they are."""

from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from authn.x509 import der

#: What a certificate that can't be read to its end makes the library raise.
UNREADABLE: Final = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

#: Two contents can be made that have the same hash.
WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

# Where they stand in what is signed, not counting the version (RFC 5280, 4.1).
_ISSUER: Final = 2
_SUBJECT: Final = 4


def issuer(certificate: x509.Certificate) -> der.Value:
    """The name of who signed it, undecoded."""
    return _field(certificate, _ISSUER)


def subject(certificate: x509.Certificate) -> der.Value:
    """The name of whom it is about, undecoded."""
    return _field(certificate, _SUBJECT)


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """An extension, or None if there is none.

    Raises:
        UNREADABLE: one of these; the extensions are no valid ones.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _field(certificate: x509.Certificate, position: int) -> der.Value:
    (signed,) = der.read(certificate.tbs_certificate_bytes)
    fields = list(signed.parts(der.SEQUENCE))
    has_version = fields[0].tag != der.INTEGER
    return fields[position + has_version]
