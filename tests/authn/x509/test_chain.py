"""Who vouches for a certificate: here, and for OpenSSL in a handshake."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from authn.x509.chain import MOST_CERTIFICATES
from authn.x509.handshake import listener_context
from authn.x509.refusals import Untrusted
from authn.x509.trust_store import TrustStore
from tests.authn.authority import (
    CLIENT,
    DAY,
    SERVER,
    Authority,
    Credential,
    new_key,
    pem,
    self_signed,
)
from tests.authn.der import name
from tests.authn.x509.handshakes import HandshakeRefused, client_context, shown

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def key_usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{each: wanted.get(each, False) for each in names})


def test_client_of_a_trusted_authority_has_a_chain(store: TrustStore, root: Authority) -> None:
    client = root.issue().certificate
    assert store.chain(client) == [client, root.certificate]


def test_intermediates_that_the_client_sent_are_used(store: TrustStore, root: Authority) -> None:
    lower = root.intermediate("Upper").intermediate("Lower", usages=[CLIENT, SERVER])
    client = lower.issue()
    chain = [client.certificate, *client.intermediates, root.certificate]
    assert store.chain(client.certificate, client.intermediates) == chain
    assert store.chain(client.certificate, client.intermediates[::-1]) == chain


def test_certificate_in_the_folder_needs_nobody_above_it(tmp_path: Path, root: Authority) -> None:
    client = root.intermediate().issue()
    (authority,) = client.intermediates
    for trusted in ([client.certificate, authority], [client.certificate]):
        folder = tmp_path / str(len(trusted))
        folder.mkdir()
        (folder / "trusted.pem").write_bytes(pem(trusted[-1]))
        assert TrustStore(folder).chain(client.certificate) == trusted


def test_chain_goes_up_to_the_highest_certificate_in_the_folder(
    folder: Path, root: Authority
) -> None:
    """So that an intermediate in the folder is looked up in its issuer's list."""
    client = root.intermediate("Upper").intermediate("Lower").issue()
    (folder / "all.pem").write_bytes(pem(*client.intermediates, client.certificate))
    chain = [client.certificate, *client.intermediates, root.certificate]
    assert TrustStore(folder).chain(client.certificate) == chain


