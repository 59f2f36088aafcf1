"""Whether a certificate is for the host that it comes from (contract: authn 4.3, 8 B11, B12)."""

import asyncio
import socket
import threading
from ipaddress import ip_address

import pytest
from cryptography import x509

from authn.x509 import hosts
from authn.x509.hosts import (
    MOST_LISTED,
    LookupFailed,
    SystemResolver,
    check_host,
    mismatch_of,
)
from authn.x509.refusals import HostMismatch, HostUnknown, Untrusted
from tests.authn.authority import Authority
from tests.authn.der import name
from tests.authn.x509.zones import Zones

ADDRESS = "192.0.2.7"


def certificate(root: Authority, *names: str, cn: str = "client") -> x509.Certificate:
    alternatives = [x509.DNSName(each) for each in names]
    return root.issue(name(("CN", cn)), names=alternatives).certificate


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("a.example.org", "a.example.org"),
        ("a.example.org", "a.example.org."),
        ("A.Example.ORG", "a.EXAMPLE.org"),
        ("*.example.org", "a.example.org."),
        ("a_b.example.org", "a_b.example.org"),
        ("a--b-.example.org", "a--b-.example.org"),
        # One of them is no name of a host: they must be alike.
        ("-a.example.org", "-A.example.org"),
        ("a b", "A B"),
        ("w*.example.org", "w*.example.org"),
        ("*", "*"),
    ],
)
def test_certificate_is_valid_for_a_name(root: Authority, pattern: str, host: str) -> None:
    assert mismatch_of(certificate(root, "x.example.org", pattern), host) == ""


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("a.example.org", "b.example.org"),
        ("*.example.org", "a.b.example.org"),
        ("*.example.org", "example.org"),
        ("*.example.org", ".example.org"),
        ("w*.example.org", "w1.example.org"),
        ("a.*.org", "a.example.org"),
        ("*.*.org", "a.example.org"),
        ("*", "org"),
        ("*.", "org."),
        ("a.example.org.", "a.example.org"),
        ("a.example.org", "a.example.org.."),
        ("a.example.org", ""),
        ("a.example.org", "."),
        ("k.example.org", "\u212a.example.org"),
    ],
)
def test_certificate_is_not_valid_for_a_name(root: Authority, pattern: str, host: str) -> None:
    valid = f"x.example.org, {pattern}"
    message = f"x509: certificate is valid for {valid}, not {host}"
    assert mismatch_of(certificate(root, "x.example.org", pattern), host) == message


def test_without_names_the_message_says_so(root: Authority) -> None:
    message = "x509: certificate is not valid for any names, but wanted to match a.org."
    assert mismatch_of(certificate(root), "a.org.") == message
    mail = root.issue(name(("CN", "a.org")), names=[x509.RFC822Name("a@a.org")]).certificate
    assert mismatch_of(mail, "a.org.") == message


def test_common_name_does_not_count(root: Authority) -> None:
    legacy = "x509: certificate relies on legacy Common Name field, use SANs instead"
    assert mismatch_of(certificate(root, cn="a.org"), "a.org.") == legacy
    other = "x509: certificate is valid for b.org, not a.org"
    assert mismatch_of(certificate(root, "b.org", cn="a.org"), "a.org") == other


def test_many_names_are_counted_rather_than_listed(root: Authority) -> None:
    many = certificate(root, *(f"h{number}.org" for number in range(MOST_LISTED)))
    message = f"x509: certificate is valid for {MOST_LISTED} names, but none matched a.org"
    assert mismatch_of(many, "a.org") == message


def test_name_that_is_an_address_is_looked_for_among_addresses(root: Authority) -> None:
    none = f"x509: cannot validate certificate for {ADDRESS} because it doesn't contain any IP SANs"
    assert mismatch_of(certificate(root, ADDRESS), ADDRESS) == none
    has = root.issue(names=[x509.IPAddress(ip_address(ADDRESS))]).certificate
    assert mismatch_of(has, ADDRESS) == ""
    message = f"x509: certificate is valid for {ADDRESS}, not 192.0.2.8"
    assert mismatch_of(has, "192.0.2.8") == message


async def test_client_whose_name_leads_back_to_it_is_let_in(root: Authority) -> None:
    zones = Zones({ADDRESS: ["other.org.", "a.org."]})
    await check_host(certificate(root, "a.org"), ADDRESS, zones)
    await check_host(certificate(root, "a.org"), f"::ffff:{ADDRESS}", zones)


async def test_client_of_ipv6_is_let_in(root: Authority) -> None:
    zones = Zones({"2001:db8::1": ["a.org."]}, {"a.org.": ["2001:0db8:0:0::1"]})
    await check_host(certificate(root, "a.org"), "2001:db8::1", zones)


