"""TLS that asks clients for a certificate and takes any (contract: authn 4.1, trust_unknown_cas).

Python's own TLS ends a handshake when the client's certificate is not vouched for, and lets nobody
change that. So here pyOpenSSL does the work, in the shape of Python's classes, which is what event
loops want. Nothing of it is in use unless that setting is on.
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from OpenSSL import SSL, crypto

T = TypeVar("T")

_HTTP: Final = b"http/1.1"

# A record of TLS: type, version, length, and so many bytes (RFC 8446, 5.1 and 5.2).
_HEADER_BYTES: Final = 5
_TYPES: Final = range(20, 24)
_MOST_RECORD_BYTES: Final = 2**14 + 256


class AnyCertificateContext(ssl.SSLContext):
    """A server's context that asks for a certificate and looks at nothing but the client's key."""

    _tls: SSL.Context

    @classmethod
    def make(cls, certificate: Path, key: Path) -> "AnyCertificateContext":
        """TLS 1.2 or newer.

        Args:
            certificate: PEM file of the server's certificate, followed by its chain.
            key: PEM file of its private key.
        """
        tls = SSL.Context(SSL.TLS_SERVER_METHOD)
        tls.set_min_proto_version(SSL.TLS1_2_VERSION)
        tls.use_certificate_chain_file(str(certificate))
        tls.use_privatekey_file(str(key))
        tls.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        tls.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        tls.set_options(SSL.OP_NO_TICKET)
        tls.set_alpn_select_callback(
            lambda _, offered: _HTTP if _HTTP in offered else SSL.NO_OVERLAPPING_PROTOCOLS
        )
        context = cls(ssl.PROTOCOL_TLS_SERVER)
        context._tls = tls
        return context

    # Python's classes can't be extended in types: what event loops want looks like an SSLObject.
    def wrap_bio(  # type: ignore[override]
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> "AnyCertificateConnection":
        """The server's end of a connection; what else Python's own takes is for clients."""
        return AnyCertificateConnection(self._tls, incoming, outgoing)


class AnyCertificateConnection:
    """What event loops and `client_certificates` use of an `ssl.SSLObject`."""

    def __init__(
        self, context: SSL.Context, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._incoming = incoming
        self._outgoing = outgoing
        self._held = b""

    def do_handshake(self) -> None:
        self._run(self._tls.do_handshake)

    def read(self, length: int = 1024, buffer: bytearray | memoryview | None = None) -> bytes | int:
        """Decrypted bytes, or their number if they go to a buffer; none at the end."""
        try:
            data: bytes = self._run(lambda: self._tls.recv(length))
        except ssl.SSLZeroReturnError:
            data = b""
        if buffer is None:
            return data
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        return self._run(lambda: self._tls.send(bytes(data))) if data else 0

    def pending(self) -> int:
        """Bytes that are there, decrypted or not: event loops read until there are none."""
        return self._tls.pending() + len(self._held)

    def unwrap(self) -> None:
        """Says goodbye, and waits for the other side to."""
        if not self._run(self._tls.shutdown):
            raise ssl.SSLWantReadError

    def getpeercert(self, binary_form: bool = False) -> bytes | dict[str, object] | None:
        """The client's certificate in DER; nothing is known of its content without that."""
        certificate = self._tls.get_peer_certificate()
        if certificate is None or not binary_form:
            return None if certificate is None else {}
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)

    def get_unverified_chain(self) -> list[bytes]:
        """What the client sent along, in DER."""
        chain = self._tls.get_peer_cert_chain() or []
        return [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in chain]

    def cipher(self) -> tuple[str, str, int] | None:
        name = self._tls.get_cipher_name()
        if name is None:
            return None
        return name, self._tls.get_cipher_version() or "", self._tls.get_cipher_bits() or 0

    def compression(self) -> None:
        """There is none."""

    def version(self) -> str:
        return self._tls.get_protocol_version_name()

    def selected_alpn_protocol(self) -> str | None:
        return self._tls.get_alpn_proto_negotiated().decode() or None

    def _run(self, step: Callable[[], T]) -> T:
        """One step of TLS, with as many of the bytes that have come in as it takes."""
        self._held += self._incoming.read()
        try:
            while True:
                try:
                    return step()
                except SSL.WantReadError:
                    if not self._feed():
                        raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError as error:
            raise ssl.SSLZeroReturnError from error
        except SSL.Error as error:
            raise ssl.SSLError(f"TLS failed: {error}") from error
        finally:
            self._flush()

    def _feed(self) -> bool:
        """Gives one record to TLS, so that `pending` knows what is left; whether there was one."""
        held = self._held
        length = len(held)
        if length >= _HEADER_BYTES:
            record = int.from_bytes(held[3:_HEADER_BYTES], "big")
            # What is no record is for OpenSSL to complain of.
            if held[0] in _TYPES and record <= _MOST_RECORD_BYTES:
                length = _HEADER_BYTES + record
        if not _HEADER_BYTES <= length <= len(held):
            return False
        self._tls.bio_write(held[:length])
        self._held = held[length:]
        return True

    def _flush(self) -> None:
        """Passes on what TLS has to send."""
        while True:
            try:
                self._outgoing.write(self._tls.bio_read(_MOST_RECORD_BYTES))
            except SSL.WantReadError:
                return
