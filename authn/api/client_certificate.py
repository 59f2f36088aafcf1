"""The certificate that a request came with: of its TLS connection, or told by a proxy."""

import base64
import binascii
import ssl
from typing import Final
from urllib.parse import unquote

from cryptography import x509

from ams.service.authn_settings import AuthnSettings
from ams.service.client_address import client_address, is_in_networks
from ams.service.http import Request
from ams.service.logs import get_logger
from authn.errors import CertificateRefused, NoCertificate
from authn.verification import Shown

#: How PEM begins, percent-encoded or not.
_PEM: Final = "-----BEGIN"

log = get_logger()


def shown_by(request: Request, settings: AuthnSettings) -> Shown:
    """The certificate of a request's client.

    From a trusted proxy's network only the header counts: what the proxy itself shows as a client
    would else stand for everybody behind it.

    Raises:
        NoCertificate: there is none.
        CertificateRefused: what there is can't be read.
    """
    peer = client_address(request, ())
    name = settings.certificate_header
    proxied = bool(name) and is_in_networks(peer, settings.certificate_proxies)
    if proxied:
        encoded = _of_header(request, name)
    else:
        if name and name in request.headers:
            log.warning("certificate header from no trusted proxy is ignored", address=peer)
        encoded = _of_connection(request)
    address = client_address(request, settings.certificate_proxies) if proxied else peer
    try:
        return Shown(x509.load_der_x509_certificate(encoded), address, proxied)
    except ValueError as error:
        raise CertificateRefused("Your certificate can't be read") from error


def _of_connection(request: Request) -> bytes:
    connection: ssl.SSLObject | None = request.transport.get_extra_info("ssl_object")
    encoded = connection.getpeercert(binary_form=True) if connection is not None else None
    if not encoded:
        raise NoCertificate
    return encoded


def _of_header(request: Request, name: str) -> bytes:
    """URL-encoded PEM, as nginx writes it, or Base64 of DER, as HAProxy does."""
    values = request.headers.getall(name, [])
    # With two of them one is the client's own word.
    if len(values) != 1 or not values[0].strip():
        if values:
            log.warning("certificate header of a proxy is empty or there twice")
        raise NoCertificate
    text = values[0].strip()
    try:
        if text.startswith(_PEM):
            return ssl.PEM_cert_to_DER_cert(unquote(text))
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise CertificateRefused("Your certificate can't be read") from error
