"""When certificates end, for figures."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography.x509 import Certificate, InvalidVersion, load_pem_x509_certificates
from cryptography.x509.oid import NameOID

from ams.service.exposition import Block, Family

EXPIRY: Final = Family(
    "ams_certificate_expiry_timestamp_seconds",
    "gauge",
    "When a certificate that a setting names ends to be valid, since 1970; of several in a file or"
    " folder with the same subject, the first to do so.",
    ("setting", "subject"),
)

#: What a certificate raises that is not as it should be.
UNREADABLE: Final = (ValueError, TypeError, InvalidVersion)

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

# Of the certificates that listeners of this process show to clients, by setting and subject.
_shown: Final[dict[str, Mapping[str, datetime]]] = {}


def ends_in(content: bytes) -> dict[str, datetime]:
    """By subject, when the first of the certificates in a PEM file ends; nothing if it has none.

    Raises:
        UNREADABLE: one can't be read.
    """
    ends: dict[str, datetime] = {}
    for certificate in load_pem_x509_certificates(content) if _BEGIN in content else ():
        subject, end = _subject(certificate), certificate.not_valid_after_utc
        ends[subject] = min(end, ends.get(subject, end))
    return ends


def note_shown(setting: str, content: bytes) -> None:
    """Remembers what a listener shows from now on, whatever becomes of the file."""
    try:
        _shown[setting] = ends_in(content)
    except UNREADABLE:
        _shown[setting] = {}  # OpenSSL takes what is not quite right.


def collect() -> list[Block]:
    """The ends of what this process's listeners show."""
    lines = [
        EXPIRY.sample(end.timestamp(), setting, subject)
        for setting, ends in _shown.items()
        for subject, end in ends.items()
    ]
    return [(EXPIRY, "".join(lines))] if lines else []


def _subject(certificate: Certificate) -> str:
    """What it is called: its common name, or its number where that is none or a person's."""
    for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        if isinstance(name.value, str) and "@" not in name.value:
            return name.value
    return f"{certificate.serial_number:x}"
