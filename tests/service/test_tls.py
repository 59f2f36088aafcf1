"""TLS of the listeners, and the development CA, as real clients see them."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import requests
from cryptography import x509

from ams.service import tls
from ams.service.settings import SettingsError
from ams.service.tls import DevelopmentCertificates, ensure_development_ca, server_context
from tests.processes import free_port
from tests.serving import serving

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.fixture
def files(tmp_path: Path) -> DevelopmentCertificates:
    return ensure_development_ca(tmp_path / "certificates", ["ams.example.org", "192.0.2.7"])


@asynccontextmanager
async def https(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A listener on all loopback addresses that answers everything with 200; gives its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        writer.close()
        await writer.wait_closed()

    async with serving(answer, ["127.0.0.1", "::1"], free_port(), context) as port:
        yield port


def strict(ca: Path) -> ssl.SSLContext:
    """Verifies as Python does from 3.13 on."""
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_development_certificate_is_accepted_by_clients(
    files: DevelopmentCertificates, host: str
) -> None:
    ca = str(files.ca)

    def by_requests(url: str) -> bool:
        return requests.get(url, verify=ca, timeout=5).text == "ok"

    def by_curl(url: str) -> bool:
        command = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--cacert", ca, url]
        return subprocess.run(command, capture_output=True, check=True).stdout == b"ok"

    async with https(server_context(files.certificate, files.key)) as port:
        url = f"https://{host}:{port}/"
        async with httpx.AsyncClient(verify=strict(files.ca), trust_env=False) as client:
            assert (await client.get(url)).text == "ok"
        assert await asyncio.to_thread(by_requests, url)
        assert await asyncio.to_thread(by_curl, url)


async def test_development_certificate_is_refused_without_its_ca(
    files: DevelopmentCertificates,
) -> None:
    async with (
        https(server_context(files.certificate, files.key)) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://localhost:{port}/")


def test_openssl_finds_nothing_wrong_with_the_certificates(files: DevelopmentCertificates) -> None:
    for certificate, purpose in (
        (files.certificate, "sslserver"),
        (files.client_certificate, "sslclient"),
    ):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose]
        subprocess.run(
            [*command, "-CAfile", files.ca, certificate], check=True, capture_output=True
        )


async def test_client_certificate_is_accepted_by_a_listener_that_asks_for_one(
    files: DevelopmentCertificates,
) -> None:
    context = server_context(files.certificate, files.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files.ca)
    with_certificate = strict(files.ca)
    with_certificate.load_cert_chain(files.client_certificate, files.client_key)
    async with (
        https(context) as port,
        httpx.AsyncClient(verify=with_certificate, trust_env=False) as client,
    ):
        assert (await client.get(f"https://localhost:{port}/")).text == "ok"


def test_certificate_names_the_hosts(files: DevelopmentCertificates) -> None:
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "ams.example.org"]
    assert list(map(str, names.get_values_for_type(x509.IPAddress))) == [
        "127.0.0.1",
        "::1",
        "192.0.2.7",
    ]


def test_keys_are_for_their_owner_only(files: DevelopmentCertificates) -> None:
    for key in files.ca.parent.glob("*.key"):
        assert key.stat().st_mode & 0o777 == 0o600
    assert {key.name for key in files.ca.parent.glob("*.key")} == {
        "ca.key",
        "client.key",
        "server.key",
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def again(files: DevelopmentCertificates, *hostnames: str) -> set[str]:
    """Names of the files that another call makes anew."""
    folder = files.ca.parent
    before = contents(folder)
    ensure_development_ca(folder, hostnames)
    after = contents(folder)
    assert before.keys() <= after.keys()
    return {name for name in after if after[name] != before.get(name)}


SERVER = {"server.pem", "server.key"}
CLIENT = {"client.pem", "client.key"}
CA = {"ca.pem", "ca.key"}


def test_what_is_good_is_left_alone(files: DevelopmentCertificates) -> None:
    assert again(files) == set()
    assert again(files, "ams.example.org") == set()


def test_new_host_name_makes_a_new_server_certificate(files: DevelopmentCertificates) -> None:
    assert again(files, "other.example.org") == SERVER


@pytest.mark.parametrize(
    ("damage", "made"),
    [
        (lambda f: f.key.unlink(), SERVER),
        (lambda f: f.client_certificate.write_text("nonsense"), CLIENT),
        (lambda f: f.key.write_bytes(f.client_key.read_bytes()), SERVER),
        (lambda f: f.ca.unlink(), CA | SERVER | CLIENT),
        (lambda f: f.ca.with_suffix(".key").write_text(""), CA | SERVER | CLIENT),
    ],
)
def test_what_is_missing_or_broken_is_made_anew(
    files: DevelopmentCertificates,
    damage: Callable[[DevelopmentCertificates], object],
    made: set[str],
) -> None:
    damage(files)
    assert again(files) >= made
    assert again(files) == set()


def test_certificate_that_runs_out_soon_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(tls, "CERTIFICATE_VALID", timedelta(days=29))
        files = ensure_development_ca(tmp_path)
    assert again(files) == SERVER | CLIENT


def test_host_name_may_be_long_or_a_network_address(tmp_path: Path) -> None:
    ensure_development_ca(tmp_path, [f"{'a' * 60}.{'b' * 60}.example.org", "2001:db8::1"])


@pytest.mark.parametrize(
    ("certificate", "key", "fault"),
    [
        ("missing.pem", "server.key", "server.certificate: .*missing.pem can't be read"),
        ("server.pem", "missing.key", "server.certificate_key: .*missing.key can't be read"),
        ("server.pem", "client.key", "are no certificate and key"),
        ("server.key", "server.key", "are no certificate and key"),
        ("server.pem", "locked.key", "are no certificate and key: the key is encrypted"),
    ],
)
def test_certificate_that_can_not_be_used_is_told(
    files: DevelopmentCertificates, certificate: str, key: str, fault: str
) -> None:
    folder = files.ca.parent
    lock = ["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", "server.key"]
    subprocess.run([*lock, "-out", "locked.key"], cwd=folder, check=True, capture_output=True)
    with pytest.raises(SettingsError, match=fault):
        server_context(folder / certificate, folder / key)


def test_key_never_exists_with_another_mode(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        files = ensure_development_ca(tmp_path / "new")
    finally:
        os.umask(previous)
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert files.ca.parent.stat().st_mode & 0o777 == 0o700
