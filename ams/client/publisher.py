"""Publishers: send messages in batches, in a thread or in an event loop."""

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Self, TypeVar

from ams.client import blocking
from ams.client.batches import BatchLimits
from ams.client.call import Call
from ams.client.publishing import Publishing
from ams.client.resource import Awaiting, Blocking

T = TypeVar("T")

#: The limits of a publisher that is given none.
LIMITS = BatchLimits()


class Publisher:
    """Publishes to one topic, in batches, from a thread of its own.

    ```python
    with client.publisher("weather", "temperatures") as publisher:
        future = publisher.publish(b"21.5", station="north")
        print(future.result())  # the id of the message
    ```

    Messages are stored in the order in which they were published. An error is raised by the
    futures of the batch that it hit; later batches are sent all the same. Any number of threads
    may use a publisher. Don't wait for one in a callback of its futures: it waits for the callback.
    """

    def __init__(
        self, client: Blocking, project: str, topic: str, limits: BatchLimits = LIMITS
    ) -> None:
        """Starts the thread; `client.publisher` is a shorter way.

        Raises:
            InvalidName: there can be no such topic.
        """

        async def send(call: Call[T], /) -> T:
            return client.send(call)

        self._publishing = Publishing[Future[str]](
            send,
            _ThreadMonitor(),
            Future,
            Future.set_running_or_notify_cancel,
            project,
            topic,
            limits,
        )
        self._thread = threading.Thread(
            target=lambda: blocking.run(self._publishing.work()),
            name=f"publisher of {project}/{topic}",
            daemon=True,
        )
        self._thread.start()

    def publish(self, data: bytes = b"", /, **attributes: str) -> Future[str]:
        """Hands over a message; blocks while too much waits to be sent.

        Returns:
            A future of the message's id. Cancelled before its batch is sent, it takes the message
            out.

        Raises:
            RuntimeError: the publisher is closed.
        """
        return blocking.run(self._publishing.publish(data, attributes))

    def flush(self) -> None:
        """Sends what was published until now, and waits for the answers; futures have errors."""
        blocking.run(self._publishing.flush())

    def close(self) -> None:
        """Sends the rest, waits for the answers, and ends the thread."""
        blocking.run(self._publishing.close())
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncPublisher:
    """Publishes to one topic, in batches, from a task of its own.

    ```python
    async with client.publisher("weather", "temperatures") as publisher:
        future = await publisher.publish(b"21.5", station="north")
        print(await future)  # the id of the message
    ```

    It behaves as `Publisher` does.
    """

    def __init__(
        self, client: Awaiting, project: str, topic: str, limits: BatchLimits = LIMITS
    ) -> None:
        """Starts the task, in the running event loop; `client.publisher` is a shorter way.

        Raises:
            InvalidName: there can be no such topic.
        """
        loop = asyncio.get_running_loop()
        self._publishing = Publishing[asyncio.Future[str]](
            client.send,
            _LoopMonitor(),
            loop.create_future,
            lambda future: not future.cancelled(),
            project,
            topic,
            limits,
        )
        self._task = loop.create_task(self._publishing.work())

    async def publish(self, data: bytes = b"", /, **attributes: str) -> asyncio.Future[str]:
        """Hands over a message; waits while too much waits to be sent.

        Returns:
            A future of the message's id. Cancelled before its batch is sent, it takes the message
            out.

        Raises:
            RuntimeError: the publisher is closed.
        """
        return await self._publishing.publish(data, attributes)

    async def flush(self) -> None:
        """Sends what was published until now, and waits for the answers; futures have errors."""
        await self._publishing.flush()

    async def close(self) -> None:
        """Sends the rest, waits for the answers, and ends the task."""
        await self._publishing.close()
        await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class _ThreadMonitor:
    """A Condition of threads; its coroutines block instead of waiting."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    async def __aenter__(self) -> Self:
        self._condition.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._condition.release()

    async def wait(self, seconds: float | None = None, /) -> None:
        self._condition.wait(seconds)

    def notify_all(self) -> None:
        self._condition.notify_all()


class _LoopMonitor:
    """A Condition of an event loop."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self._condition.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._condition.release()

    async def wait(self, seconds: float | None = None, /) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._condition.wait()
        except TimeoutError:
            pass

    def notify_all(self) -> None:
        self._condition.notify_all()
