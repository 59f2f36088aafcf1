"""The data folder of `ams up`: where things are, who uses it, and what a first start puts there."""

import base64
import fcntl
import json
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ams.cli.failure import CommandFailed
from ams.cli.private_file import write_private

if TYPE_CHECKING:
    from ams.service.tls import DevelopmentCertificates

#: Ports that a new folder's settings have.
DEFAULT_HTTP_PORT = 8080
DEFAULT_HTTPS_PORT = 8444
DEFAULT_AUTHN_PORT = 8443
DEFAULT_EXPORTER_PORT = 9180
#: A Unix socket's path may have 107 bytes; Redis adds some while it makes the socket.
LONGEST_SOCKET_PATH = 100
#: How long children of an earlier `ams up` that was killed may take to be gone, in seconds.
LEFTOVER_SECONDS = 15.0
#: A log longer than this, in bytes, is put aside at the next start.
LOG_BYTES = 10 << 20
#: Logs that were put aside and are kept.
OLD_LOGS = 3

_FERNET_KEY_BYTES = 32
_SERVICE_TOKEN_BYTES = 32
_POLL_SECONDS = 0.1

_SETTINGS = """\
# Settings of the broker that `ams up` runs on this folder. `ams up` made this file once and leaves
# it alone: change what you like, and start again. `ams settings` shows all there is to set.
#
# `ams up` always uses the Redis and the database of its folder, whatever is said here; the URLs
# are for other commands that are given this file, such as `ams serve --config`.

[server]
http_host = "127.0.0.1"
http_port = {http_port}
# "0.0.0.0" lets other machines in.
https_host = "127.0.0.1"
https_port = {https_port}
certificate = {certificate}
certificate_key = {key}

[redis]
url = {redis}

[database]
url = {database}

[auth]
# A token that may do anything.
service_token = {token}
# What the tokens of users are encrypted with. Without it they are lost.
token_keys = [{token_key}]

[push]
enabled = true
# The token of the user in whose name messages are pushed; `ams up` makes one who has it.
worker_token = {push_token}

[authn]
host = "127.0.0.1"
port = {authn_port}
certificate = {certificate}
certificate_key = {key}
database_url = {authn_database}
# A token that may do anything with AuthN. Without one, `ams up` does not run it.
service_token = {authn_token}
# What the secrets in its database are encrypted with.
token_keys = [{authn_token_key}]
# Whose certificates clients may show: those of the development CA.
certificate_authorities = {client_authorities}
# They name no list of revoked certificates that could be looked into.
verify_certificate = false
# The broker's certificate is of the development CA, too.
ca_file = {ca}

[exporter]
http_port = {exporter_port}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that the command line asks for: 0 for any, None for those of the settings."""

    http: int | None
    https: int | None
    authn: int | None
    exporter: int | None


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where things are in a data folder.

    Attributes:
        path: the folder, absolute.
        redis_socket: where Redis listens.
        children_lock: file descriptor of a lock that children inherit, and so hold as they live.
    """

    path: Path
    redis_socket: Path
    children_lock: int

    @property
    def settings_file(self) -> Path:
        """The broker's settings."""
        return self.path / "ams.toml"

    @property
    def certificates(self) -> Path:
        """Folder of the development CA and its certificates."""
        return self.path / "tls"

    @property
    def client_authorities(self) -> Path:
        """Folder of the authorities whose certificates AuthN believes."""
        return self.certificates / "client-authorities"

    @property
    def authn_database_url(self) -> str:
        """Where AuthN's database is, as the settings say it."""
        return f"sqlite://{quote(str(self.path / 'authn.db'))}"

    @property
    def redis_data(self) -> Path:
        """Folder where Redis keeps the messages."""
        return self.path / "redis"

    @property
    def redis_url(self) -> str:
        """Where Redis is, as the settings say it."""
        return f"unix://{quote(str(self.redis_socket))}?db=0"

    @property
    def database_url(self) -> str:
        """Where the database is, as the settings say it."""
        return f"sqlite://{quote(str(self.path / 'ams.db'))}"

    def log(self, name: str) -> Path:
        """The log of a child."""
        return self.path / "logs" / f"{name}.log"

    def open_log(self, name: str) -> int:
        """Opens the log of a child for appending; puts a long one aside first."""
        file = self.log(name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if file.exists() and file.stat().st_size > LOG_BYTES:
            for number in range(OLD_LOGS, 1, -1):
                with suppress(FileNotFoundError):
                    Path(f"{file}.{number - 1}").replace(f"{file}.{number}")
            file.replace(f"{file}.1")
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def make_settings(self, certificates: "DevelopmentCertificates", ports: Ports) -> None:
        """Writes the settings file with new secrets, unless there is one.

        Args:
            certificates: of the development CA.
            ports: that were asked for.
        """
        if self.settings_file.exists():
            return
        values = {
            "ca": str(certificates.ca),
            "certificate": str(certificates.certificate),
            "key": str(certificates.key),
            "redis": self.redis_url,
            "database": self.database_url,
            "token": secrets.token_hex(_SERVICE_TOKEN_BYTES),
            "token_key": _fernet_key(),
            "push_token": secrets.token_hex(_SERVICE_TOKEN_BYTES),
            "authn_database": self.authn_database_url,
            "authn_token": secrets.token_hex(_SERVICE_TOKEN_BYTES),
            "authn_token_key": _fernet_key(),
            "client_authorities": str(self.client_authorities),
        }
        text = _SETTINGS.format(
            http_port=ports.http or DEFAULT_HTTP_PORT,
            https_port=ports.https or DEFAULT_HTTPS_PORT,
            authn_port=ports.authn or DEFAULT_AUTHN_PORT,
            exporter_port=ports.exporter or DEFAULT_EXPORTER_PORT,
            # A JSON text is a TOML text, too.
            **{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()},
        )
        write_private(self.settings_file, text)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(_FERNET_KEY_BYTES)).decode()


