"""What a subject is bound under: the vectors of the contract (authn 5) as real certificates."""

from pathlib import Path

import pytest

from authn.x509 import der as der_reader
from authn.x509.der import MalformedDER
from authn.x509.handshake import listener_context
from authn.x509.refusals import AmbiguousSubject
from authn.x509.subject import attributes, auth_identifier, read_subject
from authn.x509.trust_store import TrustStore
from tests.authn import der
from tests.authn.authority import Authority
from tests.authn.der import attribute, name
from tests.authn.x509.handshakes import client_context, shown

VECTORS = {
    "grid host": (
        name(
            ("DC", "org"),
            ("DC", "terena"),
            ("DC", "tcs"),
            ("C", "DE"),
            ("O", "hosts"),
            ("O", "GermanGrid"),
            ("OU", "DESY"),
            ("CN", "host/example.com"),
        ),
        "CN=host/example.com,OU=DESY,O=hosts+O=GermanGrid,C=DE,DC=org+DC=terena+DC=tcs",
    ),
    "several CNs": (
        name(("C", "GR"), ("CN", "first"), ("CN", "Robot: x"), ("CN", "last")),
        "CN=last,C=GR",
    ),
    "everything": (
        name(
            ("E", "a@b.c"),
            ("C", "GR"),
            ("ST", "Attica"),
            ("L", "Athens"),
            ("STREET", "S 1"),
            ("POSTALCODE", "111"),
            ("O", "Org"),
            ("OU", "U1"),
            ("OU", "U2"),
            ("CN", "cn"),
            ("SERIALNUMBER", "sn1"),
            ("UID", "user1"),
            ("TITLE", "Mr"),
            ("SN", "Sur"),
            ("DC", "gr"),
        ),
        (
            "E=a@b.c,SERIALNUMBER=sn1,CN=cn,OU=U1+OU=U2,O=Org,POSTALCODE=111,STREET=S 1,L=Athens,"
            "ST=Attica,C=GR,DC=gr"
        ),
    ),
    "escapes": (
        name(
            ("O", "Foo, Inc."),
            ("OU", " lead"),
            ("OU", "trail "),
            ("OU", "#hash"),
            ("OU", "a#b"),
            ("OU", "a=b"),
            ("CN", 'q"b\\c<d>e;f+g'),
        ),
        (
            'CN=q\\"b\\\\c\\<d\\>e\\;f\\+g,OU=\\ lead+OU=trail\\ +OU=\\#hash+OU=a#b+OU=a=b,'
            "O=Foo\\, Inc."
        ),
    ),
    "not ASCII": (name(("O", "Ελλάδα"), ("CN", "naïve é ")), "CN=naïve é\\ ,O=Ελλάδα"),
    "several values in one RDN": (
        name(("C", "GR"), [("CN", "y"), ("O", "z"), ("OU", "x")], ("CN", "later")),
        "CN=later,OU=x,O=z,C=GR",
    ),
    "DC only": (name(("DC", "a"), ("DC", "b")), ",DC=a+DC=b"),
    "E only": (name(("E", "a@b")), "E=a@b,"),
    "UID only": (name(("UID", "u")), ""),
    "empty": (name(), ""),
    "empty CN": (name(("O", "o"), ("CN", "")), "O=o"),
    "empty O": (name(("O", ""), ("CN", "c")), "CN=c,O="),
    "two E": (name(("E", "a@b"), ("E", "c@d"), ("CN", "c")), "E=a@b+E=c@d,CN=c"),
    # Rules 2, 3 and 5 without a vector of their own.
    "last CN empty": (name(("CN", "first"), ("CN", ""), ("O", "o")), "O=o"),
    "a single blank": (name(("CN", " "), ("O", "#")), "CN=\\ ,O=\\#"),
    "control characters": (name(("CN", "a\nb\n"), ("O", " \n")), "CN=a\nb\n,O=\\ \n"),
    "BMPString": (
        name(attribute("CN", "Ω, ω\0".encode("utf-16-be"), der.BMP_STRING)),
        "CN=Ω\\, ω",
    ),
    "T61String": (name(attribute("CN", "é".encode("latin-1"), der.T61_STRING)), "CN=é"),
    "IA5String": (name(attribute("DC", b"org", der.IA5_STRING)), ",DC=org"),
    "NumericString": (
        name(attribute("SERIALNUMBER", b"12 3", der.NUMERIC_STRING)),
        "SERIALNUMBER=12 3",
    ),
    "PrintableString": (
        name(attribute("CN", b"ab '()-./:=?", der.PRINTABLE_STRING)),
        "CN=ab '()-./:=?",
    ),
}