def test_authorities_in_the_folder_may_have_signed_each_other(folder: Path) -> None:
    first, second = new_key(), new_key()
    one = Authority.root("First", key=first).intermediate("Second", key=second)
    other = Authority.root("Second", key=second).intermediate("First", key=first)
    (folder / "crossed.pem").write_bytes(pem(one.certificate, other.certificate))
    client = one.issue().certificate
    chain = [client, one.certificate, other.certificate]
    assert TrustStore(folder).chain(client) == chain


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [(key_usage(digital_signature=True), True)],
        [(key_usage(key_agreement=True), True)],
        [(x509.CertificatePolicies([x509.PolicyInformation(UNKNOWN.oid, None)]), True)],
        [(UNKNOWN, False)],
    ],
)
async def test_usual_certificate_is_accepted(
    store: TrustStore,
    root: Authority,
    server_file: Path,
    tmp_path: Path,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> None:
    client = root.issue(usages=[SERVER, CLIENT], extensions=extensions)
    assert store.chain(client.certificate)
    context = listener_context(server_file, server_file, store)
    assert await shown(context, client_context(client.write(tmp_path)))


REFUSED: dict[str, tuple[Callable[[Authority], Credential], str]] = {
    "expired": (lambda ca: ca.issue(valid=(-2 * DAY, -DAY)), "It has expired"),
    "not active": (lambda ca: ca.issue(valid=(DAY, 2 * DAY)), "It is not active yet"),
    "for servers": (lambda ca: ca.issue(usages=[SERVER]), "It is not for clients"),
    "for anything": (
        lambda ca: ca.issue(usages=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
        "It is not for clients",
    ),
    "may not sign": (
        lambda ca: ca.issue(extensions=[(key_usage(key_encipherment=True), True)]),
        "It may not be used to sign",
    ),
    "unknown critical extension": (
        lambda ca: ca.issue(extensions=[(UNKNOWN, True)]),
        "It has an unknown critical extension, 1.2.3.4.5",
    ),
    "unknown authority": (
        lambda _: Authority.root("Unknown CA").issue(),
        "It is not issued by a trusted authority",
    ),
    "self-signed": (
        lambda _: self_signed(name(("C", "GR"), ("CN", "client"))),
        "It is not issued by a trusted authority",
    ),
    "another authority of the same name": (
        lambda _: Authority.root("Trusted CA").issue(),
        "Its authority did not sign it: there is only a name in common",
    ),
    "self-signed in the authority's name": (
        lambda ca: self_signed(ca.certificate.subject.public_bytes()),
        "Its authority did not sign it: there is only a name in common",
    ),
    "SHA-1": (
        lambda ca: ca.issue(algorithm="sha1"),
        "Its authority signed it in a way that is too weak",
    ),
    "issued by a client": (
        lambda ca: ca.intermediate(ca=False).issue(),
        "Its authority is no authority",
    ),
    "authority may not issue": (
        lambda ca: ca.intermediate(may_sign=False).issue(),
        "Its authority may not issue certificates",
    ),
    "authority has expired": (
        lambda ca: ca.intermediate(valid=(-2 * DAY, -DAY)).issue(),
        "Its authority has expired",
    ),
    "authority is for servers": (
        lambda ca: ca.intermediate(usages=[SERVER]).issue(),
        "Its authority is not for clients",
    ),
    "authority signed with SHA-1": (
        lambda ca: ca.intermediate(algorithm="sha1").issue(),
        "Its authority signed it in a way that is too weak",
    ),
    "too many authorities": (
        lambda ca: ca.intermediate(path_length=0).intermediate("Lower").issue(),
        "Its authority may not have that many authorities below it",
    ),
    "authority with an unknown critical extension": (
        lambda ca: ca.intermediate(extensions=[(UNKNOWN, True)]).issue(),
        "Its authority has an unknown critical extension, 1.2.3.4.5",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_certificate_without_a_chain_is_refused_here_and_in_the_handshake(
    case: str, store: TrustStore, root: Authority, server_file: Path, tmp_path: Path
) -> None:
    make, reason = REFUSED[case]
    client = make(root)
    with pytest.raises(Untrusted, match=f"^Your certificate is invalid. .*{reason}"):
        store.chain(client.certificate, client.intermediates)
    context = listener_context(server_file, server_file, store)
    with pytest.raises(HandshakeRefused):
        await shown(context, client_context(client.write(tmp_path)))


@pytest.mark.parametrize("version_1", [True, False])
async def test_of_those_that_say_nothing_roots_of_version_1_only_are_authorities(
    folder: Path, tmp_path: Path, version_1: bool
) -> None:
    """A client's certificate may be trusted itself, and must not vouch for others then."""
    plain = Authority.without_constraints(version_1=version_1)
    (folder / "plain.pem").write_bytes(pem(plain.certificate))
    store = TrustStore(folder)
    client = plain.issue(usages=None)
    server = Authority.root().issue(usages=[SERVER]).write(tmp_path, "server.pem")
    context = listener_context(server, server, store)
    context_of_client = client_context(client.write(tmp_path))
    if version_1:
        assert store.chain(client.certificate) == [client.certificate, plain.certificate]
        await shown(context, context_of_client)
    else:
        assert store.chain(plain.certificate) == [plain.certificate]
        with pytest.raises(Untrusted, match="Its authority is no authority"):
            store.chain(client.certificate)
        with pytest.raises(HandshakeRefused):
            await shown(context, context_of_client)


async def test_a_trusted_authority_may_say_so_in_its_key_usage_alone(
    folder: Path, tmp_path: Path
) -> None:
    plain = Authority.without_constraints(usage=key_usage(key_cert_sign=True))
    (folder / "plain.pem").write_bytes(pem(plain.certificate))
    store = TrustStore(folder)
    client = plain.issue()
    server = Authority.root().issue(usages=[SERVER]).write(tmp_path, "server.pem")
    assert store.chain(client.certificate) == [client.certificate, plain.certificate]
    await shown(listener_context(server, server, store), client_context(client.write(tmp_path)))


def test_intermediate_that_is_missing_is_not_looked_for(store: TrustStore, root: Authority) -> None:
    with pytest.raises(Untrusted, match="not issued by a trusted authority"):
        store.chain(root.intermediate().issue().certificate)


def test_self_issued_certificates_do_not_count_for_the_length(
    store: TrustStore, root: Authority
) -> None:
    upper = root.intermediate("Rolling CA", path_length=0)
    client = upper.intermediate("Rolling CA", key=new_key()).issue()
    assert len(store.chain(client.certificate, client.intermediates)) == 4


def test_key_on_a_curve_that_is_too_small_is_refused(store: TrustStore, root: Authority) -> None:
    client = root.issue(key=ec.generate_private_key(ec.SECP192R1())).certificate
    with pytest.raises(Untrusted, match="It has a key that is too weak, or of an unknown kind"):
        store.chain(client)


def test_rsa_keys_of_a_usual_size_only(store: TrustStore, root: Authority) -> None:
    for bits, accepted in ((2048, True), (1024, False)):
        key = rsa.generate_private_key(65537, bits)
        client = (
            x509.CertificateBuilder()
            .subject_name(root.certificate.subject)
            .issuer_name(root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(bits)
            .not_valid_before(root.certificate.not_valid_before_utc)
            .not_valid_after(root.certificate.not_valid_after_utc)
            .sign(root.key, hashes.SHA256())
        )
        if accepted:
            assert store.chain(client)
        else:
            with pytest.raises(Untrusted, match="a key that is too weak"):
                store.chain(client)


def test_chain_that_is_too_long_is_refused(store: TrustStore, root: Authority) -> None:
    authority = root
    for depth in range(MOST_CERTIFICATES - 2):
        authority = authority.intermediate(f"CA {depth}")
    client = authority.issue()
    assert len(store.chain(client.certificate, client.intermediates)) == MOST_CERTIFICATES
    deeper = authority.intermediate("One too many").issue()
    with pytest.raises(Untrusted, match="chain is longer than 10"):
        store.chain(deeper.certificate, deeper.intermediates)


def test_authorities_that_signed_each_other_are_searched_in_bounded_time(
    store: TrustStore,
) -> None:
    """Every one of them is issued by every other: without a bound there are millions of ways."""
    keys = [new_key() for _ in range(16)]
    mesh = [Authority.root("Mesh", key=key) for key in keys]
    crossed = [
        upper.intermediate("Mesh", key=lower).certificate
        for upper in mesh[:6]
        for lower in keys[:6]
    ]
    client = mesh[0].issue()
    with pytest.raises(Untrusted):
        store.chain(client.certificate, [each.certificate for each in mesh] + crossed)


def test_chain_is_found_among_authorities_that_signed_each_other(
    store: TrustStore, root: Authority
) -> None:
    first, second = new_key(), new_key()
    loop = [
        Authority.root("First", key=first).intermediate("Second", key=second).certificate,
        Authority.root("Second", key=second).intermediate("First", key=first).certificate,
    ]
    out = root.intermediate("Second", key=second)
    client = Authority.root("First", key=first).issue().certificate
    chain = store.chain(client, [*loop, out.certificate])
    assert chain == [client, loop[1], out.certificate, root.certificate]


def test_chain_is_judged_by_the_given_time(store: TrustStore, root: Authority) -> None:
    client = root.issue(valid=(-timedelta(hours=1), timedelta(hours=1))).certificate
    assert store.chain(client, now=client.not_valid_after_utc)
    with pytest.raises(Untrusted, match="has expired"):
        store.chain(client, now=client.not_valid_after_utc + timedelta(seconds=1))


def test_certificate_with_extensions_that_cannot_be_read_is_refused(
    store: TrustStore, root: Authority
) -> None:
    usage = x509.ObjectIdentifier("2.5.29.15")
    broken = root.issue(extensions=[(x509.UnrecognizedExtension(usage, b"\xff"), False)])
    with pytest.raises(Untrusted, match="It can't be read"):
        store.chain(broken.certificate)
    authority = root.intermediate(
        extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x01"), True)]
    )
    client = authority.issue()
    with pytest.raises(Untrusted, match="Its authority can't be read"):
        store.chain(client.certificate, client.intermediates)
