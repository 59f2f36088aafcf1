"""A real MariaDB server in a temporary folder and on a free port."""

import os
import shutil
import subprocess
from typing import Self

from tests.processes import ChildProcess
from tests.servers import START_SECONDS, MissingPart, Server


class MariaDB(Server):
    """A MariaDB that keeps what it has committed when it crashes (not when the machine does)."""

    USER = "ams"
    PASSWORD = "secret"
    PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")

    def __init__(self) -> None:
        # mariadbd stands in /usr/sbin, which is not on everybody's PATH.
        path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
        programs = {name: shutil.which(name, path=path) for name in self.PROGRAMS}
        missing = [name for name, found in programs.items() if not found]
        if missing:
            raise MissingPart(
                f"{', '.join(missing)} not found; install mariadb-server-core, mariadb-client-core"
            )
        self._programs = {name: str(found) for name, found in programs.items()}
        super().__init__("mariadb")
        self._databases = 0
        self.socket = self.folder / "mariadb.sock"
        self.process = ChildProcess(
            self.name,
            [
                self._programs["mariadbd"],
                *self._shared_options,
                f"--port={self.port}",
                f"--socket={self.socket}",
                f"--pid-file={self.folder / 'mariadb.pid'}",
                f"--init-file={self.folder / 'users.sql'}",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--performance-schema=OFF",
                "--max-connections=500",
            ],
            self.folder,
        )

    @property
    def _shared_options(self) -> list[str]:
        options = [
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            # A commit reaches the kernel, not the disk.
            "--innodb-flush-log-at-trx-commit=2",
        ]
        # It refuses to run as root unless told so.
        return [*options, "--user=root"] if os.geteuid() == 0 else options

    def start(self) -> Self:
        """Makes the data folder if this is the first start, and runs the server."""
        if not (self.folder / "data").exists():
            self._install()
        return super().start()

    def create_database(self, name: str | None = None) -> str:
        """Makes an empty database; returns its URL."""
        if name is None:
            self._databases += 1
            name = f"ams_{self._databases}"
        self.execute(f"CREATE DATABASE `{name}`")
        return f"mysql://{self.USER}:{self.PASSWORD}@127.0.0.1:{self.port}/{name}"

    def execute(self, sql: str) -> str:
        """Runs SQL as root; returns the rows as lines of columns separated by tabs.

        Raises:
            subprocess.CalledProcessError: the server refuses it, or is away.
        """
        return subprocess.run(
            [
                self._programs["mariadb"],
                "--no-defaults",
                f"--socket={self.socket}",
                "--user=root",
                "--batch",
                "--skip-column-names",
                f"--execute={sql}",
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        ).stdout

    def answers(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except subprocess.CalledProcessError:
            return False

    def _install(self) -> None:
        (self.folder / "users.sql").write_text(
            f"CREATE USER IF NOT EXISTS '{self.USER}'@'127.0.0.1'"
            f" IDENTIFIED BY '{self.PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{self.USER}'@'127.0.0.1';\n"
        )
        subprocess.run(
            [
                self._programs["mariadb-install-db"],
                *self._shared_options,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
        )
