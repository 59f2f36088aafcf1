"""Subscribers: hand out the messages of a subscription, in a thread or in an event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from ams.client import blocking
from ams.client.call import Call
from ams.client.connection import AsyncConnection, BlockingConnection
from ams.client.objects import Message, ReceivedMessage
from ams.client.retries import Retries
from ams.client.subscribing import CallbackFailed, Subscribing

T = TypeVar("T")


class Subscriber:
    """Pulls, calls back, acknowledges; made by `client.subscribe` and used once.

    In this thread, until a callback or another thread calls `stop()`, or an error ends it:

    ```python
    client.subscribe("weather", "forecast", print).run()
    ```

    Or beside other work, until the end of the block:

    ```python
    with client.subscribe("weather", "forecast", print):
        ...
    ```
    """

    def __init__(
        self,
        connection: BlockingConnection,
        project: str,
        subscription: str,
        handle: Callable[[tuple[Message, ...]], None],
        on_error: Callable[[Exception], None] | None,
        *,
        max_messages: int,
        at_once: int,
        retries: Retries,
    ) -> None:
        """See `ams.client.subscribing.Subscribing`."""
        self._line = _ThreadLine(connection)
        self._subscribing = Subscribing(
            self._line,
            project,
            subscription,
            _as_coroutine(handle),
            _as_coroutine(on_error) if on_error else None,
            max_messages=max_messages,
            at_once=at_once,
            retries=retries,
        )
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run_aside, name=f"subscriber of {project}/{subscription}", daemon=True
        )

    def run(self) -> None:
        """Works until stopped.

        Raises:
            Exception: what the callback has raised, if there is no `on_error`; what was handled
                before is acknowledged.
            ClientError: the broker refuses for good; a broker that is away is waited for.
        """
        try:
            blocking.run(self._subscribing.work())
            return
        except CallbackFailed as failed:
            error = failed.error
        raise error

    def stop(self) -> None:
        """Ends the work once the messages in hand are handled and acknowledged.

        Returns at once; any thread may call it. A pull that waits ends when the broker answers it,
        within seconds.
        """
        self._line.stop()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops, waits for the end, and raises what `run` would."""
        self.stop()
        self._thread.join()
        if self._error and error is None:
            raise self._error

    def _run_aside(self) -> None:
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001  # raised at the end of the block
            self._error = error


class AsyncSubscriber:
    """Pulls, calls back, acknowledges; made by `client.subscribe` and used once.

    In this task, until `stop()`, or an error:

    ```python
    await client.subscribe("weather", "forecast", handle).run()
    ```

    Or beside other work, until the end of the block:

    ```python
    async with client.subscribe("weather", "forecast", handle):
        ...
    ```
    """

    def __init__(
        self,
        connection: AsyncConnection,
        project: str,
        subscription: str,
        handle: Callable[[tuple[Message, ...]], Awaitable[None]],
        on_error: Callable[[Exception], Awaitable[None]] | None,
        *,
        max_messages: int,
        at_once: int,
        retries: Retries,
    ) -> None:
        """See `ams.client.subscribing.Subscribing`."""
        self._line = _LoopLine(connection)
        self._subscribing = Subscribing(
            self._line,
            project,
            subscription,
            handle,
            on_error,
            max_messages=max_messages,
            at_once=at_once,
            retries=retries,
        )
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Works until stopped.

        To cancel it once is to stop it: the messages in hand are handled and acknowledged first.
        A second time interrupts the callback; what was handled before is acknowledged all the same.

        Raises:
            Exception: what the callback has raised, if there is no `on_error`; what was handled
                before is acknowledged.
            ClientError: the broker refuses for good; a broker that is away is waited for.
        """
        task = asyncio.create_task(self._work())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self.stop()
            await task
            raise

    def stop(self) -> None:
        """Ends the work once the messages in hand are handled and acknowledged; returns at once.

        To be called in the event loop; a pull that waits is given up.
        """
        self._line.stop()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops, waits for the end, and raises what `run` would."""
        self.stop()
        assert self._task is not None
        try:
            await self._task
        except Exception:
            if error is None:
                raise

    async def _work(self) -> None:
        try:
            await self._subscribing.work()
            return
        except CallbackFailed as failed:
            error = failed.error
        raise error


class _ThreadLine:
    """The connection of a subscriber with a thread; its coroutines block instead of waiting."""

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    async def once(self, call: Call[T], /) -> T:
        return await self._connection.once(call)

    async def pull(self, call: Call[tuple[ReceivedMessage, ...]], /) -> tuple[ReceivedMessage, ...]:
        return await self._connection.once(call)

    async def pause(self, seconds: float, /) -> None:
        self._stopped.wait(max(0.0, seconds))


class _LoopLine:
    """The connection of a subscriber in an event loop."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._stopped = asyncio.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    async def once(self, call: Call[T], /) -> T:
        return await self._connection.once(call)

    async def pull(self, call: Call[tuple[ReceivedMessage, ...]], /) -> tuple[ReceivedMessage, ...]:
        pulling = asyncio.ensure_future(self._connection.once(call))
        stopping = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({pulling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return pulling.result() if pulling.done() else ()
        finally:
            pulling.cancel()
            stopping.cancel()
            await asyncio.gather(pulling, stopping, return_exceptions=True)

    async def pause(self, seconds: float, /) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()


A = TypeVar("A")


def _as_coroutine(function: Callable[[A], None]) -> Callable[[A], Awaitable[None]]:
    async def call(argument: A) -> None:
        function(argument)

    return call