@pytest.mark.parametrize("vector", VECTORS)
async def test_subject_of_a_tls_client_is_rendered_as_the_contract_says(
    vector: str, root: Authority, store: TrustStore, server_file: Path, tmp_path: Path
) -> None:
    subject, identifier = VECTORS[vector]
    client = client_context(root.issue(subject).write(tmp_path))
    certificate, *_ = await shown(listener_context(server_file, server_file, store), client)
    assert auth_identifier(certificate) == identifier


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("E", "x,CN=victim"),
        ("E", "x@y.z+E=victim@y.z"),
        ("E", "x,y@z"),
        ("DC", "org,DC=victim"),
        ("DC", "a,b+c"),
        ("DC", "org+DC=victim"),
    ],
)
def test_email_or_dc_that_imitates_other_parts_is_refused(
    root: Authority, label: str, value: str
) -> None:
    """Contract: authn 8 B2."""
    certificate = root.issue(name((label, value), ("CN", "n"))).certificate
    with pytest.raises(AmbiguousSubject, match=f"ambiguous: {label} has a comma or a plus sign"):
        auth_identifier(certificate)


@pytest.mark.parametrize(
    ("value", "tag", "reason"),
    [
        (b"\xff\xfe", der.UTF8_STRING, "invalid UTF8String"),
        (b"\xed\xa0\x80", der.UTF8_STRING, "invalid UTF8String"),
        (b"a_b", der.PRINTABLE_STRING, "invalid PrintableString"),
        (b"a\n", der.PRINTABLE_STRING, "invalid PrintableString"),
        (b"\xe9", der.IA5_STRING, "invalid IA5String"),
        (b"12a", der.NUMERIC_STRING, "invalid NumericString"),
        (b"\0a\0", der.BMP_STRING, "invalid BMPString"),
        (b"\xd8\0", der.BMP_STRING, "invalid BMPString"),
        ("ab".encode("utf-32-be"), der.UNIVERSAL_STRING, "unknown type 0x1c"),
        (b"\0ab", der.BIT_STRING, "unknown type 0x03"),
    ],
)
@pytest.mark.parametrize("label", ["CN", "UID"])
def test_subject_that_cannot_be_read_is_refused(
    label: str, value: bytes, tag: int, reason: str
) -> None:
    """Contract: authn 5.2. Types that count for nothing must be readable all the same."""
    (subject,) = der_reader.read(name(attribute(label, value, tag)))
    with pytest.raises(MalformedDER, match=reason):
        list(attributes(subject))


@pytest.mark.parametrize(
    ("value", "tag", "text"),
    [
        (b"a*b&c", der.PRINTABLE_STRING, "a*b&c"),
        ("𝄞\0".encode("utf-16-be"), der.BMP_STRING, "𝄞"),
        (b"\0\0", der.BMP_STRING, ""),
    ],
)
def test_text_that_libraries_refuse_is_read(value: bytes, tag: int, text: str) -> None:
    """Contract: authn 5.2."""
    (subject,) = der_reader.read(name(attribute("CN", value, tag)))
    assert list(attributes(subject)) == [(der.ATTRIBUTES["CN"], text)]


@pytest.mark.parametrize(
    "octets", [b"\x55\x04\x80\x03", b"\x80\x55\x04\x03", b"\x55\x04\x83", b"", b"\x55" * 65]
)
def test_type_that_is_not_written_as_it_must_be_is_refused(octets: bytes) -> None:
    """Who skips the zeros would take it for another type."""
    text = der.encode(der.UTF8_STRING, b"victim")
    pair = der.encode(der.SEQUENCE, der.encode(der.OBJECT_IDENTIFIER, octets), text)
    (subject,) = der_reader.read(name(pair))
    with pytest.raises(MalformedDER, match="no type"):
        list(attributes(subject))


@pytest.mark.parametrize(
    "damaged",
    [
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x00\x00\x00\x00\x01\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x05\x31\x00",
        b"\x3f\x01\x00",
        b"\x31\x00",
        b"\x30\x02\x30\x00",
        b"\x30\x04\x31\x02\x30\x00",
    ],
)
def test_bytes_that_are_no_name_are_refused(damaged: bytes) -> None:
    with pytest.raises(MalformedDER):
        [list(attributes(value)) for value in der_reader.read(damaged)]


def test_what_the_identifier_leaves_out_is_told(root: Authority) -> None:
    """Contract: authn 8 B1."""
    several = name(("CN", "a"), ("UID", "u"), ("CN", "b"), ("O", "o"), ("SERIALNUMBER", ""))
    subject = read_subject(root.issue(several).certificate)
    assert subject.identifier == "CN=b,O=o"
    assert subject.dropped == ("0.9.2342.19200300.100.1.1", "2.5.4.3")
