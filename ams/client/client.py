"""The clients: one that blocks, and one for asyncio."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from os import PathLike
from types import TracebackType
from typing import Self, TypeVar

import httpx

from ams.client import blocking, retries
from ams.client.auth import as_auth
from ams.client.batches import BatchLimits
from ams.client.call import Call, Listing
from ams.client.connection import (
    TIMEOUT_SECONDS,
    AsyncConnection,
    BlockingConnection,
    Endpoint,
    checked_url,
    tls_context,
)
from ams.client.objects import Message
from ams.client.publisher import LIMITS, AsyncPublisher, Publisher
from ams.client.resource import Awaiting, Blocking
from ams.client.resources import Broker
from ams.client.retries import Retries, as_retries
from ams.client.subscriber import AsyncSubscriber, Subscriber
from ams.client.subscribing import MAX_MESSAGES

T = TypeVar("T")

#: How a client tries again unless the caller says otherwise.
RETRIES = Retries()


class Client(Broker[Blocking]):
    """A connection to a broker; threads may share it.

    ```python
    with Client("https://broker.example.org", token) as client:
        client.topics.publish("weather", "temperatures", [OutgoingMessage(b"21.5")])
    ```

    Every method that asks the broker raises ServiceError if the broker refuses, ConnectionFailed
    if it can't be reached, UnexpectedAnswer if something else than a broker answers, and
    InvalidName for a name that no resource can have.
    """

    def __init__(
        self,
        url: str,
        auth: str | httpx.Auth = "",
        *,
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int | Retries = RETRIES,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            url: where the broker is: `http://` or `https://`, host and port.
            auth: an API token, `Bearer`, `CertificateAuth` or `AccessTokenAuth`; empty for nobody.
            ca: PEM file of the CAs that are trusted; None for those of the system.
            timeout: longest wait for a connection or an answer, in seconds.
            retries: when to try again; a number is how often, 0 never.

        Raises:
            ValueError: `url` is no HTTP URL, a token can't be sent, or `ca` holds no certificate.
            OSError: the file `ca` can't be read.
        """
        super().__init__(self)
        self._retries = as_retries(retries)
        self._connection = BlockingConnection(_endpoint(url, auth, ca, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; publishers and subscribers must have ended."""
        self._connection.close()

    def send(self, call: Call[T], /) -> T:
        """Sends any call, and returns what its answer holds."""
        return blocking.run(retries.send(self._connection, call, self._retries))

    def each(self, listing: Listing[T], /) -> Iterator[T]:
        """All that a list holds, asked for page by page."""
        page = self.send(listing.page(""))
        yield from page.items
        while page.next_page_token:
            page = self.send(listing.page(page.next_page_token))
            yield from page.items

    def publisher(self, project: str, topic: str, limits: BatchLimits = LIMITS) -> Publisher:
        """Publishes in batches: see `Publisher`."""
        return Publisher(self, project, topic, limits)

    def subscribe(
        self,
        project: str,
        subscription: str,
        callback: Callable[[Message], None],
        *,
        on_error: Callable[[Exception], None] | None = None,
        max_messages: int = MAX_MESSAGES,
    ) -> Subscriber:
        """Hands out messages as they come, one after the other: see `Subscriber`.

        A message is acknowledged some time after `callback` has returned, so it may come again
        after a crash, and goes to each of several subscribers of one subscription.

        Args:
            project: name of the project.
            subscription: short name of the subscription.
            callback: gets each message. If it raises an error, this message and those behind it
                are not acknowledged.
            on_error: gets the error then, and the message comes again after a pause; raising an
                error ends the subscriber. Without it, any error does.
            max_messages: most messages of a pull.
        """

        def handle(messages: tuple[Message, ...]) -> None:
            callback(messages[0])

        return self._subscriber(project, subscription, handle, on_error, max_messages, 1)

    def subscribe_batches(
        self,
        project: str,
        subscription: str,
        callback: Callable[[tuple[Message, ...]], None],
        *,
        on_error: Callable[[Exception], None] | None = None,
        max_messages: int = MAX_MESSAGES,
    ) -> Subscriber:
        """As `subscribe`, but `callback` gets all messages of a pull together."""
        return self._subscriber(
            project, subscription, callback, on_error, max_messages, max_messages
        )

    def _subscriber(
        self,
        project: str,
        subscription: str,
        handle: Callable[[tuple[Message, ...]], None],
        on_error: Callable[[Exception], None] | None,
        max_messages: int,
        at_once: int,
    ) -> Subscriber:
        return Subscriber(
            self._connection,
            project,
            subscription,
            handle,
            on_error,
            max_messages=max_messages,
            at_once=at_once,
            retries=self._retries,
        )


class AsyncClient(Broker[Awaiting]):
    """A connection to a broker, for asyncio; all else is as with `Client`.

    ```python
    async with AsyncClient("https://broker.example.org", token) as client:
        await client.topics.publish("weather", "temperatures", [OutgoingMessage(b"21.5")])
    ```
    """

    def __init__(
        self,
        url: str,
        auth: str | httpx.Auth = "",
        *,
        ca: str | PathLike[str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: int | Retries = RETRIES,
    ) -> None:
        """Prepares a client, as `Client` does."""
        super().__init__(self)
        self._retries = as_retries(retries)
        self._connection = AsyncConnection(_endpoint(url, auth, ca, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; publishers and subscribers must have ended."""
        await self._connection.close()

    async def send(self, call: Call[T], /) -> T:
        """Sends any call, and returns what its answer holds."""
        return await retries.send(self._connection, call, self._retries)

    async def each(self, listing: Listing[T], /) -> AsyncIterator[T]:
        """All that a list holds, asked for page by page."""
        page = await self.send(listing.page(""))
        for item in page.items:
            yield item
        while page.next_page_token:
            page = await self.send(listing.page(page.next_page_token))
            for item in page.items:
                yield item

    def publisher(self, project: str, topic: str, limits: BatchLimits = LIMITS) -> AsyncPublisher:
        """Publishes in batches: see `AsyncPublisher`."""
        return AsyncPublisher(self, project, topic, limits)

    def subscribe(
        self,
        project: str,
        subscription: str,
        callback: Callable[[Message], Awaitable[None]],
        *,
        on_error: Callable[[Exception], Awaitable[None]] | None = None,
        max_messages: int = MAX_MESSAGES,
    ) -> AsyncSubscriber:
        """Hands out messages as they come, one after the other, as `Client.subscribe` does."""

        async def handle(messages: tuple[Message, ...]) -> None:
            await callback(messages[0])

        return self._subscriber(project, subscription, handle, on_error, max_messages, 1)

    def subscribe_batches(
        self,
        project: str,
        subscription: str,
        callback: Callable[[tuple[Message, ...]], Awaitable[None]],
        *,
        on_error: Callable[[Exception], Awaitable[None]] | None = None,
        max_messages: int = MAX_MESSAGES,
    ) -> AsyncSubscriber:
        """As `subscribe`, but `callback` gets all messages of a pull together."""
        return self._subscriber(
            project, subscription, callback, on_error, max_messages, max_messages
        )

    def _subscriber(
        self,
        project: str,
        subscription: str,
        handle: Callable[[tuple[Message, ...]], Awaitable[None]],
        on_error: Callable[[Exception], Awaitable[None]] | None,
        max_messages: int,
        at_once: int,
    ) -> AsyncSubscriber:
        return AsyncSubscriber(
            self._connection,
            project,
            subscription,
            handle,
            on_error,
            max_messages=max_messages,
            at_once=at_once,
            retries=self._retries,
        )


def _endpoint(
    url: str, auth: str | httpx.Auth, ca: str | PathLike[str] | None, timeout: float
) -> Endpoint:
    return Endpoint(url, timeout, as_auth(auth), tls_context(checked_url(url).scheme, ca))
