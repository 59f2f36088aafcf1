"""The Tortoise engine for SQLite: one connection, and transactions that can't block it for good.

Tortoise's own client is used for all but opening the connection and transactions. It keeps its
lock for ever when opening fails, and starts transactions as readers, which then can't become
writers while another process writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from types import TracebackType

import aiosqlite
from tortoise.backends.base.client import (
    ConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.connection import ConnectionToken, get_connections

from ams.service.failures import Failure

#: Pause before a statement is tried again that SQLite refuses without waiting, in seconds.
BUSY_SECONDS = 0.01

_DUPLICATE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_CONTENTION = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BAD_VALUE = frozenset({sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH})
#: Errors in the SQL, and in how we use the library.
_OUR_FAULT = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE})
#: An extended result code has the plain one in its lowest byte.
_PLAIN_CODE = 0xFF


class FileClient(SqliteClient):
    """The one connection of this process to a database file.

    All statements of the process go through it one after the other; other processes may have
    connections of their own to the same file.
    """

    async def connection(self) -> aiosqlite.Connection:
        """The connection, opened if need be. Only for who holds the lock."""
        if self._connection is None:
            self._connection = await self._open()
            await self._post_connect()
        return self._connection

    async def create_connection(self, with_db: bool) -> None:
        """Open the file. There is no server to talk to without one."""
        del with_db
        await self.connection()

    async def _open(self) -> aiosqlite.Connection:
        # Readable by its owner only; SQLite gives the files beside it the same mode.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.filename, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # isolation_level None: BEGIN is ours to say.
        connection = await aiosqlite.connect(self.filename, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            for pragma, value in self.pragmas.items():
                await _set(connection, f"PRAGMA {pragma}={value}")
        except BaseException:
            connection.stop()
            raise
        return connection

    def acquire_connection(self) -> ConnectionWrapper[aiosqlite.Connection]:
        """Wait for the connection, and hold it for the length of an `async with`."""
        return _Turn(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(self, self._lock)

    async def close(self) -> None:
        """Close the connection, once what runs on it has ended."""
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await connection.close()


async def _set(connection: aiosqlite.Connection, pragma: str) -> None:
    """Set a pragma. Of several who make the same new file WAL, all but one are refused at first."""
    while True:
        try:
            await connection.execute_fetchall(pragma)
        except sqlite3.OperationalError as exc:
            if classify(exc) is not Failure.CONTENTION:
                raise
            await asyncio.sleep(BUSY_SECONDS)
        else:
            return


class _Turn(ConnectionWrapper[aiosqlite.Connection]):
    """Exclusive use of the connection."""

    def __init__(self, lock: asyncio.Lock, client: FileClient) -> None:
        super().__init__(lock, client)
        self._file = client

    async def __aenter__(self) -> aiosqlite.Connection:
        await self._lock.acquire()
        try:
            # Now, not before: it may have been replaced while this waited.
            self.connection = await self._file.connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class _Transaction(TransactionContext):
    """A transaction that may write from its first statement on."""

    def __init__(self, client: FileClient, lock: asyncio.Lock) -> None:
        self._client = client
        self._lock = lock

    async def __aenter__(self) -> TransactionalDBClient:
        await self._lock.acquire()
        try:
            self._connection = await self._client.connection()
        except BaseException:
            self._lock.release()
            raise
        try:
            await self._connection.execute_fetchall("BEGIN IMMEDIATE")
        except BaseException:
            self._abandon()
            raise
        wrapper = SqliteTransactionWrapper(self._client)
        # Models used by this task go through the transaction from here on.
        self._token: ConnectionToken = get_connections().set(self._client.connection_name, wrapper)
        return wrapper

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        get_connections().reset(self._token)
        if exc_type is not None:
            self._abandon()
            return
        try:
            await self._connection.commit()
        except BaseException:
            self._abandon()
            raise
        self._lock.release()

    def _abandon(self) -> None:
        """Roll back behind the caller's back, who may have run out of time.

        The thread of the connection may still be at a statement nobody waits for any more. The
        lock is kept until the rollback behind it is done.
        """
        self._rollback = asyncio.get_running_loop().create_task(self._roll_back())

    async def _roll_back(self) -> None:
        try:
            await self._connection.rollback()
        except (sqlite3.Error, ValueError):
            # In an unknown state: the next one opens another.
            self._client._connection = None
            self._connection.stop()
        finally:
            self._lock.release()


def prepare_folder(path: Path) -> None:
    """Make the folder of a database file, for its owner only, if it is not there yet.

    Raises:
        OSError: It can't be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def classify(error: BaseException) -> Failure | None:
    """What kind of failure a driver's error is; None if it is none of the database's."""
    if isinstance(error, sqlite3.DataError | OverflowError):
        return Failure.BAD_VALUE
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Raised by the Python module itself: the connection is closed.
        return Failure.UNAVAILABLE
    if code in _DUPLICATE:
        return Failure.DUPLICATE
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return Failure.NO_PARENT
    plain = code & _PLAIN_CODE
    if plain in _CONTENTION:
        return Failure.CONTENTION
    if plain in _BAD_VALUE:
        return Failure.BAD_VALUE
    if plain in _OUR_FAULT or plain == sqlite3.SQLITE_CONSTRAINT:
        return None
    return Failure.UNAVAILABLE


client_class = FileClient
