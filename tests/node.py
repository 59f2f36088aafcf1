"""A real broker process, and how tests talk to it."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.fernet import Fernet

from tests.certificates import Certificates
from tests.documented import assert_documented
from tests.eventually import eventually
from tests.processes import ChildProcess, free_port

#: How long a broker may take to be ready, or to migrate its database, in seconds.
START_SECONDS = 30.0
#: The longest wait for an answer, in seconds; longer than a pull waits for messages.
TIMEOUT_SECONDS = 20.0
#: Encrypts the tokens of all nodes of a run, so that nodes may share a database.
TOKEN_KEY = Fernet.generate_key().decode()
SERVICE_TOKEN = "service-token-of-the-tests"

#: Sections of settings, as in the settings file.
Sections = Mapping[str, Mapping[str, object]]


class Node:
    """A broker, run as `ams serve` with a settings file of its own.

    await node.request("GET", "/v1/projects")
    """

    def __init__(self, folder: Path, certificates: Certificates, sections: Sections) -> None:
        """`sections` are settings beyond listeners and tokens, or other ones for these."""
        self.folder = folder
        self.service_token = SERVICE_TOKEN
        self._certificates = certificates
        defaults: Sections = {
            "server": {
                "http_port": free_port(),
                "https_host": "127.0.0.1",
                "https_port": free_port(),
                "certificate": str(certificates.certificate),
                "certificate_key": str(certificates.key),
            },
            "auth": {"service_token": SERVICE_TOKEN, "token_keys": [TOKEN_KEY]},
        }
        self.settings = {
            name: {**defaults.get(name, {}), **sections.get(name, {})}
            for name in [*defaults, *(name for name in sections if name not in defaults)]
        }
        self.http = f"http://127.0.0.1:{self.settings['server']['http_port']}"
        self.https = f"https://127.0.0.1:{self.settings['server']['https_port']}"
        self.config = folder / "ams.toml"
        self.config.write_text(_toml(self.settings))
        # A node that outlives the run ends in good order, its worker processes included.
        self.process = ChildProcess(
            "node",
            self.command("serve"),
            folder,
            environment=clean_environment(),
            death_signal="TERM",
        )

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Trusts the certificate of the node."""
        return ssl.create_default_context(cafile=self._certificates.ca)

    @cached_property
    def client(self) -> httpx.AsyncClient:
        """Keeps connections to the plain listener."""
        return httpx.AsyncClient(
            base_url=self.http, timeout=TIMEOUT_SECONDS, verify=self.tls, trust_env=False
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = SERVICE_TOKEN,
        headers: Mapping[str, str] | None = None,
        **request: Any,  # noqa: ANN401 (handed to httpx: json, content, params, ...)
    ) -> httpx.Response:
        """Sends a request with a token in `x-api-key`, or without any."""
        sent = {**({"x-api-key": token} if token is not None else {}), **(headers or {})}
        answer = await self.client.request(method, path, headers=sent, **request)
        assert_documented(answer)
        return answer

    def command(self, subcommand: str) -> list[str]:
        """The command line of an `ams` subcommand that takes the settings file."""
        return [sys.executable, "-m", "ams", subcommand, "--config", str(self.config)]

    def migrate(self) -> None:
        """Brings the database to the version of the code.

        Raises:
            RuntimeError: `ams migrate` failed.
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
            raise RuntimeError(f"ams migrate failed:\n{done.stdout}{done.stderr}")

    async def start(self) -> Self:
        """Runs the broker; returns once it says that it is ready.

        Raises:
            RuntimeError: it ended instead.
        """
        self.process.start()
        await eventually(self._is_ready_or_gone, within=START_SECONDS)
        if not self.process.running:
            raise RuntimeError(f"the node ended instead of getting ready:\n{self.log()}")
        return self

    def kill(self) -> None:
        """Ends the broker and its workers by SIGKILL: a crash."""
        self.process.kill()

    def terminate(self) -> int:
        """Asks the broker to stop, waits for it, and returns its exit code."""
        return self.process.terminate()

    async def restart(self) -> None:
        """Starts the broker again, after a crash if it still runs."""
        self.kill()
        await self.start()

    def log(self) -> str:
        """All that the broker has logged."""
        return self.process.log()

    async def close(self) -> None:
        """Ends the broker and the connections to it."""
        self.kill()
        if "client" in self.__dict__:
            await self.client.aclose()

    async def _is_ready_or_gone(self) -> bool:
        if not self.process.running:
            return True
        try:
            return (await self.client.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def clean_environment() -> dict[str, str]:
    """Without settings of AMS: what counts is the file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AMS_")}


def _toml(sections: Sections) -> str:
    lines: list[str] = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """JSON's scalars and lists are also TOML's; its objects are not."""
    if isinstance(value, Mapping):
        items = (f"{json.dumps(key)} = {json.dumps(item)}" for key, item in value.items())
        return f"{{ {', '.join(items)} }}"
    return json.dumps(value)
