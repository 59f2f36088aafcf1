"""TLS of the listeners, and certificates for development."""

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ams.service import certificates
from ams.service.instruments import Counter
from ams.service.settings import SettingsError

#: How long a development CA is valid.
CA_VALID: Final = timedelta(days=3650)
#: How long its certificates are valid: the longest that browsers accept.
CERTIFICATE_VALID: Final = timedelta(days=397)
#: A certificate that is valid for a shorter time than this is made anew.
RENEW_BEFORE: Final = timedelta(days=30)
#: Clocks differ: certificates are valid from a little earlier than now.
BACKDATED: Final = timedelta(hours=1)

_HANDSHAKES: Final = Counter(
    "ams_tls_handshakes_begun_total", "TLS handshakes that clients have begun."
).labels()

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
CLIENT_NAME: Final = "ams-development-client"


def server_context(
    certificate: str | Path, key: str | Path, section: str = "server"
) -> ssl.SSLContext:
    """TLS 1.2 or newer for a listener.

    Args:
        certificate: PEM file of the certificate, followed by its chain.
        key: PEM file of its private key.
        section: of the settings that names them, for errors.

    Raises:
        SettingsError: a file can't be read, or they don't fit each other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for name, file in (("certificate", certificate), ("certificate_key", key)):
        if not os.access(file, os.R_OK):
            raise SettingsError([f"{section}.{name}: {file} can't be read"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            [f"{section}.certificate: {certificate} and {key} are no certificate and key: {error}"]
        ) from error
    # OpenSSL calls it whether the client names a server or not.
    context.sni_callback = note_handshake
    certificates.note_shown(f"{section}.certificate", Path(certificate).read_bytes())
    return context


def note_handshake(*_: object) -> None:
    """Counts a client that begins; called by OpenSSL, or whoever takes the place of this."""
    _HANDSHAKES.inc()


def _no_password() -> str:
    raise ValueError("the key is encrypted")


@dataclass(frozen=True, slots=True)
class DevelopmentCertificates:
    """PEM files in one folder."""

    ca: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path


def ensure_development_ca(folder: Path, hostnames: Iterable[str] = ()) -> DevelopmentCertificates:
    """Makes what is missing of a development CA, a server's and a client's certificate.

    What is there and still good is left alone, so that clients which trust the CA go on doing so.
    A certificate is made anew if it is about to run out, is of another CA, or lacks a host name.

    Args:
        folder: where the files are; made if need be, for this user only.
        hostnames: names and addresses of the server besides those of the local machine.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = tuple(dict.fromkeys((*LOCAL_NAMES, *filter(None, hostnames))))
    files = DevelopmentCertificates(
        ca=folder / "ca.pem",
        certificate=folder / "server.pem",
        key=folder / "server.key",
        client_certificate=folder / "client.pem",
        client_key=folder / "client.key",
    )
    authority = _Authority.load(files.ca, folder / "ca.key")
    if authority is None:
        authority = _Authority.make(files.ca, folder / "ca.key")
    if not authority.vouches_for(files.certificate, files.key, names):
        authority.issue(files.certificate, files.key, names, ExtendedKeyUsageOID.SERVER_AUTH)
    if not authority.vouches_for(files.client_certificate, files.client_key, (CLIENT_NAME,)):
        authority.issue(
            files.client_certificate,
            files.client_key,
            (CLIENT_NAME,),
            ExtendedKeyUsageOID.CLIENT_AUTH,
        )
    return files


class _Authority:
    """A CA whose key is at hand."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())

    @classmethod
    def load(cls, certificate_file: Path, key_file: Path) -> "_Authority | None":
        """The CA in two files; None if they hold none that is good for a while yet."""
        certificate, key = _load(certificate_file), _load_key(key_file)
        if certificate is None or key is None or not _is_pair(certificate, key):
            return None
        return cls(certificate, key) if _lasts(certificate) else None

    @classmethod
    def make(cls, certificate_file: Path, key_file: Path) -> "_Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("AMS development CA")
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(name, name, key.public_key(), CA_VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        _write_pair(certificate_file, certificate, key_file, key)
        return cls(certificate, key)

    def vouches_for(self, certificate_file: Path, key_file: Path, names: tuple[str, ...]) -> bool:
        """Whether two files hold a certificate of this CA, for all these names, and its key."""
        certificate, key = _load(certificate_file), _load_key(key_file)
        if certificate is None or key is None or not _is_pair(certificate, key):
            return False
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (InvalidSignature, ValueError, TypeError):
            return False
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return _lasts(certificate) and set(_alternative_names(names)) <= set(held)

    def issue(
        self,
        certificate_file: Path,
        key_file: Path,
        names: tuple[str, ...],
        purpose: x509.ObjectIdentifier,
    ) -> None:
        """Makes a certificate; the first name is its subject's."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        certificate = (
            _builder(_name(names[0]), self._certificate.subject, public, CERTIFICATE_VALID)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_alternative_names(names)), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write_pair(certificate_file, certificate, key_file, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + valid)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "AMS development"),
            # A common name has 64 characters at most; the alternative names count.
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_alternative_name(name) for name in names]


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _is_pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bool:
    return certificate.public_key() == key.public_key()


def _lasts(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE


def _write_pair(
    certificate_file: Path,
    certificate: x509.Certificate,
    key_file: Path,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    """Writes both, the key first: a certificate without its key is made again."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _replace(key_file, pem, 0o600)
    _replace(certificate_file, certificate.public_bytes(Encoding.PEM), 0o644)


def _replace(file: Path, content: bytes, mode: int) -> None:
    """Writes a file as a whole; it never exists with another mode than this."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.replace(file)
