"""Lists of revoked certificates, from a real server (contract: authn 4.4, 8 B5, B6)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ams.service.outgoing import Outgoing
from ams.service.settings_sections import OutgoingSettings
from authn.x509.crl_cache import CrlCache
from authn.x509.refusals import NoDistributionPoints, RevocationUnknown, Revoked, Untrusted
from authn.x509.revocation import MOST_URLS, Revocation
from tests.authn.authority import DAY, Authority, Credential, new_key
from tests.authn.crl_server import CrlServer
from tests.authn.der import name

HOUR = timedelta(hours=1)


@pytest.fixture
def revocation(crls: CrlCache) -> Revocation:
    return Revocation(crls)


def chain(client: Credential, root: Authority) -> list[x509.Certificate]:
    return [client.certificate, *client.intermediates, root.certificate]


async def test_certificate_that_is_on_no_list_is_good(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.publish("/a", root.crl(revoked=[1, 2, 3]))])
    await revocation.check(chain(client, root))


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
async def test_revoked_certificate_is_403(
    revocation: Revocation, root: Authority, crl_server: CrlServer, encoding: Encoding
) -> None:
    client = root.issue(crl_urls=[crl_server.url("/a")])
    crl = x509.load_der_x509_crl(root.crl(revoked=[client.certificate]))
    crl_server.publish("/a", crl.public_bytes(encoding))
    with pytest.raises(Revoked, match="Your certificate has been revoked") as refused:
        await revocation.check(chain(client, root))
    assert refused.value.http_status == 403


@pytest.mark.parametrize("points", [["/a", "/b"], [["/a", "/b"]]])
async def test_certificate_revoked_in_the_second_list_is_403(
    revocation: Revocation,
    root: Authority,
    crl_server: CrlServer,
    points: list[str | list[str]],
) -> None:
    client = root.issue(crl_urls=located(crl_server, points))
    crl_server.publish("/a", root.crl())
    crl_server.publish("/b", root.crl(revoked=[client.certificate]))
    with pytest.raises(Revoked):
        await revocation.check(chain(client, root))


def located(server: CrlServer, points: Sequence[str | Sequence[str]]) -> list[str | Sequence[str]]:
    return [
        server.url(point) if isinstance(point, str) else [server.url(each) for each in point]
        for point in points
    ]


async def test_certificate_of_a_revoked_authority_is_403(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    middle = root.intermediate(crl_urls=[crl_server.url("/root")])
    client = middle.issue(crl_urls=[crl_server.publish("/middle", middle.crl())])
    crl_server.publish("/root", root.crl(revoked=[middle.certificate]))
    with pytest.raises(Revoked):
        await revocation.check(chain(client, root))


async def test_authority_without_a_list_is_not_looked_up(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    middle = root.intermediate()
    client = middle.issue(crl_urls=[crl_server.publish("/middle", middle.crl())])
    await revocation.check(chain(client, root))


@pytest.mark.parametrize(
    ("reason", "revoked"),
    [
        (x509.ReasonFlags.key_compromise, True),
        (x509.ReasonFlags.superseded, True),
        (x509.ReasonFlags.certificate_hold, True),
        (x509.ReasonFlags.remove_from_crl, False),
    ],
)
async def test_every_reason_counts_but_that_it_is_revoked_no_more(
    revocation: Revocation,
    root: Authority,
    crl_server: CrlServer,
    reason: x509.ReasonFlags,
    revoked: bool,
) -> None:
    client = root.issue(crl_urls=[crl_server.url("/a")])
    crl_server.publish("/a", root.crl(revoked=[client.certificate], reason=reason))
    if revoked:
        with pytest.raises(Revoked):
            await revocation.check(chain(client, root))
    else:
        await revocation.check(chain(client, root))


@pytest.mark.parametrize(
    "extension",
    [
        None,
        x509.CRLDistributionPoints(
            [x509.DistributionPoint(None, None, None, [x509.DirectoryName(x509.Name([]))])]
        ),
    ],
)
async def test_certificate_that_names_no_list_is_403(
    revocation: Revocation, root: Authority, extension: x509.ExtensionType | None
) -> None:
    client = root.issue(extensions=[(extension, False)] if extension else [])
    message = "^Your certificate is invalid. No CRLDistributionPoints found on the certificate$"
    with pytest.raises(NoDistributionPoints, match=message) as refused:
        await revocation.check(chain(client, root))
    assert refused.value.http_status == 403


def scope(**wanted: bool) -> list[tuple[x509.ExtensionType, bool]]:
    names = (
        "only_contains_user_certs", "only_contains_ca_certs", "indirect_crl",
        "only_contains_attribute_certs",
    )  # fmt: skip
    flags = {each: wanted.get(each, False) for each in names}
    return [
        (
            x509.IssuingDistributionPoint(
                full_name=None, relative_name=None, only_some_reasons=None, **flags
            ),
            True,
        )
    ]


def place(url: str) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (
            x509.IssuingDistributionPoint(
                [x509.UniformResourceIdentifier(url)], None, False, False, None, False, False
            ),
            True,
        )
    ]


#: What is wrong with a list, and the answer; `{url}` is where it is.
USELESS: dict[str, tuple[Callable[[Authority], bytes], str]] = {
    "no list": (lambda _: b"<html>", "Unable to parse CRL Data"),
    "empty": (lambda _: b"", "Unable to parse CRL Data"),
    "more after it": (lambda ca: ca.crl() + b"\n", "Unable to parse CRL Data"),
    "cut off": (lambda ca: ca.crl()[:-1], "Unable to parse CRL Data"),
    "PEM of something else": (
        lambda ca: ca.certificate.public_bytes(Encoding.PEM),
        "Unable to parse CRL Data",
    ),
    "PEM without end": (lambda _: b"-----BEGIN X509 CRL-----\nAAAA", "Unable to parse CRL Data"),
    "deep": (lambda _: b"\x30\x80" * 100_000, "Unable to parse CRL Data"),
    "stale": (
        lambda ca: ca.crl(valid=(-2 * DAY, -timedelta(seconds=1))),
        "CRL {url} is out of date",
    ),
    "endless": (lambda ca: ca.crl(valid=(-DAY, None)), "CRL {url} is out of date"),
    "of the future": (lambda ca: ca.crl(valid=(HOUR, DAY)), "CRL {url} is not valid yet"),
    "bad signature": (
        lambda ca: ca.crl(signed_by=new_key()),
        "CRL {url} is not signed by the issuer of the certificate",
    ),
    "of another authority": (
        lambda _: Authority.root("Other").crl(),
        "CRL {url} is not signed by the issuer of the certificate",
    ),
    "of changes only": (
        lambda ca: ca.crl(extensions=[(x509.DeltaCRLIndicator(1), True)]),
        "CRL {url} has an unknown critical extension",
    ),
    "of authorities only": (
        lambda ca: ca.crl(extensions=scope(only_contains_ca_certs=True)),
        "CRL {url} does not cover the certificate",
    ),
    "indirect": (
        lambda ca: ca.crl(extensions=scope(indirect_crl=True)),
        "CRL {url} does not cover the certificate",
    ),
    "of attributes": (
        lambda ca: ca.crl(extensions=scope(only_contains_attribute_certs=True)),
        "CRL {url} does not cover the certificate",
    ),
    "of another place": (
        lambda ca: ca.crl(extensions=place("http://elsewhere.example.org/")),
        "CRL {url} does not cover the certificate",
    ),
}


@pytest.mark.parametrize("case", USELESS)
async def test_list_that_says_nothing_is_500(
    case: str, revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    make, message = USELESS[case]
    url = crl_server.publish("/a", make(root))
    client = root.issue(crl_urls=[url])
    with pytest.raises(RevocationUnknown) as refused:
        await revocation.check(chain(client, root))
    assert refused.value.message == f"Internal Error: {message}".replace("{url}", url)
    assert refused.value.http_status == 500


async def test_list_that_is_limited_to_what_is_asked_counts(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    for path in ("/users", "/place"):
        url = crl_server.url(path)
        client = root.issue(crl_urls=[url])
        limits = scope(only_contains_user_certs=True) if path == "/users" else place(url)
        crl_server.publish(path, root.crl(revoked=[client.certificate], extensions=limits))
        with pytest.raises(Revoked):
            await revocation.check(chain(client, root))


async def test_list_signed_by_an_authority_that_may_not_is_500(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    issuer = Authority.root("No CRLs", usage=usage)
    client = issuer.issue(crl_urls=[crl_server.publish("/a", issuer.crl())])
    with pytest.raises(RevocationUnknown, match="not signed by the issuer"):
        await revocation.check(chain(client, issuer))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "ldap://127.0.0.1/x", "file:///etc/passwd", "http://", "http://[", "x"],
)
async def test_list_that_cannot_be_reached_is_500(
    revocation: Revocation, root: Authority, url: str
) -> None:
    client = root.issue(crl_urls=[url])
    with pytest.raises(RevocationUnknown) as refused:
        await revocation.check(chain(client, root))
    assert refused.value.message == f"Internal Error: Could not access CRL {url}"


async def test_missing_page_is_no_list(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.url("/nothing")])
    with pytest.raises(RevocationUnknown, match="Internal Error: Unable to parse CRL Data"):
        await revocation.check(chain(client, root))


async def test_private_address_is_not_asked(root: Authority, crl_server: CrlServer) -> None:
    """Contract: README 13, authn 8 B6."""
    client = root.issue(crl_urls=[crl_server.publish("/a", root.crl())])
    outgoing = Outgoing(OutgoingSettings())
    with pytest.raises(RevocationUnknown, match="Could not access CRL"):
        await Revocation(CrlCache(outgoing)).check(chain(client, root))
    assert not crl_server.requests
    await outgoing.close()


async def test_every_point_needs_a_list(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    good = crl_server.publish("/good", root.crl())
    missing = crl_server.url("/missing")
    with pytest.raises(RevocationUnknown, match="Unable to parse CRL Data"):
        await revocation.check(chain(root.issue(crl_urls=[good, missing]), root))


async def test_one_of_the_places_of_a_list_is_enough(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    good = crl_server.publish("/good", root.crl())
    places = ["ldap://ldap.example.org/cn=ca", crl_server.url("/missing"), good]
    await revocation.check(chain(root.issue(crl_urls=[places]), root))
    await revocation.check(chain(root.issue(crl_urls=["ldap://ldap.example.org/", good]), root))


async def test_revoked_is_said_though_another_list_is_missing(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.url("/missing"), crl_server.url("/b")])
    crl_server.publish("/b", root.crl(revoked=[client.certificate]))
    with pytest.raises(Revoked):
        await revocation.check(chain(client, root))


async def test_certificate_that_names_too_many_lists_is_refused(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    url = crl_server.publish("/a", root.crl())
    await revocation.check(chain(root.issue(crl_urls=[url] * MOST_URLS), root))
    with pytest.raises(Untrusted, match="It has more than 8 URLs of CRLs"):
        await revocation.check(chain(root.issue(crl_urls=[[url] * (MOST_URLS + 1)]), root))


async def test_redirect_within_the_host_is_followed(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.redirect("/old", "/new")])
    crl_server.publish("/new", root.crl(revoked=[client.certificate]))
    with pytest.raises(Revoked):
        await revocation.check(chain(client, root))


@pytest.mark.parametrize("location", ["http://localhost:1/", "//localhost/", "/loop", "http://["])
async def test_other_redirects_are_not_followed(
    revocation: Revocation, root: Authority, crl_server: CrlServer, location: str
) -> None:
    """Contract: README 13."""
    client = root.issue(crl_urls=[crl_server.redirect("/loop", location)])
    with pytest.raises(RevocationUnknown, match="Could not access CRL"):
        await revocation.check(chain(client, root))


async def test_slow_list_delays_only_those_who_need_it(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    crl_server.publish("/slow", root.crl())
    slow = root.issue(crl_urls=[crl_server.hold("/slow")])
    quick = root.issue(crl_urls=[crl_server.publish("/quick", root.crl())])
    waiting = asyncio.create_task(revocation.check(chain(slow, root)))
    await revocation.check(chain(quick, root))
    assert not waiting.done()
    crl_server.release("/slow")
    await waiting


async def test_revoked_does_not_wait_for_a_slow_list(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    client = root.issue(crl_urls=[crl_server.hold("/slow"), crl_server.url("/quick")])
    crl_server.publish("/quick", root.crl(revoked=[client.certificate]))
    with pytest.raises(Revoked):
        await asyncio.wait_for(revocation.check(chain(client, root)), 2)


async def test_subject_plays_no_part(
    revocation: Revocation, root: Authority, crl_server: CrlServer
) -> None:
    """Only the serial number counts, not who else has the name."""
    url = crl_server.url("/a")
    revoked, good = (root.issue(name(("CN", "same")), crl_urls=[url]) for _ in range(2))
    crl_server.publish("/a", root.crl(revoked=[revoked.certificate]))
    await revocation.check(chain(good, root))
    with pytest.raises(Revoked):
        await revocation.check(chain(revoked, root))
