"""A real OpenID Connect provider: the npm package `oidc-provider`, with a few lines around it."""

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

import httpx

from tests.certificates import Certificates
from tests.eventually import eventually
from tests.node import START_SECONDS
from tests.processes import ChildProcess, free_port
from tests.servers import MissingPart

_SOURCES: Final = Path(__file__).with_name("oidc_provider")
#: How long npm may take to fetch the packages, in seconds.
_INSTALL_SECONDS: Final = 180.0


class OidcProvider:
    """Gives access tokens to clients, whoever they are; `algorithm` is how it signs them.

    token = await provider.access_token("somebody", "https://authn.example.org")
    """

    def __init__(
        self, folder: Path, certificates: Certificates, algorithm: str, clients: list[str]
    ) -> None:
        """`folder` is for its log; raises `MissingPart` if it can't be run here."""
        packages = _installed()
        port = free_port()
        self.issuer = f"https://127.0.0.1:{port}"
        self.client = httpx.AsyncClient(
            base_url=self.issuer,
            verify=ssl.create_default_context(cafile=certificates.ca),
            trust_env=False,
        )
        environment = {
            **os.environ,
            "ALGORITHM": algorithm,
            "CERTIFICATE": str(certificates.certificate),
            "CLIENTS": ",".join(clients),
            "KEY": str(certificates.key),
            "PORT": str(port),
        }
        command = [_program("node"), str(packages / "provider.mjs")]
        self.process = ChildProcess("oidc-provider", command, folder, environment=environment)

    async def start(self) -> Self:
        """Runs it; each time with another key.

        Raises:
            RuntimeError: it ended instead.
        """
        self.process.start()
        await eventually(self._is_ready_or_gone, within=START_SECONDS)
        if not self.process.running:
            raise RuntimeError(f"the provider ended instead of starting:\n{self.process.log()}")
        return self

    async def access_token(self, client: str, resource: str) -> str:
        """A token that is about a client, for a resource."""
        answer = await self.client.post(
            "/token",
            auth=(client, f"secret-of-{client}"),
            data={"grant_type": "client_credentials", "resource": resource},
        )
        assert answer.is_success, answer.text
        token: str = answer.json()["access_token"]
        return token

    async def close(self) -> None:
        self.process.kill()
        await self.client.aclose()

    async def _is_ready_or_gone(self) -> bool:
        if not self.process.running:
            return True
        try:
            return (await self.client.get("/.well-known/openid-configuration")).is_success
        except httpx.TransportError:
            return False


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise MissingPart(f"{name} is not installed (Debian: apt-get install nodejs npm)")
    return found


def _installed() -> Path:
    """A folder with the provider and its packages, which stays with the virtual environment."""
    npm = _program("npm")
    lock = hashlib.sha256((_SOURCES / "package-lock.json").read_bytes()).hexdigest()
    place = Path(sys.prefix) / "oidc-provider" / lock
    place.parent.mkdir(exist_ok=True)
    with (place.parent / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # Other processes of this run want it, too.
        if not place.exists():
            _install(npm, place)
        shutil.copy(_SOURCES / "provider.mjs", place)
    return place


def _install(npm: str, place: Path) -> None:
    making = Path(tempfile.mkdtemp(dir=place.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_SOURCES / name, making)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=making,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(making)
        raise MissingPart(f"npm can't fetch the provider: {done.stdout}{done.stderr}")
    making.rename(place)
