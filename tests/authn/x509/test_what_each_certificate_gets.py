"""The table in docs/authn.md is what happens: in a real handshake, and after it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from authn.x509.crl_cache import CrlCache
from authn.x509.handshake import listener_context
from authn.x509.refusals import Refusal
from authn.x509.revocation import Revocation
from authn.x509.subject import auth_identifier
from authn.x509.trust_store import TrustStore
from authn.x509.verification import Policy, Verifier
from tests.authn.authority import DAY, SERVER, Authority, Credential, new_key, self_signed
from tests.authn.crl_server import CrlServer
from tests.authn.der import name
from tests.authn.x509.handshakes import HandshakeRefused, client_context, shown
from tests.authn.x509.zones import Zones

DOCUMENT = Path(__file__).parents[3] / "docs" / "authn.md"
ADDRESS = "192.0.2.7"
HOST = "client.example.org"


@dataclass(frozen=True, slots=True)
class Given:
    """What a certificate is made with."""

    root: Authority
    crls: CrlServer

    @property
    def good(self) -> str:
        """The URL of a list with nothing on it."""
        return self.crls.publish("/good", self.root.crl())

    def client(self, *, host: str | None = None, **wanted: object) -> Credential:
        """A certificate that is good but for what is wanted."""
        names = [x509.DNSName(host)] if host else []
        return self.root.issue(**{"crl_urls": [self.good], "names": names, **wanted})  # type: ignore[arg-type]  # any of its parameters

    def of_middle(self) -> Credential:
        middle = self.root.intermediate(crl_urls=[self.good])
        return middle.issue(crl_urls=[self.crls.publish("/middle", middle.crl())])

    def revoked(self, *paths: str) -> Credential:
        client = self.client(crl_urls=[self.crls.url(path) for path in paths])
        for path in paths[:-1]:
            self.crls.publish(path, self.root.crl())
        self.crls.publish(paths[-1], self.root.crl(revoked=[client.certificate]))
        return client

    def of_revoked_middle(self) -> Credential:
        middle = self.root.intermediate(crl_urls=[self.crls.url("/root")])
        self.crls.publish("/root", self.root.crl(revoked=[middle.certificate]))
        return middle.issue(crl_urls=[self.crls.publish("/middle", middle.crl())])

    def with_list(self, content: bytes) -> Credential:
        return self.client(crl_urls=[self.crls.publish("/list", content)])


def alone(credential: Credential) -> Credential:
    return Credential(credential.certificate, credential.key)


CERTIFICATES: dict[str, Callable[[Given], Credential]] = {
    "good": lambda given: given.client(),
    "good, of an intermediate CA that was sent along": lambda given: given.of_middle(),
    "no extended key usage at all": lambda given: given.client(usages=None),
    "expired": lambda given: given.client(valid=(-2 * DAY, -DAY)),
    "not valid yet": lambda given: given.client(valid=(DAY, 2 * DAY)),
    "for servers only": lambda given: given.client(usages=[SERVER]),
    "of an unknown CA": lambda given: Authority.root("Unknown").issue(crl_urls=[given.good]),
    "of an intermediate CA that was not sent along": lambda given: alone(given.of_middle()),
    "self-signed, with the subject of another client": lambda given: self_signed(
        given.client().certificate.subject.public_bytes()
    ),
    "of an unknown CA with the name of a trusted one": lambda given: Authority.root(
        "Trusted CA"
    ).issue(crl_urls=[given.good]),
    "issued by another client": lambda given: given.root.intermediate(
        ca=False, crl_urls=[given.good]
    ).issue(crl_urls=[given.good]),
    "signed with SHA-1": lambda given: given.client(algorithm="sha1"),
    "revoked in the first CRL": lambda given: given.revoked("/first"),
    "revoked in the second CRL": lambda given: given.revoked("/first", "/second"),
    "of a revoked intermediate CA": lambda given: given.of_revoked_middle(),
    "CRL can't be reached": lambda given: given.client(crl_urls=["http://127.0.0.1:1/"]),
    "CRL is none": lambda given: given.with_list(b"<html>"),
    "CRL is out of date": lambda given: given.with_list(
        given.root.crl(valid=(-2 * DAY, -timedelta(minutes=1)))
    ),
    "CRL with a bad signature": lambda given: given.with_list(given.root.crl(signed_by=new_key())),
    "no CRL distribution point": lambda given: given.client(crl_urls=[]),
    "e-mail that imitates another part of a subject": lambda given: given.client(
        subject=name(("E", "x,CN=victim"), ("CN", "client"))
    ),
    "of the host that it comes from": lambda given: given.client(host=HOST),
    "of another host": lambda given: given.client(host="other.example.org"),
    "from an address without a name": lambda given: given.client(host=HOST),
    "from an address whose name leads elsewhere": lambda given: given.client(host=HOST),
}

RESOLVERS = {
    "of the host that it comes from": Zones({ADDRESS: [HOST]}),
    "of another host": Zones({ADDRESS: [HOST]}),
    "from an address without a name": Zones({}),
    "from an address whose name leads elsewhere": Zones({ADDRESS: [HOST]}, {HOST: ["192.0.2.8"]}),
}


def documented() -> dict[str, tuple[str, str]]:
    """Handshake and answer of each certificate in the table."""
    _, _, section = DOCUMENT.read_text().partition("## What each certificate gets")
    rows = re.findall(r"^\| (.+) \| (passes|fails) \| (.+) \|$", section, re.MULTILINE)
    return {certificate: (handshake, answer) for certificate, handshake, answer in rows}


def test_every_certificate_is_in_the_table() -> None:
    assert list(documented()) == list(CERTIFICATES)


@pytest.mark.parametrize("case", CERTIFICATES)
async def test_certificate_gets_what_the_table_says(
    case: str,
    root: Authority,
    store: TrustStore,
    crls: CrlCache,
    crl_server: CrlServer,
    server_file: Path,
    tmp_path: Path,
) -> None:
    credential = CERTIFICATES[case](Given(root, crl_server))
    policy = Policy(client_cert_host_verification=case in RESOLVERS)
    resolver = RESOLVERS.get(case, Zones({}))
    verifier = Verifier(policy, store, Revocation(crls), resolver)
    context = listener_context(server_file, server_file, store)
    handshake = "passes"
    try:
        own, *sent = await shown(context, client_context(credential.write(tmp_path)))
        assert [own, *sent] == [credential.certificate, *credential.intermediates]
    except HandshakeRefused:
        handshake = "fails"
    assert (handshake, await answer(verifier, credential)) == documented()[case]


async def answer(verifier: Verifier, credential: Credential) -> str:
    certificate = credential.certificate
    verification = await verifier.verify(certificate, credential.intermediates, address=ADDRESS)
    refusal = verification.refusal
    try:
        auth_identifier(certificate)
    except Refusal as ambiguous:
        refusal = refusal or ambiguous
    if refusal is None:
        return "token"
    return f"{refusal.http_status} " + re.sub(r"http://\S+", "<url>", refusal.message)
