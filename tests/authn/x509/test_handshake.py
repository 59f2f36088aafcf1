"""TLS that asks for a client's certificate (contract: authn 4.1)."""

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from authn.x509.handshake import client_certificates, listener_context
from authn.x509.refusals import Untrusted
from authn.x509.trust_store import TrustStore
from tests.authn import der
from tests.authn.authority import SERVER, Authority, Credential, pem
from tests.authn.x509.handshakes import HandshakeRefused, client_context, shown

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def context(server_file: Path, store: TrustStore) -> ssl.SSLContext:
    return listener_context(server_file, server_file, store)


def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authn.x509.trust_store.LOOK_SECONDS", 0.0)


async def test_client_without_a_certificate_is_let_in(context: ssl.SSLContext) -> None:
    assert await shown(context, client_context()) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("server_name", [None, "localhost"])
async def test_certificate_and_what_was_sent_along_are_seen(
    context: ssl.SSLContext,
    root: Authority,
    tmp_path: Path,
    version: ssl.TLSVersion,
    server_name: str | None,
) -> None:
    credential = root.intermediate("Upper").intermediate("Lower").issue()
    client = client_context(credential.write(tmp_path))
    client.minimum_version = client.maximum_version = version
    seen = await shown(context, client, server_name=server_name)
    assert seen == [credential.certificate, *credential.intermediates]


def test_certificate_that_only_openssl_can_read_is_refused(
    context: ssl.SSLContext, root: Authority, tmp_path: Path
) -> None:
    """In DER there is no star in a PrintableString."""
    client = root.issue(der.name(der.attribute("O", "a-b", der.PRINTABLE_STRING)))
    file = client.write(tmp_path)
    encoded = root.reissue(client.certificate, b"a-b", b"a*b")
    own_pem = pem(client.certificate).decode()
    file.write_text(file.read_text().replace(own_pem, ssl.DER_cert_to_PEM_cert(encoded)))
    _, server = connected(context, client_context(file))
    with pytest.raises(Untrusted, match="It can't be read"):
        client_certificates(server)


def test_what_was_sent_along_and_cannot_be_read_is_left_out(
    context: ssl.SSLContext, root: Authority, tmp_path: Path
) -> None:
    client = root.issue()
    file = client.write(tmp_path)
    other = root.issue(der.name(der.attribute("O", "a-b", der.PRINTABLE_STRING))).certificate
    with file.open("a") as stream:
        stream.write(ssl.DER_cert_to_PEM_cert(root.reissue(other, b"a-b", b"a*b")))
    _, server = connected(context, client_context(file))
    assert client_certificates(server) == [client.certificate]


async def test_tls_1_1_is_refused(context: ssl.SSLContext) -> None:
    client = client_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(HandshakeRefused):
        await shown(context, client)


async def test_certificate_of_an_unknown_authority_ends_the_handshake(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    client = client_context(Authority.root("Unknown").issue().write(tmp_path))
    with pytest.raises(HandshakeRefused):
        await shown(context, client)


async def test_certificate_without_its_key_is_of_no_use(
    context: ssl.SSLContext, root: Authority, tmp_path: Path
) -> None:
    victim, thief = root.issue(), root.issue()
    with pytest.raises(ssl.SSLError):
        client_context(Credential(victim.certificate, thief.key).write(tmp_path))


async def test_change_of_the_folder_holds_for_the_next_connection(
    context: ssl.SSLContext,
    folder: Path,
    root: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks_always(monkeypatch)
    other = Authority.root("Other CA")
    old = client_context(root.issue().write(tmp_path, "old.pem"))
    new = client_context(other.issue().write(tmp_path, "new.pem"))
    with pytest.raises(HandshakeRefused):
        await shown(context, new)
    (folder / "other.pem").write_bytes(pem(other.certificate))
    assert await shown(context, new)
    assert await shown(context, old)
    (folder / "root.pem").unlink()
    with pytest.raises(HandshakeRefused):
        await shown(context, old)
    assert await shown(context, new)


async def test_change_waits_while_the_server_has_no_certificate(
    folder: Path,
    store: TrustStore,
    root: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks_always(monkeypatch)
    server = root.issue(usages=[SERVER])
    own = server.write(tmp_path, "server.pem")
    context = listener_context(own, own, store)
    other = Authority.root("Other CA")
    (folder / "other.pem").write_bytes(pem(other.certificate))
    client = client_context(other.issue().write(tmp_path))
    own.write_bytes(b"half")
    assert await shown(context, client_context(root.issue().write(tmp_path, "old.pem")))
    with pytest.raises(HandshakeRefused):
        await shown(context, client)
    server.write(tmp_path, "server.pem")
    assert await shown(context, client)


@pytest.mark.parametrize("version", VERSIONS)
async def test_no_connection_is_resumed_without_what_was_sent_along(
    context: ssl.SSLContext, root: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """A ticket brings back the certificate, but not the intermediates above it."""
    credential = root.intermediate().issue()
    client = client_context(credential.write(tmp_path))
    client.minimum_version = client.maximum_version = version
    first, _ = connected(context, client)
    again, server = connected(context, client, first.session)
    assert len(client_certificates(server)) == 2
    assert not again.session_reused or version == ssl.TLSVersion.TLSv1_2


def connected(
    server_context: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection, after a first byte from the server."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    near = client.wrap_bio(to_client, to_server, session=session)
    for step in (near.do_handshake, server.do_handshake) * 3:
        with suppress(ssl.SSLWantReadError):
            step()
    server.write(b"x")
    assert near.read(1) == b"x"
    return near, server
