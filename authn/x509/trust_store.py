"""The authorities whose certificates count: a folder of PEM files (contract: authn 4.1)."""

import re
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from ams.service.logs import get_logger
from authn.x509 import fields
from authn.x509.chain import Anchors, build_chain

#: How often the folder is looked at, at most, in seconds.
LOOK_SECONDS: Final = 2.0
#: Longest file that is read, in bytes.
MOST_FILE_BYTES: Final = 4_194_304
#: `name.pem`, or the hash of a name as OpenSSL and the grid's distribution of CAs call their files.
_FILE_NAME: Final = re.compile(r".*\.pem|[0-9a-f]{8}\.[0-9]+")

log = get_logger()

#: Tells one state of a file from another: inode, length, time of the last change in nanoseconds.
_State = tuple[int, int, int]


class TrustStore:
    """What is in the folder now, give or take `LOOK_SECONDS`.

    A file that can't be used is skipped, with a warning that names it; if it could be used before,
    its former certificates stay until it can be used again or is gone. So a file that is being
    written takes nothing away, and neither does a folder that can't be read for a while.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the folder.

        Args:
            folder: `*.pem` in it and files named by hash are read, what is below it is not.
            clock: seconds of a clock that never goes back.
        """
        self._folder = folder
        self._clock = clock
        self._looked: float | None = None
        self._states: dict[str, _State] = {}
        self._files: dict[str, tuple[x509.Certificate, ...]] = {}
        self._folder_failure = ""
        self._version = 0
        self._anchors = Anchors(())
        self.refresh()

    @property
    def version(self) -> int:
        """Another number whenever the certificates are others."""
        return self._version

    @property
    def certificates(self) -> Sequence[x509.Certificate]:
        """All certificates, each once."""
        return self._anchors.certificates

    def refresh(self) -> None:
        """Looks whether the folder has changed, unless that was just done; reads what is new."""
        now = self._clock()
        if self._looked is not None and now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            states = _states(self._folder)
        except OSError as error:
            if self._folder_failure != str(error):
                log.warning("the folder of trusted CAs can't be read", reason=str(error))
            self._folder_failure = str(error)
            return
        self._folder_failure = ""
        if states != self._states:
            self._read(states)

    def chain(
        self,
        certificate: x509.Certificate,
        sent: Sequence[x509.Certificate] = (),
        *,
        now: datetime | None = None,
    ) -> list[x509.Certificate]:
        """The certificates from this one up to a trusted one, both included.

        Args:
            certificate: a client's.
            sent: what the client sent along; nothing in it is trusted.
            now: when it must be valid.

        Raises:
            Untrusted: there is no such chain.
        """
        self.refresh()
        return build_chain(certificate, sent, self._anchors, now or datetime.now(UTC))

    def _read(self, states: Mapping[str, _State]) -> None:
        self._files = {
            name: self._files[name]
            if self._states.get(name) == state and name in self._files
            else self._load(name)
            for name, state in sorted(states.items())
        }
        self._states = dict(states)
        anchors = Anchors(each for certificates in self._files.values() for each in certificates)
        if anchors != self._anchors:
            self._anchors = anchors
            self._version += 1
            log.info("trusted CAs read", folder=str(self._folder), count=len(anchors.certificates))

    def _load(self, name: str) -> tuple[x509.Certificate, ...]:
        file = self._folder / name
        try:
            return _certificates(file)
        except (OSError, *fields.UNREADABLE) as error:
            log.warning("a file of trusted CAs is skipped", file=str(file), reason=str(error))
            return self._files.get(name, ())


def _states(folder: Path) -> dict[str, _State]:
    found = {}
    for file in folder.iterdir():
        if not _FILE_NAME.fullmatch(file.name):
            continue
        try:
            status = file.stat()
        except OSError:
            # A link that leads nowhere, say, or a file that went away just now.
            continue
        if stat.S_ISREG(status.st_mode):
            found[file.name] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def _certificates(file: Path) -> tuple[x509.Certificate, ...]:
    with file.open("rb") as stream:
        content = stream.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise ValueError(f"longer than {MOST_FILE_BYTES} bytes")
    return tuple(x509.load_pem_x509_certificates(content))
