"""Certificates and lists with damaged bytes are refused like any others, and break nothing."""

import random
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from authn.x509 import fields
from authn.x509.chain import Anchors, build_chain
from authn.x509.crl import Crl, CrlUnusable
from authn.x509.hosts import mismatch_of
from authn.x509.refusals import AmbiguousSubject, Untrusted
from authn.x509.subject import auth_identifier
from tests.authn.authority import CLIENT, Authority
from tests.authn.der import name

pytestmark = [
    pytest.mark.filterwarnings("ignore:Attribute's length must be"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]

#: Damaged copies of each.
COPIES = 1500


def damaged(original: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    content = bytearray(original)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(content))
        match chance.randrange(4):
            case 0:
                content[place] = chance.randrange(256)
            case 1:
                content[place] ^= 1 << chance.randrange(8)
            case 2:
                del content[place]
            case _:
                content.insert(place, chance.randrange(256))
    return bytes(content)


def complex_client(authority: Authority) -> x509.Certificate:
    return authority.issue(
        name(("DC", "org"), ("C", "GR"), [("CN", "a"), ("O", "b")], ("E", "a@b"), ("UID", "u")),
        usages=[CLIENT],
        names=[x509.DNSName("a.example.org"), x509.IPAddress(ip_address("192.0.2.7"))],
        crl_urls=["http://a/", ["http://b/", "ldap://c/"]],
    ).certificate


def test_damaged_certificates_are_refused(root: Authority) -> None:
    limits = x509.NameConstraints(
        [x509.DNSName("example.org")], [x509.IPAddress(ip_network("::/0"))]
    )
    authority = root.intermediate(path_length=0, extensions=[(limits, True)])
    anchors = Anchors([root.certificate])
    client = complex_client(authority)
    now = datetime.now(UTC)
    assert build_chain(client, [authority.certificate], anchors, now)
    loaded = 0
    for seed in range(COPIES):
        for original in (client, authority.certificate):
            try:
                copy = x509.load_der_x509_certificate(
                    damaged(original.public_bytes(Encoding.DER), seed)
                )
            except fields.UNREADABLE:
                continue
            loaded += 1
            for check in (auth_identifier, lambda it: mismatch_of(it, "a.org")):
                with suppress(AmbiguousSubject, Untrusted):
                    check(copy)
            path = (copy, authority.certificate) if original is client else (client, copy)
            try:
                build_chain(path[0], [path[1]], anchors, now)
            except Untrusted:
                continue
            # What is not signed, such as a bit of no meaning beside the signature, may differ.
            assert copy.tbs_certificate_bytes == original.tbs_certificate_bytes
    assert loaded > COPIES / 10


def test_damaged_lists_do_not_count(root: Authority) -> None:
    now = datetime.now(UTC)
    place = x509.IssuingDistributionPoint(
        [x509.UniformResourceIdentifier("http://a/")], None, True, False, None, False, False
    )
    crl = root.crl(
        revoked=[1, 2**70], reason=x509.ReasonFlags.superseded, extensions=[(place, True)]
    )
    Crl(crl, root.certificate, now)
    signed = x509.load_der_x509_crl(crl).tbs_certlist_bytes
    for seed in range(COPIES):
        copy = damaged(crl, seed)
        with suppress(ValueError, CrlUnusable):
            Crl(copy, root.certificate, now)
            assert x509.load_der_x509_crl(copy).tbs_certlist_bytes == signed