async def test_last_name_is_the_one_that_is_told(root: Authority) -> None:
    zones = Zones({ADDRESS: ["first.org.", "last.org."]})
    with pytest.raises(HostMismatch, match="not last") as refused:
        await check_host(certificate(root, "a.org"), ADDRESS, zones)
    assert refused.value.http_status == 403


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ({"a.org.": ["192.0.2.8"]}, f"a.org. is not a name of {ADDRESS}"),
        ({"a.org.": []}, f"a.org. is not a name of {ADDRESS}"),
        ({}, "lookup a.org.: no such host"),
    ],
)
async def test_name_that_does_not_lead_back_is_403(
    root: Authority, addresses: dict[str, list[str]], message: str
) -> None:
    """Who has the reverse zone may say anything in it."""
    zones = Zones({ADDRESS: ["a.org."]}, addresses)
    with pytest.raises(HostMismatch) as refused:
        await check_host(certificate(root, "a.org"), ADDRESS, zones)
    assert refused.value.message == message


@pytest.mark.parametrize("names", [{}, {ADDRESS: []}])
async def test_address_without_a_name_is_400(root: Authority, names: dict[str, list[str]]) -> None:
    with pytest.raises(HostUnknown) as refused:
        await check_host(certificate(root, "a.org"), ADDRESS, Zones(names))
    assert refused.value.message == "lookup 7.2.0.192.in-addr.arpa.: no such host"
    assert refused.value.http_status == 400


async def test_address_of_one_link_is_400(root: Authority) -> None:
    with pytest.raises(HostUnknown, match="lookup fe80::1%eth0: unrecognized address"):
        await check_host(certificate(root, "a.org"), "fe80::1%eth0", Zones({}))


@pytest.mark.parametrize("address", ["", "nowhere", "192.0.2", "unix:"])
async def test_what_is_no_address_is_403(root: Authority, address: str) -> None:
    with pytest.raises(HostMismatch, match="missing port in address"):
        await check_host(certificate(root, "a.org"), address, Zones({}))


async def test_only_so_many_names_are_looked_at(root: Authority) -> None:
    many = [f"h{number}.org" for number in range(hosts.MOST_NAMES)]
    with pytest.raises(HostMismatch):
        await check_host(certificate(root, "a.org"), ADDRESS, Zones({ADDRESS: [*many, "a.org"]}))


async def test_names_that_cannot_be_read_are_refused(root: Authority) -> None:
    kind = x509.ObjectIdentifier("2.5.29.17")
    broken = root.issue(extensions=[(x509.UnrecognizedExtension(kind, b"\xff"), False)])
    with pytest.raises(Untrusted, match="It can't be read"):
        await check_host(broken.certificate, ADDRESS, Zones({ADDRESS: ["a.org"]}))


async def test_this_machine_is_known_to_its_system(root: Authority) -> None:
    resolver = SystemResolver()
    (own, *_) = await resolver.names("127.0.0.1")
    assert own == socket.gethostbyaddr("127.0.0.1")[0]
    await check_host(certificate(root, "localhost", own), "127.0.0.1", resolver)
    resolver.close()


async def test_system_that_knows_no_name_says_so() -> None:
    resolver = SystemResolver()
    for look_up in (resolver.addresses("no.such.host.invalid"), resolver.addresses("a" * 70)):
        with pytest.raises(LookupFailed, match="no such host"):
            await look_up
    resolver.close()


async def test_resolver_that_does_not_answer_is_given_up(
    root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = threading.Event()
    monkeypatch.setattr(hosts, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "gethostbyaddr", lambda _: silent.wait())
    resolver = SystemResolver()
    try:
        with pytest.raises(HostUnknown, match="i/o timeout"):
            await asyncio.wait_for(
                check_host(certificate(root, "a.org"), ADDRESS, resolver), timeout=2
            )
    finally:
        silent.set()
        resolver.close()


async def test_addresses_whose_resolver_is_silent_keep_no_other_waiting(
    root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose reverse zone it is can have many look-ups wait; the names of others come at once."""
    silent = threading.Event()
    real = socket.gethostbyaddr

    def look_up(address: str) -> object:
        return silent.wait() if address == ADDRESS else real(address)

    monkeypatch.setattr(socket, "gethostbyaddr", look_up)
    resolver = SystemResolver()
    waiting = [asyncio.create_task(resolver.names(ADDRESS)) for _ in range(100)]
    await asyncio.sleep(0)  # They come first.
    try:
        async with asyncio.timeout(hosts.LOOKUP_SECONDS / 2):
            assert await resolver.names("127.0.0.1")
        assert not any(task.done() for task in waiting)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        silent.set()
        resolver.close()
