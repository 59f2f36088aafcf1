"""TLS with and without certificates, and clients that only cost (contract: authn 1.1, 4.1)."""

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from tests.authn import der
from tests.authn.authority import DAY, SERVER, Authority, Credential, self_signed
from tests.authn.conftest import StartAuthn
from tests.authn.node import Authn, assert_authn_error
from tests.certificates import Certificates
from tests.eventually import eventually

#: How long clients may take, in seconds, of the service that is impatient.
IMPATIENT_SECONDS = 1.0
#: Connections that it keeps.
MOST_CONNECTIONS = 20


@pytest_asyncio.fixture(scope="module")
async def impatient(
    certificates: Certificates, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Authn]:
    """An AuthN that gives its clients little time and few connections."""
    settings: dict[str, object] = {
        "header_seconds": IMPATIENT_SECONDS,
        "max_connections": MOST_CONNECTIONS,
    }
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


def port(authn: Authn) -> int:
    return int(authn.url.rpartition(":")[2])


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the service closes the connection."""
    async with asyncio.timeout(IMPATIENT_SECONDS * 20):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


class TestCertificates:
    """Contract: 4.1."""

    async def refused(self, authn: Authn, credential: Credential) -> None:
        """The handshake fails: there is no HTTP answer."""
        with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
            await authn.map(credential)

    async def test_without_one_the_rest_can_be_used(self, authn: Authn) -> None:
        assert (await authn.client.get("/v1/health")).is_success

    async def test_an_old_version_of_tls_is_refused(
        self, authn: Authn, certificates: Certificates
    ) -> None:
        context = ssl.create_default_context(cafile=certificates.ca)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", port(authn), ssl=context)

    async def test_plain_http_is_refused(self, authn: Authn) -> None:
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(f"http://127.0.0.1:{port(authn)}/v1/health")

    @pytest.mark.parametrize("valid", [(-2 * DAY, -DAY), (DAY, 2 * DAY)])
    async def test_one_that_is_not_valid_now_ends_the_handshake(
        self, authn: Authn, authority: Authority, valid: tuple[timedelta, timedelta]
    ) -> None:
        await self.refused(authn, authority.issue(valid=valid))

    async def test_one_for_servers_ends_the_handshake(
        self, authn: Authn, authority: Authority
    ) -> None:
        await self.refused(authn, authority.issue(usages=[SERVER]))

    async def test_one_of_an_unknown_authority_ends_the_handshake(self, authn: Authn) -> None:
        await self.refused(authn, Authority.root("Trusted CA").issue())
        await self.refused(authn, self_signed(der.name(("CN", "x"))))

    async def test_one_without_usages_is_let_in(self, authn: Authn, authority: Authority) -> None:
        answer = await authn.map(authority.issue(usages=None), "none")
        assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")

    async def test_one_that_names_no_list_of_revoked_ones_is_403(
        self, impatient: Authn, authority: Authority
    ) -> None:
        """Contract: 4.4; before anything is looked for."""
        answer = await impatient.map(authority.issue(), "none")
        message = "Your certificate is invalid. No CRLDistributionPoints found on the certificate"
        assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", message)
        await eventually(lambda: "No CRLDistributionPoints" in impatient.log())


class TestSilentClients:
    async def test_who_says_nothing_after_the_handshake_is_cut_off(self, impatient: Authn) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port(impatient), ssl=impatient.tls_with(None)
        )
        assert await ended(reader) == b""
        writer.close()

    async def test_who_does_no_handshake_is_cut_off(self, impatient: Authn) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port(impatient))
        assert await ended(reader) == b""
        writer.close()

    async def test_who_sends_headers_drop_by_drop_is_cut_off(self, impatient: Authn) -> None:
        """The limit is for all headers together, not for the pauses between their bytes."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port(impatient), ssl=impatient.tls_with(None)
        )
        answer = asyncio.create_task(reader.readline())
        writer.write(b"GET /v1/health HTTP/1.1\r\nX-Slow: ")
        while not answer.done():
            writer.write(b"x")
            await asyncio.wait({answer}, timeout=IMPATIENT_SECONDS / 10)
        assert answer.result().startswith(b"HTTP/1.1 408 ")
        writer.close()

    async def test_fifty_who_say_nothing_keep_nobody_out(self, authn: Authn) -> None:
        async with AsyncExitStack() as silent:
            for number in range(50):
                context = authn.tls_with(None) if number % 2 else None
                _, writer = await asyncio.open_connection("127.0.0.1", port(authn), ssl=context)
                silent.callback(writer.close)
            async with asyncio.timeout(5):
                assert (await authn.map(None)).status_code == 400

    async def test_beyond_the_bound_those_who_wait_make_room(self, impatient: Authn) -> None:
        async with AsyncExitStack() as silent:
            readers = []
            for _ in range(2 * MOST_CONNECTIONS):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port(impatient), ssl=impatient.tls_with(None)
                )
                readers.append(reader)
                silent.callback(writer.close)
            assert (await impatient.map(None)).status_code == 400
            for reader in readers:
                assert await ended(reader) == b""
        assert "uncaught" not in impatient.log()
        assert '"level":"error"' not in impatient.log()

    @pytest.mark.parametrize("most", [MOST_CONNECTIONS, 5000])
    async def test_a_thousand_who_do_no_handshake_keep_nobody_out(
        self, start_authn: StartAuthn, most: int
    ) -> None:
        """They count from when they connect, and the oldest make room long before their time.

        So they do where the system allows fewer connections than the settings.
        """
        authn = await start_authn(header_seconds=60, max_connections=most)
        files = 6 * MOST_CONNECTIONS
        resource.prlimit(authn.process.pid, resource.RLIMIT_NOFILE, (files, files))
        async with AsyncExitStack() as silent:
            readers = []
            for _ in range(1000):
                reader, writer = await asyncio.open_connection("127.0.0.1", port(authn))
                readers.append(reader)
                silent.callback(writer.close)
            assert (await authn.map(None)).status_code == 400
            for reader in readers[:-files]:
                assert await ended(reader) == b""
        assert "uncaught" not in authn.log()
        assert '"level":"error"' not in authn.log()


class TestAnyCertificate:
    """Contract: 4.1, `trust_unknown_cas`."""

    async def test_every_handshake_passes_and_the_answer_says_what_is_wrong(
        self, start_authn: StartAuthn, authority: Authority
    ) -> None:
        authn = await start_authn(trust_unknown_cas=True)
        assert (await authn.map(None)).status_code == 400
        answer = await authn.map(self_signed(der.name(("CN", "x"))))
        message = assert_authn_error(answer, 403, "ACCESS_FORBIDDEN")
        assert message.startswith("Your certificate is invalid. ")
        answer = await authn.map(authority.issue(valid=(-2 * DAY, -DAY)))
        assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", "Your certificate has expired")
        assert "trust_unknown_cas is on" in authn.log()

    async def test_without_verification_everybody_is_believed(
        self, start_authn: StartAuthn
    ) -> None:
        authn = await start_authn(trust_unknown_cas=True, verify_certificate=False)
        answer = await authn.map(self_signed(der.name(("CN", "x"))), "none")
        assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")
