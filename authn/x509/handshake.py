"""TLS of a listener that asks clients for a certificate, and what it got (contract: authn 4.1)."""

import ssl
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ams.service.logs import get_logger
from ams.service.settings import SettingsError
from ams.service.tls import note_handshake, server_context
from authn.x509 import fields
from authn.x509.chain import MOST_SENT
from authn.x509.refusals import Untrusted
from authn.x509.trust_store import TrustStore

log = get_logger()


def listener_context(
    certificate: Path, key: Path, store: TrustStore, *, trust_unknown_cas: bool = False
) -> ssl.SSLContext:
    """TLS 1.2 or newer; asks for a certificate of one of the trusted authorities.

    A client that sends none is let in, one that sends any other is not. What changes in the store
    holds for the next connection: each takes the settings of the newest context.

    Args:
        certificate: PEM file of the server's certificate, followed by its chain.
        key: PEM file of its private key.
        store: the trusted authorities.
        trust_unknown_cas: lets in clients with any certificate, vouched for or not.

    Raises:
        SettingsError: the server's certificate can't be used.
    """
    context = _context(certificate, key, store)
    if trust_unknown_cas:
        from authn.x509.any_certificate import AnyCertificateContext

        log.warning("trust_unknown_cas is on: TLS takes every certificate, whoever made it")
        return AnyCertificateContext.make(certificate, key)
    newest = _Newest(certificate, key, store, context)
    # OpenSSL calls it whether the client names a server or not.
    context.sni_callback = newest.take
    return context


class _Newest:
    """The context for the store as it is now."""

    def __init__(
        self, certificate: Path, key: Path, store: TrustStore, context: ssl.SSLContext
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._store = store
        self._version = store.version
        self._context = context

    def take(self, connection: ssl.SSLObject, *_: object) -> None:
        """Gives a new connection the newest context."""
        note_handshake()
        self._store.refresh()
        if self._version != self._store.version:
            self._renew()
        connection.context = self._context

    def _renew(self) -> None:
        try:
            self._context = _context(self._certificate, self._key, self._store)
        except SettingsError as error:
            # Not the store's fault: the server's own certificate is being replaced, say.
            log.warning("changes of the trusted CAs wait", reason=str(error))
        else:
            self._version = self._store.version


def client_certificates(connection: ssl.SSLObject) -> list[x509.Certificate]:
    """The client's certificate and what it sent along, which nobody has checked; or nothing.

    What was sent along and can't be read is left out.

    Raises:
        Untrusted: the client's own certificate can't be read.
    """
    own = connection.getpeercert(binary_form=True)
    if own is None:
        return []
    try:
        certificate = x509.load_der_x509_certificate(own)
    except fields.UNREADABLE as error:
        raise Untrusted("It can't be read") from error
    others = []
    for encoded in _sent(connection):
        with suppress(*fields.UNREADABLE):
            others.append(x509.load_der_x509_certificate(encoded))
    return [certificate, *(each for each in others if each != certificate)]


def _context(certificate: Path, key: Path, store: TrustStore) -> ssl.SSLContext:
    context = server_context(certificate, key, "authn")
    context.verify_mode = ssl.CERT_OPTIONAL
    # What is in the store is trusted, whether what is above it is there or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # A ticket would bring back the client's certificate, and forget what was sent along.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    for each in store.certificates:
        try:
            context.load_verify_locations(cadata=each.public_bytes(Encoding.DER))
        except ssl.SSLError as error:
            name = each.subject.rfc4514_string()
            log.warning("a trusted CA can't be used", subject=name, reason=str(error))
    return context


def _sent(connection: ssl.SSLObject) -> list[bytes]:
    """Certificates in DER; Python has a public way from 3.13 on, which does the same."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return list(public() or ())[:MOST_SENT]
    chain = connection._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined] # private
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain[:MOST_SENT]]
