"""What the configuration database answers: pages, errors, and answers made to do harm."""

import gzip
import os
import subprocess
from contextlib import suppress

import pytest

from ams.cli.authn.gocdb import feed
from ams.cli.failure import Exit
from tests.authn.authority import Authority
from tests.authn.gocdb.conftest import CONTACT, Import
from tests.authn.gocdb.database import Reply, results
from tests.certificates import Certificates
from tests.cli.command import Ams

ENTITIES = (
    '<!DOCTYPE r [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]><results>&a11;</results>"
)


def failure(imported: Import, reply: Reply) -> str:
    """Why a reply can't be used; endpoints of another service type are imported nevertheless."""
    imported.database.replies["bad"] = reply
    (told,) = imported.report(failures=1, service_types=f"bad, {imported.type}")["failures"]
    assert told["what"] == "service type bad"
    reason: str = told["reason"]
    return reason.removeprefix("the configuration database: ")


async def test_a_list_is_read_page_by_page(imported: Import) -> None:
    imported.database.page_size = 2
    for number in range(5):
        imported.add(f"host-{number}")
    assert imported.report()["endpoints"] == 5
    assert imported.database.requests[imported.type] == 3
    assert len(await imported.members()) == 5


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=500), "it answers with HTTP status 500"),
        (Reply(results(), status=403), "it answers with HTTP status 403"),
        (Reply(status=302, location="/elsewhere"), "it answers with HTTP status 302"),
        (Reply(b"<html>oops"), "its answer can't be used: it is no XML: no element found"),
        (Reply(b""), "its answer can't be used: it is no XML: no element found"),
        (Reply(b"\xff" * 9), "its answer can't be used: it is no XML: not well-formed"),
        (Reply(b'<?xml version="1.0" encoding="no"?><a/>'), "its answer can't be used: it is no"),
        (Reply(gzip.compress(results()), packed=True), "its answer can't be used: it is no XML"),
        (Reply(ENTITIES.encode()), "its answer can't be used: it has a document type, which is"),
        (
            Reply(b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'),
            "its answer can't be used: it has a document type, which is refused",
        ),
        (
            Reply(b'<!DOCTYPE r SYSTEM "https://127.0.0.1/r.dtd"><results/>'),
            "its answer can't be used: it has a document type, which is refused",
        ),
        (Reply(b"<a>" * 100_000), "its answer can't be used: more than 32 elements stand in"),
        (
            Reply(results("<SERVICE_ENDPOINT/>" * 20_001)),
            "its answer can't be used: it has more than 20000 elements SERVICE_ENDPOINT",
        ),
        (Reply(results(), endless=True), "a page has more than 16777216 bytes"),
    ],
    ids=lambda value: None if isinstance(value, Reply) else value[-28:],
)
async def test_a_bad_answer_is_told_and_other_service_types_are_imported(
    imported: Import, reply: Reply, reason: str
) -> None:
    imported.add("host")
    assert failure(imported, reply).startswith(reason)
    assert list(await imported.members()) == [imported.user("host")]


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://127.0.0.1:1/", "the list goes on at another host"),
        ("http://127.0.0.1/", "the list goes on at another host"),
        ("//other.example.org/", "the list goes on at another host"),
        ("file:///etc/passwd", "the list goes on at another host"),
        ("https://127.0.0.1:x/", "a URL is none: Invalid port: 'x'"),
    ],
)
def test_a_list_goes_on_at_the_same_host_only(imported: Import, link: str, reason: str) -> None:
    meta = f'<meta><link rel="next" href="{link}"/></meta>'
    assert failure(imported, Reply(results(meta, "<SERVICE_ENDPOINT/>"))) == reason


def test_a_list_that_goes_in_circles_ends(
    imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_PAGES", 5)
    link = '<meta><link rel="next" href="?service_type=bad"/></meta>'
    reply = Reply(results(link, "<SERVICE_ENDPOINT/>"))
    assert failure(imported, reply) == "the list has more than 5 pages or 20000 entries"
    assert imported.database.requests["bad"] == 5


def test_a_list_takes_only_so_long(imported: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LIST_SECONDS", 0.0)
    (told,) = imported.report(failures=1)["failures"]
    reason = "the configuration database: the list takes longer than 0 seconds"
    assert told["reason"] == reason


def test_nobody_else_is_taken_for_the_configuration_database(imported: Import) -> None:
    """Contract: 8 D9: the reference never verifies its certificate."""
    imported.add("host")
    (told,) = imported.report(failures=1, goc_db_ca=None)["failures"]
    assert "certificate verify failed" in told["reason"]
    assert imported.database.requests == {}


def test_the_client_certificate_is_shown(imported: Import, certificates: Certificates) -> None:
    """Contract: 7.5, `cert` and `cert_key`."""
    imported.report(cert=str(certificates.certificate), cert_key=str(certificates.key))
    (subject,) = imported.database.subjects
    assert "localhost" in subject


def test_a_client_certificate_that_can_not_be_used_is_told(
    imported: Import, authority: Authority, certificates: Certificates
) -> None:
    other = authority.issue().write(imported.folder)
    for changes in (
        {"cert": str(certificates.certificate), "cert_key": str(other)},
        {"cert": "/nowhere", "cert_key": "/nowhere"},
        {"goc_db_ca": str(certificates.key)},
    ):
        status, reason = imported.refusal(**changes)
        assert status == Exit.USAGE
        assert reason.startswith("goc_db_ca, cert or cert_key can't be used")


def test_the_database_is_not_shown(imported: Import) -> None:
    """Contract: 8 D9: the reference logs all of its XML, contacts of people included."""
    imported.add("host")
    imported.report()
    imported.add("host-2", None)
    result = imported.run()
    assert result.status == 0
    assert CONTACT not in result.output + result.errors
    assert "<" not in result.output + result.errors


def test_a_bar_is_shown_on_a_terminal_only(imported: Import) -> None:
    imported.add("host")
    terminal, end = os.openpty()
    command = Ams.command("authn", "import-gocdb", "-c", imported.write())
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=end, timeout=30, check=False
    )
    os.close(end)
    shown = ""
    with suppress(OSError):  # Which is how a terminal says that there is no more.
        while part := os.read(terminal, 65536).decode():
            shown += part
    os.close(terminal)
    assert done.returncode == 0
    assert imported.type in shown
    assert "1/1" in shown
    assert b"\x1b" not in done.stdout
    assert imported.run().errors == "No changes.\n"
