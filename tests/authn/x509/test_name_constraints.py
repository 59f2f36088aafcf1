"""Authorities that may vouch for some names only (RFC 5280, 4.2.1.10)."""

from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509

from authn.x509.refusals import Untrusted
from authn.x509.trust_store import TrustStore
from tests.authn.authority import Authority
from tests.authn.der import name

DNS, MAIL, URI = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier


def directory(text: str) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name.from_rfc4514_string(text))


def address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ip_address(text))


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ip_network(text))


def is_accepted(
    store: TrustStore,
    root: Authority,
    names: list[x509.GeneralName],
    *,
    permitted: x509.GeneralName | None = None,
    excluded: x509.GeneralName | None = None,
    subject: bytes | None = None,
) -> bool:
    limits = x509.NameConstraints(
        [permitted] if permitted else None, [excluded] if excluded else None
    )
    authority = root.intermediate(extensions=[(limits, True)])
    client = authority.issue(subject, names=names)
    try:
        store.chain(client.certificate, client.intermediates)
    except Untrusted as refused:
        if refused.reason != "Its authority may not vouch for this name":
            raise
        return False
    return True


CASES = [
    (DNS("example.org"), DNS("example.org"), True),
    (DNS("example.org"), DNS("a.b.Example.ORG"), True),
    (DNS(".example.org"), DNS("a.example.org"), True),
    (DNS(".example.org"), DNS("example.org"), False),
    (DNS(""), DNS("anything.org"), True),
    (DNS("example.org"), DNS("badexample.org"), False),
    (DNS("example.org"), DNS("org"), False),
    (MAIL("a@example.org"), MAIL("a@EXAMPLE.org"), True),
    (MAIL("a@example.org"), MAIL("A@example.org"), False),
    (MAIL("example.org"), MAIL("a@example.org"), True),
    (MAIL("example.org"), MAIL("a@sub.example.org"), False),
    (MAIL(".example.org"), MAIL("a@sub.example.org"), True),
    (MAIL(".example.org"), MAIL("a@example.org"), False),
    (network("192.0.2.0/24"), address("192.0.2.7"), True),
    (network("192.0.2.0/24"), address("192.0.3.7"), False),
    (network("2001:db8::/32"), address("2001:db8::1"), True),
    (network("2001:db8::/32"), address("192.0.2.7"), False),
]


@pytest.mark.parametrize(("tree", "known", "within"), CASES)
def test_name_within_the_limits_is_permitted_or_excluded(
    store: TrustStore,
    root: Authority,
    tree: x509.GeneralName,
    known: x509.GeneralName,
    within: bool,
) -> None:
    assert is_accepted(store, root, [known], permitted=tree) == within
    assert is_accepted(store, root, [known], excluded=tree) != within


@pytest.mark.parametrize(
    ("tree", "within"),
    [("C=GR", True), ("OU=Grid,O=Org,C=GR", True), ("C=gr", True), ("O=Org", False)],
)
def test_subject_within_the_limits_is_permitted_or_excluded(
    store: TrustStore, root: Authority, tree: str, within: bool
) -> None:
    """Letter case and blanks make no difference."""
    subject = name(("C", "GR"), ("O", " ORG "), ("OU", "grid"), ("CN", "client"))
    for limit, accepted in (("permitted", within), ("excluded", not within)):
        limits = {limit: directory(tree)}
        assert is_accepted(store, root, [], subject=subject, **limits) == accepted


def test_email_in_the_subject_is_limited_too(store: TrustStore, root: Authority) -> None:
    subject = name(("E", "a@example.org"), ("CN", "client"))
    assert is_accepted(store, root, [], permitted=MAIL("example.org"), subject=subject)
    assert not is_accepted(store, root, [], excluded=MAIL("example.org"), subject=subject)


@pytest.mark.parametrize(
    ("common_name", "within"),
    [
        ("a.example.org", True),
        ("a.example.com", False),
        ("A.EXAMPLE.COM", False),
        ("a_b.c-d.example.com", False),
        ("Robot: a.example.com", True),
        ("host/a.example.com", True),
        ("a", True),
    ],
)
def test_host_in_the_common_name_is_limited_too(
    store: TrustStore, root: Authority, common_name: str, within: bool
) -> None:
    """As OpenSSL has it: where there is no other name of a host, that one is the host's."""
    subject = name(("C", "GR"), ("CN", "a.example.org"), ("CN", common_name))
    limit = DNS("example.org")
    assert is_accepted(store, root, [], permitted=limit, subject=subject) == within
    assert is_accepted(store, root, [MAIL("a@b.c")], permitted=limit, subject=subject) == within
    assert is_accepted(store, root, [DNS("b.example.org")], permitted=limit, subject=subject)


def test_names_of_other_kinds_are_not_limited(store: TrustStore, root: Authority) -> None:
    assert is_accepted(store, root, [DNS("a.org"), URI("x:y")], permitted=MAIL("example.org"))


def test_limits_of_a_kind_that_is_not_understood_allow_nothing(
    store: TrustStore, root: Authority
) -> None:
    assert not is_accepted(store, root, [URI("http://a.org/")], permitted=URI("a.org"))
    assert not is_accepted(store, root, [URI("http://a.org/")], excluded=URI("b.org"))


def test_limits_hold_for_all_below(store: TrustStore, root: Authority) -> None:
    limits = x509.NameConstraints(None, [DNS("example.org")])
    lower = root.intermediate("Upper", extensions=[(limits, True)]).intermediate("Lower")
    for host, accepted in (("example.com", True), ("a.example.org", False)):
        client = lower.issue(names=[DNS(host)])
        if accepted:
            assert store.chain(client.certificate, client.intermediates)
        else:
            with pytest.raises(Untrusted, match="may not vouch for this name"):
                store.chain(client.certificate, client.intermediates)
