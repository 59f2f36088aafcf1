"""Subjects as the configuration database writes them (contract: authn 7.7)."""

import pytest

from ams.cli.authn.gocdb.identifier import BadSubject, auth_identifier
from authn.x509.subject import read_subject
from tests.authn import der
from tests.authn.authority import Authority

#: The contract's inputs; where its column of observed results differs from the server's, this is
#: the server's (8 D1 to D3).
VECTORS = {
    "/DC=org/DC=terena/DC=tcs/C=DE/O=hosts/O=GermanGrid/OU=DESY/CN=host/example.com": (
        "CN=host/example.com,OU=DESY,O=hosts+O=GermanGrid,C=DE,DC=org+DC=terena+DC=tcs"
    ),
    "/C=GR/O=Foo, Inc./CN=x": r"CN=x,O=Foo\, Inc.,C=GR",
    "/C=GR/O=A+B/CN=x": r"CN=x,O=A\+B,C=GR",
    "/C=GR/CN=first/CN=second": "CN=second,C=GR",
    "/C=GR/O=a=b/CN=x": "CN=x,O=a=b,C=GR",
    "/C=GR/O= lead/CN=trail ": r"CN=trail\ ,O=\ lead,C=GR",
    r"/C=GR/O=back\slash/CN=#hash": r"CN=\#hash,O=back\\slash,C=GR",
    (
        "/DC=gr/C=GR/ST=Attica/L=Athens/street=S 1/postalCode=111/O=Org/OU=U1/OU=U2/CN=cn"
        "/emailAddress=a@b.c"
    ): ("E=a@b.c,CN=cn,OU=U1+OU=U2,O=Org,POSTALCODE=111,STREET=S 1,L=Athens,ST=Attica,C=GR,DC=gr"),
    "/O=Ελλάδα/CN=a/b/c.d=e": "CN=a/b/c.d=e,O=Ελλάδα",
}


@pytest.mark.parametrize("subject", VECTORS)
def test_a_subject_becomes_the_identifier_of_the_contract(subject: str) -> None:
    assert auth_identifier(subject) == VECTORS[subject]


@pytest.mark.parametrize(
    ("subject", "pairs"),
    [
        ("/C=GR/CN=first/CN=second", [("C", "GR"), ("CN", "first"), ("CN", "second")]),
        ("/C=GR/O=a=b/CN=x", [("C", "GR"), ("O", "a=b"), ("CN", "x")]),
        ("/C=GR/O= lead/CN=trail ", [("C", "GR"), ("O", " lead"), ("CN", "trail ")]),
        (r"/C=GR/O=a\b/CN=#x", [("C", "GR"), ("O", r"a\b"), ("CN", "#x")]),
    ],
    ids=["several CNs", "equals signs", "blanks", "backslash and hash"],
)
def test_a_certificate_with_the_subject_has_the_same_identifier(
    authority: Authority, subject: str, pairs: list[tuple[str, str]]
) -> None:
    """Contract: authn 8 D1, D2, D3."""
    certificate = authority.issue(der.name(*pairs)).certificate
    assert auth_identifier(subject) == read_subject(certificate).identifier


@pytest.mark.parametrize("name", ["Email", "E", "UID", "S", "serialNumber", "cn", "foo"])
def test_an_unknown_attribute_is_refused(name: str) -> None:
    with pytest.raises(BadSubject, match=f"unknown attribute {name}"):
        auth_identifier(f"/C=GR/{name}=x/CN=y")


@pytest.mark.parametrize("subject", ["", "CN=x,C=GR", " /C=GR/CN=x", "x/C=GR", "/", "/CN", "//"])
def test_text_that_does_not_begin_with_an_attribute_is_refused(subject: str) -> None:
    with pytest.raises(BadSubject, match="does not begin"):
        auth_identifier(subject)


@pytest.mark.parametrize("subject", ["/C=GR/CN=", "/C=GR/O=/CN=x", "/CN=/C=GR"])
def test_an_attribute_without_a_value_is_refused(subject: str) -> None:
    """Else `/C=GR/CN=` would be everybody of whom nothing but the country counts."""
    with pytest.raises(BadSubject, match="no value"):
        auth_identifier(subject)


@pytest.mark.parametrize("subject", ["/DC=a,b/CN=x", "/CN=x/emailAddress=a+b@example.org"])
def test_a_subject_that_no_certificate_may_have_is_refused(subject: str) -> None:
    """Contract: authn 8 B2."""
    with pytest.raises(BadSubject, match="ambiguous"):
        auth_identifier(subject)


@pytest.mark.parametrize("character", ["\n", "\t", "\x9b", "\u2028", "\u200b"])
def test_a_character_that_can_not_be_shown_is_refused(character: str) -> None:
    with pytest.raises(BadSubject, match="can't be shown"):
        auth_identifier(f"/C=GR/CN=x{character}")
