"""The SQL database of a process: one address, bounded waits, and errors that callers can act on.

What goes wrong in the database becomes one of `Unavailable` (lost, hanging, locked for too long),
`InvalidArgument` (a value does not fit), `Duplicate` or `MissingParent`; nothing of the ORM or a
driver gets out. Nothing has to be restarted when the database is back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext, _current_context
from tortoise.exceptions import BaseORMException, ValidationError

from ams.service import mysql, sqlite
from ams.service.errors import InvalidArgument, ServiceError, Unavailable
from ams.service.failures import Failure
from ams.service.instruments import Counter, Distribution, Histogram
from ams.service.logs import get_logger

if TYPE_CHECKING:
    from ams.service.settings_sections import DatabaseSettings

ResultT = TypeVar("ResultT")

#: How often a transaction is tried that loses against others.
MAX_ATTEMPTS = 6
#: Longest wait before the second attempt, in seconds; it doubles with each further one.
RETRY_SECONDS = 0.02
#: How long SQLite waits for another process's write lock at a time, in milliseconds. Short,
#: because the connection serves nobody else meanwhile.
SQLITE_BUSY_MILLISECONDS = 500
#: What is still running so long after its time limit is told a second time, in seconds. Python
#: 3.11 loses a cancellation that comes at the moment when a connection is made (`wait_for`).
SECOND_CALL_SECONDS = 0.05
#: Port of a MySQL URL that names none.
MYSQL_PORT = 3306

SECONDS: Final = Histogram(
    "ams_sql_seconds",
    "Time of a few reads, or of a transaction with all its attempts, its wait for a connection"
    " included.",
    ("kind",),
)
_READING: Final = SECONDS.labels("reading")
_TRANSACTION: Final = SECONDS.labels("transaction")
FAILURES: Final = Counter("ams_sql_failures_total", "Reads and transactions without an answer.")

_UNAVAILABLE = "Database is unavailable, try again later"

_log = get_logger()
# Their debug lines hold the values of statements, tokens' digests among them.
for _chatty in ("aiosqlite", "tortoise.db_client"):
    logging.getLogger(_chatty).setLevel(logging.INFO)


class DatabaseError(Exception):
    """The database can't be used as it is set up; the message is for the operator."""


class DatabaseVersionError(DatabaseError):
    """The database was made by an older or a newer version of this program."""


class Duplicate(Exception):
    """A value that must be unique exists already."""


class MissingParent(Exception):
    """A row was to refer to one that does not exist (any more)."""


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a database is, in Tortoise's terms."""

    #: "mysql" or "sqlite". Also the connection's name, by which the ORM caches statements.
    dialect: str
    #: Parameters of the engine's client; Any, because they differ in type.
    credentials: dict[str, Any]
    #: Of SQLite only.
    file: Path | None = None


