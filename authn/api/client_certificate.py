"""The certificate that a request came with: of its TLS connection, or told by a proxy."""

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from cryptography import x509

from ams.service.authn_settings import AuthnSettings
from ams.service.client_address import client_address, is_in_networks
from ams.service.http import Request
from ams.service.logs import get_logger
from authn.errors import NoCertificate
from authn.x509 import fields
from authn.x509.handshake import client_certificates
from authn.x509.refusals import Untrusted

#: How PEM begins, percent-encoded or not.
_PEM: Final = "-----BEGIN"

log = get_logger()


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that somebody has shown, and proven to hold the key of.

    Args:
        certificate: the client's own.
        sent: what came along; nothing in it is trusted.
        address: IP address that it came from.
    """

    certificate: x509.Certificate
    sent: Sequence[x509.Certificate]
    address: str


def shown_by(request: Request, settings: AuthnSettings) -> Shown:
    """The certificate of a request's client.

    From a trusted proxy's network only the header counts: what the proxy itself shows as a client
    would else stand for everybody behind it.

    Raises:
        NoCertificate: there is none.
        Untrusted: what there is can't be read.
    """
    peer = client_address(request, ())
    name = settings.certificate_header
    if name and is_in_networks(peer, settings.certificate_proxies):
        address = client_address(request, settings.certificate_proxies)
        return Shown(_of_header(request, name), (), address)
    if name and name in request.headers:
        log.warning("certificate header from no trusted proxy is ignored", address=peer)
    connection: ssl.SSLObject = request.transport.get_extra_info("ssl_object")
    certificates = client_certificates(connection)
    if not certificates:
        raise NoCertificate
    return Shown(certificates[0], certificates[1:], peer)


def _of_header(request: Request, name: str) -> x509.Certificate:
    """URL-encoded PEM, as nginx writes it, or Base64 of DER, as HAProxy does."""
    values = [value.strip() for value in request.headers.getall(name, []) if value.strip()]
    if not values:
        raise NoCertificate
    if len(values) > 1:
        # One of them is the client's own word.
        log.warning("certificate header of a proxy is there twice")
        raise NoCertificate
    try:
        if values[0].startswith(_PEM):
            return x509.load_pem_x509_certificate(unquote(values[0]).encode())
        return x509.load_der_x509_certificate(base64.b64decode(values[0], validate=True))
    except fields.UNREADABLE as error:
        raise Untrusted("It can't be read") from error
