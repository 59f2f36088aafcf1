"""A real AuthN process, and how tests talk to it."""

import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.authn.authority import Authority, Credential, pem
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.node import (
    START_SECONDS,
    TIMEOUT_SECONDS,
    TOKEN_KEY,
    clean_environment,
    toml_value,
)
from tests.processes import ChildProcess, free_port

SERVICE_TOKEN = "service-token-of-authn"


class Authn:
    """AuthN, run as `ams authn` with a settings file of its own; it trusts `authority`.

    await authn.request("GET", "/v1/bindings")
    """

    def __init__(
        self,
        folder: Path,
        certificates: Certificates,
        authority: Authority,
        settings: Mapping[str, object],
    ) -> None:
        """`settings` are those of `[authn]` beyond the usual, or other ones for these."""
        self.folder = folder
        self._certificates = certificates
        authorities = folder / "authorities"
        authorities.mkdir(exist_ok=True)
        (authorities / "test.pem").write_bytes(pem(authority.certificate))
        port = settings.get("port", free_port())
        self.url = f"https://127.0.0.1:{port}"
        self.settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": port,
            "issuer": self.url,
            "certificate": str(certificates.certificate),
            "certificate_key": str(certificates.key),
            "service_token": SERVICE_TOKEN,
            "token_keys": [TOKEN_KEY],
            "database_url": f"sqlite://{folder}/authn.db",
            "certificate_authorities": str(authorities),
            "ca_file": str(certificates.ca),
            **settings,
        }
        self.config = folder / "authn.toml"
        lines = [f"{key} = {toml_value(value)}" for key, value in self.settings.items()]
        # Lists of revoked certificates are on this machine, too.
        outgoing = [
            "[outgoing]",
            'allow_private_addresses = ["127.0.0.0/8"]',
            f"ca_file = {toml_value(str(certificates.ca))}",
        ]
        self.config.write_text("\n".join(["[authn]", *lines, *outgoing, ""]))
        self.process = ChildProcess(
            "authn",
            self.command("serve"),
            folder,
            environment=clean_environment(),
            death_signal="TERM",
        )
        self.client = self.client_with(None)

    def client_with(self, credential: Credential | None) -> httpx.AsyncClient:
        """A client that shows a certificate, or none."""
        return httpx.AsyncClient(
            base_url=self.url,
            timeout=TIMEOUT_SECONDS,
            verify=self.tls_with(credential),
            trust_env=False,
        )

    def tls_with(self, credential: Credential | None) -> ssl.SSLContext:
        """Trusts the service, and shows a certificate, or none."""
        context = ssl.create_default_context(cafile=self._certificates.ca)
        if credential is not None:
            name = f"client-{credential.certificate.serial_number}.pem"
            context.load_cert_chain(credential.write(self.folder, name))
        return context

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = SERVICE_TOKEN,
        **request: Any,  # noqa: ANN401 (handed to httpx: json, content, headers, ...)
    ) -> httpx.Response:
        """Sends a request with a token in the query, or without any."""
        parameters = {**({"key": token} if token is not None else {}), **request.pop("params", {})}
        return await self.client.request(method, path, params=parameters, **request)

    async def map(
        self,
        credential: Credential | None,
        service_type: str = "ams",
        host: str = "127.0.0.1",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Asks for a token, over a connection of its own."""
        async with self.client_with(credential) as client:
            path = f"/v1/service-types/{service_type}/hosts/{host}:authx509"
            return await client.get(path, headers=headers)

    async def map_token(self, token: str, service_type: str, host: str) -> httpx.Response:
        """Asks for a token by an access token."""
        path = f"/v1/service-types/{service_type}/hosts/{host}:authoidc"
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def issue(
        self,
        credential: Credential | str | None,
        service_type: str = "ams",
        host: str = "127.0.0.1",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Asks for a signed token by a certificate, or by an access token."""
        sent = {**(headers or {})}
        if isinstance(credential, str):
            sent["Authorization"] = f"Bearer {credential}"
            credential = None
        async with self.client_with(credential) as client:
            path = f"/v1/service-types/{service_type}/hosts/{host}:issue"
            return await client.post(path, headers=sent)

    def command(self, subcommand: str) -> list[str]:
        """The command line of an `ams authn` subcommand that takes the settings file."""
        return [sys.executable, "-m", "ams", "authn", subcommand, "--config", str(self.config)]

    def migrate(self) -> None:
        """Brings the database to the version of the code.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            self.command("migrate"),
            cwd=self.folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"ams authn migrate failed:\n{done.stdout}{done.stderr}")

    async def start(self) -> Self:
        """Runs it; returns once it says that it is ready.

        Raises:
            RuntimeError: it ended instead.
        """
        self.process.start()
        await eventually(self._is_ready_or_gone, within=START_SECONDS)
        if not self.process.running:
            raise RuntimeError(f"AuthN ended instead of getting ready:\n{self.log()}")
        return self

    def log(self) -> str:
        """All that it has logged."""
        return self.process.log()

    async def close(self) -> None:
        """Ends it, and the connections to it."""
        self.process.kill()
        await self.client.aclose()

    async def _is_ready_or_gone(self) -> bool:
        if not self.process.running:
            return True
        try:
            return (await self.client.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def assert_authn_error(
    answer: httpx.Response, code: int, status: str, message: str | None = None
) -> str:
    """Checks the form of an error (contract: authn 1.4); returns its message."""
    assert answer.status_code == code, answer.text
    assert answer.headers.get_list("content-type") == ["application/json; charset=utf-8"]
    error = answer.json()["error"]
    assert list(error) == ["message", "code", "status"]
    assert (error["code"], error["status"]) == (code, status)
    if message is not None:
        assert error["message"] == message
    return str(error["message"])