@contextmanager
def open_data_folder(path: Path) -> Iterator[DataFolder]:
    """Takes a data folder for this process; makes it if it is not there.

    Raises:
        CommandFailed: another `ams up` runs on it, or it is something else's folder.
        OSError: it can't be made or used.
    """
    path = path.resolve()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock_file = path / "lock"
    if not lock_file.exists() and any(path.iterdir()):
        raise CommandFailed(f"{path} is not empty, and is no data folder of `ams up`")
    if stat.S_IMODE(path.stat().st_mode) != 0o700:
        path.chmod(0o700)
    with _opened(lock_file) as lock, _opened(path / "children.lock") as children_lock:
        if not _try_lock(lock):
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            raise CommandFailed(f"another `ams up` (process {holder}) runs on {path}")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        _wait_for_leftovers(children_lock, path)
        with _socket_path(path) as redis_socket:
            yield DataFolder(path, redis_socket, children_lock)


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for_leftovers(children_lock: int, path: Path) -> None:
    """Waits for children that outlived an `ams up` which was killed: the kernel is at it."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while not _try_lock(children_lock):
        if time.monotonic() > deadline:
            raise CommandFailed(
                f"processes of an `ams up` that was killed still use {path};"
                " look for redis-server and ams, and end them"
            )
        time.sleep(_POLL_SECONDS)


@contextmanager
def _socket_path(folder: Path) -> Iterator[Path]:
    """Where Redis can listen: in the folder, or elsewhere if that path is too long for a socket."""
    redis_socket = folder / "redis.sock"
    if len(os.fsencode(redis_socket)) <= LONGEST_SOCKET_PATH:
        yield redis_socket
        return
    with tempfile.TemporaryDirectory(prefix="ams-") as short:
        yield Path(short) / redis_socket.name
