"""A proxy that ends TLS tells the certificate in a header; only from its network it counts."""

import base64
import socket
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authn import der
from tests.authn.authority import DAY, SERVER, Authority, Credential
from tests.authn.conftest import StartAuthn
from tests.authn.node import Authn, assert_authn_error
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.node import TIMEOUT_SECONDS

HEADER = "X-Client-Certificate"


@pytest_asyncio.fixture(scope="module")
async def behind(
    certificates: Certificates,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Authn]:
    """AuthN behind a proxy that is 127.0.0.1."""
    settings: dict[str, object] = {
        "verify_certificate": False,
        "certificate_header": HEADER,
        "certificate_proxies": ["127.0.0.1/32"],
    }
    authn = Authn(tmp_path_factory.mktemp("authn"), certificates, authority, settings)
    try:
        authn.migrate()
        yield await authn.start()
    finally:
        await authn.close()


def encoded(credential: Credential) -> str:
    """As nginx writes it."""
    return quote(credential.certificate.public_bytes(Encoding.PEM).decode())


async def ask(
    authn: Authn,
    *values: str,
    address: str = "127.0.0.1",
    own: Credential | None = None,
    forwarded: str = "",
) -> httpx.Response:
    """A request with the header, from an address of this machine."""
    transport = httpx.AsyncHTTPTransport(verify=authn.tls_with(own), local_address=address)
    async with httpx.AsyncClient(
        base_url=authn.url, transport=transport, timeout=TIMEOUT_SECONDS
    ) as client:
        path = "/v1/service-types/none/hosts/h:authx509"
        headers = [(HEADER, value) for value in values]
        if forwarded:
            headers.append(("X-Forwarded-For", forwarded))
        return await client.get(path, headers=headers)


def assert_taken(answer: httpx.Response) -> None:
    """The certificate was good, and what is looked for next is not there."""
    assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")


async def test_the_header_counts_as_nginx_and_haproxy_write_it(
    behind: Authn, authority: Authority
) -> None:
    credential = authority.issue()
    assert_taken(await ask(behind, encoded(credential)))
    binary = credential.certificate.public_bytes(Encoding.DER)
    assert_taken(await ask(behind, base64.b64encode(binary).decode()))


async def test_its_certificate_must_be_of_a_trusted_authority(
    behind: Authn, authority: Authority
) -> None:
    for credential in (Authority.root().issue(), authority.issue(usages=[SERVER])):
        answer = await ask(behind, encoded(credential))
        message = assert_authn_error(answer, 403, "ACCESS_FORBIDDEN")
        assert message.startswith("Your certificate is invalid. ")
    answer = await ask(behind, encoded(authority.issue(valid=(-2 * DAY, -DAY))))
    assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", "Your certificate has expired")


@pytest.mark.parametrize("value", ["x", "-----BEGIN%20CERTIFICATE-----", "%00", "AAAA"])
async def test_what_is_no_certificate_is_403(behind: Authn, value: str) -> None:
    answer = await ask(behind, value)
    message = "Your certificate is invalid. It can't be read"
    assert_authn_error(answer, 403, "ACCESS_FORBIDDEN", message)


async def test_without_it_or_with_two_there_is_no_certificate(
    behind: Authn, authority: Authority
) -> None:
    """A client whose header the proxy has not taken away must gain nothing by it."""
    value = encoded(authority.issue())
    for values in ((), ("",), (value, value)):
        answer = await ask(behind, *values)
        assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")


async def test_the_proxys_own_certificate_is_nobodys(behind: Authn, authority: Authority) -> None:
    answer = await ask(behind, own=authority.issue())
    assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")


async def test_anybody_elses_header_is_ignored_and_logged(
    behind: Authn, authority: Authority
) -> None:
    credential = authority.issue(der.name(("CN", "not-for-the-log")))
    value = encoded(credential)
    answer = await ask(behind, value, address="127.0.0.2")
    assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")
    assert_taken(await ask(behind, "x", address="127.0.0.2", own=credential))
    ignored = "certificate header from no trusted proxy is ignored"
    await eventually(lambda: behind.log().count(ignored) == 2)
    assert '"address":"127.0.0.2"' in behind.log()
    assert value[40:80] not in behind.log()


async def test_it_is_off_unless_it_is_set(authn: Authn, authority: Authority) -> None:
    """Contract: 4.5."""
    answer = await ask(authn, encoded(authority.issue()))
    assert_authn_error(answer, 400, "BAD REQUEST", "No certificate provided")


async def test_a_proxy_is_known_by_its_address_to_a_listener_of_ipv6_too(
    start_authn: StartAuthn, authority: Authority
) -> None:
    """There it looks like ::ffff:127.0.0.1."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    authn = await start_authn(
        host="::",
        verify_certificate=False,
        certificate_header=HEADER,
        certificate_proxies=["127.0.0.1/32"],
    )
    assert_taken(await ask(authn, encoded(authority.issue())))


async def test_the_host_is_the_last_one_that_the_proxy_tells(
    start_authn: StartAuthn, authority: Authority
) -> None:
    """What stands before it may be the client's own word. The address shows in the answer."""
    authn = await start_authn(
        client_cert_host_verification=True,
        certificate_header=HEADER,
        certificate_proxies=["127.0.0.1/32"],
    )
    shown = encoded(authority.issue())
    answer = await ask(authn, shown, forwarded="127.0.0.1, 198.51.100.7, 192.0.2.7")
    message = assert_authn_error(answer, 400, "BAD REQUEST")
    assert message.startswith("lookup 7.2.0.192.in-addr.arpa.: ")
    answer = await ask(authn, shown, forwarded="127.0.0.1, nonsense")
    assert_authn_error(answer, 403, "ACCESS_FORBIDDEN")