class Database:
    """The connections of this process to its database.

    Args:
        settings: The `[database]` section.
        models: Name of the module with the Tortoise models.
        app: What the models call their app.
        setting: That holds the URL, for errors.

    All databases of a process must be of one kind: the ORM keeps the SQL dialect with the models.
    """

    def __init__(
        self, settings: DatabaseSettings, *, models: str, app: str, setting: str = "database.url"
    ) -> None:
        self._settings = settings
        self._models = models
        self._app = app
        self._address = _parse(settings, setting)
        self._classify = mysql.classify if self._address.file is None else sqlite.classify
        self._tortoise = TortoiseContext()
        self._failing = False
        self._opened = False

    @property
    def file(self) -> Path | None:
        """The database file; None if there is a server."""
        return self._address.file

    @property
    def name(self) -> str:
        """The name of the database on its server; of SQLite, the file's path."""
        return str(self.file or self._address.credentials["database"])

    async def open(self) -> None:
        """Get ready. Connections are made when they are needed: a server may come up later.

        Raises:
            DatabaseError: The folder of the database file can't be made.
        """
        if self._address.file is not None:
            try:
                sqlite.prepare_folder(self._address.file)
            except OSError as exc:
                raise DatabaseError(f"cannot make the folder of {self.name}: {exc}") from exc
        dialect = self._address.dialect
        with self._active():
            await self._tortoise.init(
                config={
                    "connections": {
                        dialect: {
                            "engine": f"ams.service.{dialect}",
                            "credentials": self._address.credentials,
                        }
                    },
                    "apps": {self._app: {"models": [self._models], "default_connection": dialect}},
                }
            )
        self._opened = True

    async def close(self) -> None:
        """Close all connections, waiting for `timeout_seconds` at most."""
        self._opened = False
        with self._active():
            try:
                async with asyncio.timeout(self._settings.timeout_seconds):
                    await self._tortoise.close_connections()
            except TimeoutError:
                _log.warning("database connections were not closed in time")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[BaseDBAsyncClient]:
        """Lend the connections for a few reads, each of which sees what is committed by then.

        Raises:
            Unavailable: The database gave no answer within `timeout_seconds`.
        """
        async with self._guarded(_READING):
            yield self._tortoise.connections.get(self._address.dialect)

    async def transaction(self, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Do `work` in one transaction, again if it loses against another one.

        Models that `work` uses are part of it; `reading` is not for inside. It may run several
        times, so it must have no effects but those in the database.

        Raises:
            Unavailable: No success within `timeout_seconds`. If the connection was lost at the
                very end, the work may have been done all the same.
            Duplicate: A unique value exists already.
            MissingParent: A row was to refer to one that does not exist.
            InvalidArgument: A value does not fit its column.
        """
        async with self._guarded(_TRANSACTION):
            client = self._tortoise.connections.get(self._address.dialect)
            for attempt in range(1, MAX_ATTEMPTS):
                try:
                    async with client._in_transaction():
                        return await work()
                except Exception as exc:
                    if self._failure(exc) is not Failure.CONTENTION:
                        raise
                await asyncio.sleep(random.uniform(0, RETRY_SECONDS * 2**attempt))
            async with client._in_transaction():
                return await work()

    @asynccontextmanager
    async def _guarded(self, seconds_taken: Distribution) -> AsyncIterator[None]:
        """Bound the time and measure it, and turn what drivers raise into our own errors."""
        if not self._opened:
            raise Unavailable(_UNAVAILABLE)
        started = perf_counter()
        try:
            with self._active():
                seconds = self._settings.timeout_seconds
                async with asyncio.timeout(seconds + SECOND_CALL_SECONDS), asyncio.timeout(seconds):
                    yield
        except ServiceError:
            raise
        except Exception as exc:
            translated = self._translate(exc)
            if translated is None:
                raise
            raise translated from exc
        else:
            if self._failing:
                self._failing = False
                _log.info("database is back")
        finally:
            seconds_taken.observe(perf_counter() - started)

    def _translate(self, exc: Exception) -> Exception | None:
        """The error that callers get for what went wrong; None for a mistake of ours."""
        match self._failure(exc):
            case Failure.DUPLICATE:
                return Duplicate()
            case Failure.NO_PARENT:
                return MissingParent()
            case Failure.BAD_VALUE:
                return InvalidArgument("A value is too long, too large or not valid text")
            case Failure.CONTENTION | Failure.UNAVAILABLE:
                FAILURES.inc()
                if not self._failing:
                    self._failing = True
                    _log.warning("database is unavailable", error=str(exc) or repr(exc))
                return Unavailable(_UNAVAILABLE)
            case None:
                return None

    def _failure(self, exc: Exception) -> Failure | None:
        if isinstance(exc, ValidationError | UnicodeError):
            return Failure.BAD_VALUE
        if isinstance(exc, BaseORMException) and exc.args and isinstance(exc.args[0], Exception):
            return self._failure(exc.args[0])
        return self._classify(exc) or (Failure.UNAVAILABLE if isinstance(exc, OSError) else None)

    def _active(self) -> _Active:
        return _Active(self._tortoise)


class _Active:
    """Makes a database the one that models use, for this task and the length of a `with`.

    Tortoise's context objects do the same, but not for several tasks at a time.
    """

    def __init__(self, context: TortoiseContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current_context.set(self._context)

    def __exit__(self, *_: object) -> None:
        _current_context.reset(self._token)


def _parse(settings: DatabaseSettings, setting: str) -> _Address:
    """Take a database URL apart.

    Raises:
        DatabaseError: It is not one. The message does not repeat it: it may hold a password.
    """
    try:
        url = urlsplit(settings.url)
        port = url.port or MYSQL_PORT
    except ValueError as exc:
        raise DatabaseError(f"{setting}: {exc}") from None
    path = unquote(url.path)
    if url.query or url.fragment:
        raise DatabaseError(f"{setting}: takes no parameters; write ? as %3F and # as %23")
    if url.scheme == "sqlite":
        if url.netloc or len(path) <= 1:
            raise DatabaseError(f"{setting}: a file is written sqlite:///absolute/path")
        pragmas = {
            "busy_timeout": SQLITE_BUSY_MILLISECONDS,
            "journal_mode": "WAL",
            "foreign_keys": "ON",
        }
        return _Address("sqlite", {"file_path": path, **pragmas}, Path(path))
    if url.scheme != "mysql" or not url.hostname or not url.username or len(path) <= 1:
        raise DatabaseError(f"{setting}: a server is written mysql://user:password@host:port/name")
    credentials = {
        "user": unquote(url.username),
        "password": unquote(url.password or ""),
        "host": url.hostname,
        "port": port,
        "database": path[1:],
        "maxsize": settings.pool_size,
        "timeout_seconds": settings.timeout_seconds,
    }
    return _Address("mysql", credentials)
