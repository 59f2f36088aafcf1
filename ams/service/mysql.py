"""The Tortoise engine for MySQL and MariaDB: a pool that loses no connection and heals by itself.

Tortoise's own client is used for all but opening connections and transactions. Its transactions
keep a pooled connection for good when the server dies at BEGIN; after a few of those the pool is
empty for ever.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import asyncmy
from asyncmy import errors
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.mysql.client import MySQLClient, TransactionWrapper
from tortoise.connection import ConnectionToken, get_connections

from ams.service.failures import Failure

#: Connections that were idle for longer are replaced, in seconds: firewalls forget them.
RECYCLE_SECONDS = 300
#: Connections that were idle for longer are tried before use, in seconds: a server may have been
#: restarted meanwhile, or another one may have taken its address.
TRY_SECONDS = 1.0

_DUPLICATE = frozenset({1062, 1586})
_NO_PARENT = frozenset({1452, 1216})
#: Deadlock, lock wait timeout, "record has changed since last read".
_CONTENTION = frozenset({1213, 1205, 1020})
#: Out of range, wrong string value, invalid characters, too long, larger than the server takes.
_BAD_VALUE = frozenset({1264, 1366, 1300, 1406, 1153})
#: What SQLSTATE says of mistakes in SQL, and of these: no access to the database or a table,
#: no such database, too many connections or statements of this user.
_MISTAKE_CLASS = "42"
_NO_MISTAKE = frozenset({1044, 1142, 1143, 1227, 1049, 1203, 1226})


class PooledClient(MySQLClient):
    """A pool of connections that all have the same session settings."""

    _pool: asyncmy.Pool | None

    # Any: the parameters are those of the base class, and some of our own.
    def __init__(self, **parameters: Any) -> None:  # noqa: ANN401
        super().__init__(**parameters)
        self._free = asyncio.Semaphore(self.pool_maxsize)

    async def create_connection(self, with_db: bool) -> None:
        """Make the pool. Its connections are opened when they are needed."""
        seconds: float = self.extra["timeout_seconds"]
        self._pool = await asyncmy.create_pool(
            minsize=0,
            maxsize=self.pool_maxsize,
            pool_recycle=RECYCLE_SECONDS,
            host=self.host,
            port=self.port,
            user=self.user,
            # As bytes: the driver would encode a text as Latin-1.
            password=self.password.encode(),
            db=self.database if with_db else None,
            charset=self.charset,
            autocommit=True,
            connect_timeout=seconds,
            sql_mode="'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
            # Shorter than our own limit, so that a lock wait ends with an error that says so. No
            # notes ("table exists already"): the driver would ask for and log them.
            f"SET SESSION innodb_lock_wait_timeout={max(1, int(seconds / 2))}, sql_notes=0",
        )
        await self._post_connect()

    async def borrow(self) -> asyncmy.Connection:
        """A connection that works as far as one can tell, to be given back with `give_back`."""
        # Waiting for a free one is done here: who waits in the driver's pool can't be cancelled
        # while another task opens a connection.
        await self._free.acquire()
        try:
            if self._pool is None:
                await self.create_connection(with_db=True)
            while True:
                connection = await self.pool.acquire()
                if await self._works(connection):
                    return connection
                self.pool.release(connection)
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: asyncmy.Connection) -> None:
        """Let others use a connection, unless it was closed."""
        self.pool.release(connection)
        self._free.release()

    async def _works(self, connection: asyncmy.Connection) -> bool:
        """Try a connection that was idle; one that does not work is closed."""
        idle = asyncio.get_running_loop().time() - connection.last_usage
        if idle < TRY_SECONDS:
            return True
        try:
            await connection.ping(reconnect=False)
        except errors.MySQLError:
            connection.close()
            return False
        except BaseException:
            connection.close()
            self.pool.release(connection)
            raise
        return True

    @property
    def pool(self) -> asyncmy.Pool:
        """The pool, which must have been made."""
        if self._pool is None:
            raise RuntimeError("there is no pool yet")
        return self._pool

    def acquire_connection(self) -> PoolConnectionWrapper[asyncmy.Connection]:
        """A connection of the pool for the length of an `async with`."""
        return _Loan(self)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(self)


class _Loan(PoolConnectionWrapper[asyncmy.Connection]):
    """A connection for single statements."""

    def __init__(self, client: PooledClient) -> None:
        self._client = client

    async def __aenter__(self) -> asyncmy.Connection:
        self._connection = await self._client.borrow()
        return self._connection

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._client.give_back(self._connection)


class _Transaction(TransactionContext):
    """A transaction that gives its connection back whatever happens."""

    def __init__(self, client: PooledClient) -> None:
        self._client = client

    async def __aenter__(self) -> TransactionalDBClient:
        self._connection = await self._client.borrow()
        try:
            await self._connection.begin()
        except BaseException:
            self._connection.close()
            self._client.give_back(self._connection)
            raise
        wrapper = TransactionWrapper(self._client)
        wrapper._connection = self._connection
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
        try:
            if exc_type is None:
                await self._connection.commit()
            elif issubclass(exc_type, Exception) and self._connection.connected:
                await self._roll_back()
            else:
                # Out of time: closing is a rollback for which nobody has to wait.
                self._connection.close()
        except BaseException:
            self._connection.close()
            raise
        finally:
            self._client.give_back(self._connection)

    async def _roll_back(self) -> None:
        try:
            await self._connection.rollback()
        except errors.MySQLError:
            # What failed before is worth more to the caller than that.
            self._connection.close()


def classify(error: BaseException) -> Failure | None:
    """What kind of failure a driver's error is; None if it is none of the database's."""
    if not isinstance(error, errors.MySQLError):
        return None
    code = error.args[0] if error.args else None
    if code in _DUPLICATE:
        return Failure.DUPLICATE
    if code in _NO_PARENT:
        return Failure.NO_PARENT
    if code in _CONTENTION:
        return Failure.CONTENTION
    if code in _BAD_VALUE:
        return Failure.BAD_VALUE
    if str(error.sqlstate).startswith(_MISTAKE_CLASS) and code not in _NO_MISTAKE:
        return None
    return Failure.UNAVAILABLE


client_class = PooledClient
