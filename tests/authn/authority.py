"""A certificate authority for tests: whatever certificate or list of revoked ones it is asked for.

root = Authority.root("Test CA")
client = root.issue(name(("C", "GR"), ("CN", "client")), crl_urls=[url])
client_pem = client.write(tmp_path)              # for ssl.SSLContext.load_cert_chain
revoking = root.crl(revoked=[client.certificate])  # DER
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.authn import der

DAY: Final = timedelta(days=1)
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH

_PLACEHOLDER: Final = x509.Name.from_rfc4514_string("CN=placeholder-of-the-subject")
_VERSION_3: Final = bytes.fromhex("a003020102")
_ECDSA_ALGORITHMS: Final = {"sha256": "1.2.840.10045.4.3.2", "sha1": "1.2.840.10045.4.1"}


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate with its key, and the intermediates that a client sends along."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    intermediates: tuple[x509.Certificate, ...] = ()

    def write(self, folder: Path, file_name: str = "client.pem") -> Path:
        """Writes key, certificate and intermediates to one PEM file."""
        file = folder / file_name
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + pem(self.certificate, *self.intermediates))
        return file


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA, with its key; `intermediates` lead from it to the root, itself included."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = ()

    @classmethod
    def root(
        cls,
        common_name: str = "Test CA",
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
        path_length: int | None = None,
        usage: x509.KeyUsage | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> "Authority":
        """One that signed itself. Two of the same name differ by their keys."""
        key = key or new_key()
        subject = der.name(("O", "Test"), ("CN", common_name))
        constraints, usual = _ca(path_length, sign=True)
        added = [constraints, (usage, True) if usage else usual, *extensions]
        return cls(_sign(subject, subject, key, key, valid, added), key)

    @classmethod
    def without_constraints(
        cls, *, version_1: bool = False, usage: x509.KeyUsage | None = None
    ) -> "Authority":
        """One that signed itself and does not say that it is one, unless by its key usage."""
        key, subject = new_key(), der.name(("CN", "Plain"))
        extensions = [(usage, True)] if usage else []
        certificate = _sign(
            subject, subject, key, key, (-DAY, DAY), extensions, version_1=version_1
        )
        return cls(certificate, key)

    def intermediate(
        self,
        common_name: str = "Test intermediate CA",
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
        ca: bool = True,
        path_length: int | None = None,
        may_sign: bool = True,
        usages: Sequence[x509.ObjectIdentifier] | None = None,
        crl_urls: Sequence[str | Sequence[str]] = (),
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        algorithm: str = "sha256",
    ) -> "Authority":
        """One below this; `ca=False` makes a certificate that may sign nothing, and does."""
        key = key or new_key()
        added = _ca(path_length, sign=may_sign) if ca else _end_entity()
        added += [*_usages(usages), *_distribution(crl_urls), *extensions]
        certificate = _sign(
            der.name(("O", "Test"), ("CN", common_name)),
            self.certificate.subject.public_bytes(),
            key,
            self.key,
            valid,
            added,
            algorithm=algorithm,
        )
        return Authority(certificate, key, (certificate, *self.intermediates))

    def issue(
        self,
        subject: bytes | None = None,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
        usages: Sequence[x509.ObjectIdentifier] | None = (CLIENT,),
        names: Sequence[x509.GeneralName] = (),
        crl_urls: Sequence[str | Sequence[str]] = (),
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        algorithm: str = "sha256",
    ) -> Credential:
        """A client's certificate.

        Args:
            subject: the DER of the subject, see `tests.authn.der.name`.
            key: the client's key; a new one if None.
            valid: from when and until when, counted from now.
            usages: extended key usages; None leaves the extension out.
            names: subject alternative names; none of them leaves the extension out.
            crl_urls: a distribution point for each; a list is one point with all these URLs.
            extensions: more extensions, each with whether it is critical.
            algorithm: `sha256` or `sha1`, for the signature.
        """
        key = key or new_key()
        added = [*_end_entity(), *_usages(usages), *_distribution(crl_urls), *extensions]
        if names:
            added.append((x509.SubjectAlternativeName(names), False))
        certificate = _sign(
            der.name(("C", "GR"), ("CN", "client")) if subject is None else subject,
            self.certificate.subject.public_bytes(),
            key,
            self.key,
            valid,
            added,
            algorithm=algorithm,
        )
        return Credential(certificate, key, self.intermediates)

    def reissue(self, certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
        """The same with other bytes in it, as many of them; maybe nothing that a library reads."""
        altered = certificate.tbs_certificate_bytes.replace(old, new)
        return _signed(altered, self.key, "sha256")

    def crl(
        self,
        revoked: Iterable[x509.Certificate | int] = (),
        *,
        valid: tuple[timedelta, timedelta | None] = (-DAY, DAY),
        reason: x509.ReasonFlags | None = None,
        signed_by: ec.EllipticCurvePrivateKey | None = None,
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        """A list of revoked certificates or serial numbers, in DER.

        Args:
            revoked: what is on it.
            valid: from when and until when, counted from now; None for no end.
            reason: of all its entries.
            signed_by: a key other than this authority's.
            extensions: of the list, each with whether it is critical.
        """
        now = datetime.now(UTC)
        start, end = valid
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now + start)
            .next_update(now + (DAY if end is None else end))
        )
        for each in revoked:
            serial = each if isinstance(each, int) else each.serial_number
            entry = x509.RevokedCertificateBuilder(serial, now - timedelta(hours=1))
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        crl = builder.sign(signed_by or self.key, hashes.SHA256())
        if end is not None:
            return crl.public_bytes(Encoding.DER)
        assert crl.next_update_utc is not None
        ending = der.encode(0x17, crl.next_update_utc.strftime("%y%m%d%H%M%SZ").encode())
        tbs = _content(crl.tbs_certlist_bytes).replace(ending, b"")
        return _signed(der.encode(der.SEQUENCE, tbs), signed_by or self.key, "sha256")


def self_signed(subject: bytes) -> Credential:
    """A client's certificate that nobody but the client vouches for."""
    key = new_key()
    return Credential(_sign(subject, subject, key, key, (-DAY, DAY), _end_entity()), key)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _sign(
    subject: bytes,
    issuer: bytes,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    valid: tuple[timedelta, timedelta],
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    *,
    algorithm: str = "sha256",
    version_1: bool = False,
) -> x509.Certificate:
    """Builds a certificate, puts the names in as they are, and signs it after that."""
    now = datetime.now(UTC)
    issuer_placeholder = x509.Name.from_rfc4514_string("CN=placeholder-of-the-issuer")
    builder = (
        x509.CertificateBuilder()
        .subject_name(_PLACEHOLDER)
        .issuer_name(issuer_placeholder)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    draft = builder.sign(issuer_key, hashes.SHA256()).tbs_certificate_bytes
    tbs = _content(draft).replace(_PLACEHOLDER.public_bytes(), subject)
    tbs = tbs.replace(issuer_placeholder.public_bytes(), issuer)
    tbs = tbs.replace(_algorithm("sha256"), _algorithm(algorithm))
    if version_1:
        tbs = tbs.removeprefix(_VERSION_3)
    return x509.load_der_x509_certificate(
        _signed(der.encode(der.SEQUENCE, tbs), issuer_key, algorithm)
    )


def _signed(to_be_signed: bytes, key: ec.EllipticCurvePrivateKey, algorithm: str) -> bytes:
    digest = hashes.SHA1() if algorithm == "sha1" else hashes.SHA256()
    signature = key.sign(to_be_signed, ec.ECDSA(digest))
    return der.encode(
        der.SEQUENCE,
        to_be_signed,
        _algorithm(algorithm),
        der.encode(der.BIT_STRING, b"\0" + signature),
    )


def _algorithm(name: str) -> bytes:
    return der.encode(der.SEQUENCE, der.object_identifier(_ECDSA_ALGORITHMS[name]))


def _content(value: bytes) -> bytes:
    """What is inside of a DER value."""
    return value[2 + (value[1] & 0x7F if value[1] & 0x80 else 0) :]


def _ca(path_length: int | None, *, sign: bool) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (_key_usage(digital_signature=not sign, key_cert_sign=sign, crl_sign=True), True),
    ]


def _end_entity() -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.BasicConstraints(ca=False, path_length=None), True)]


def _key_usage(*, digital_signature: bool, key_cert_sign: bool, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _usages(
    usages: Sequence[x509.ObjectIdentifier] | None,
) -> list[tuple[x509.ExtensionType, bool]]:
    return [] if usages is None else [(x509.ExtendedKeyUsage(usages), False)]


def _distribution(
    points: Sequence[str | Sequence[str]],
) -> list[tuple[x509.ExtensionType, bool]]:
    if not points:
        return []
    return [
        (
            x509.CRLDistributionPoints(
                [
                    x509.DistributionPoint(
                        [
                            x509.UniformResourceIdentifier(url)
                            for url in ([point] if isinstance(point, str) else point)
                        ],
                        None,
                        None,
                        None,
                    )
                    for point in points
                ]
            ),
            False,
        )
    ]
