"""Whether certificates have been revoked, by the lists they name (contract: authn 4.4, 8 B5)."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from cryptography import x509

from authn.x509 import fields
from authn.x509.crl_cache import CrlCache
from authn.x509.refusals import NoDistributionPoints, RevocationUnknown, Revoked, Untrusted

#: URLs of one certificate that are fetched.
MOST_URLS: Final = 8


class Revocation:
    """Looks into every list that the certificates of a chain name.

    A certificate may name several distribution points; each must have a list that counts. The URLs
    of one point are places of the same list: one is enough. Whatever list has the certificate,
    it is revoked.
    """

    def __init__(self, crls: CrlCache) -> None:
        self._crls = crls

    async def check(self, chain: Sequence[x509.Certificate]) -> None:
        """Checks all but the last, which is trusted as it is.

        Args:
            chain: from a client's certificate to a trusted one, see `TrustStore.chain`. It must be
                one: URLs of strangers are not to be fetched.

        Raises:
            NoDistributionPoints: the client's certificate names no list.
            Revoked: one of the certificates is on a list.
            RevocationUnknown: a list that is needed can't be had.
            Untrusted: a certificate names too many lists.
        """
        if not _points(chain[0]):
            raise NoDistributionPoints
        # One that is trusted itself has nobody above it.
        pairs = list(pairwise(chain)) or [(chain[0], chain[0])]
        wanted = [(*pair, urls) for pair in pairs for urls in _usable_points(pair[0])]
        points = [
            [
                asyncio.create_task(self._check_list(certificate, issuer, url, urls))
                for url in filter(_is_http, urls)
            ]
            for certificate, issuer, urls in wanted
        ]
        checks = [check for point in points for check in point]
        try:
            await asyncio.gather(*checks)
        finally:
            for check in checks:
                check.cancel()
        for point in points:
            reasons = [check.result() for check in point]
            if reasons[0] and None not in reasons:
                raise reasons[0]

    async def _check_list(
        self,
        certificate: x509.Certificate,
        issuer: x509.Certificate,
        url: str,
        urls: Sequence[str],
    ) -> RevocationUnknown | None:
        """Looks into one list; returns why that was of no use, or None.

        Raises:
            Revoked: the certificate is on it.
        """
        try:
            crl = await self._crls.get(url, issuer)
        except RevocationUnknown as unknown:
            return unknown
        if not crl.covers(certificate, urls):
            return RevocationUnknown(f"CRL {url} does not cover the certificate")
        if crl.revokes(certificate):
            raise Revoked(f"serial number {certificate.serial_number:x}, by {url}")
        return None


def _points(certificate: x509.Certificate) -> list[list[str]]:
    """The URLs of each distribution point that has any."""
    try:
        points = fields.extension(certificate, x509.CRLDistributionPoints) or ()
    except fields.UNREADABLE as error:
        raise Untrusted("It can't be read") from error
    named = [
        [
            name.value
            for name in point.full_name or ()
            if isinstance(name, x509.UniformResourceIdentifier)
        ]
        for point in points
    ]
    return [urls for urls in named if urls]


def _usable_points(certificate: x509.Certificate) -> list[list[str]]:
    """Those with a URL that can be fetched.

    Raises:
        RevocationUnknown: no point has one.
        Untrusted: there are too many.
    """
    points = _points(certificate)
    usable = [urls for urls in points if any(map(_is_http, urls))]
    if points and not usable:
        raise RevocationUnknown(f"Could not access CRL {points[0][0]}")
    if sum(map(len, usable)) > MOST_URLS:
        raise Untrusted(f"It has more than {MOST_URLS} URLs of CRLs")
    return usable


def _is_http(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))
