"""A client's HTTP/1.1 connection: Sanic's, with our way of reading bodies and sending answers."""

import asyncio
from typing import Any, TypeAlias, cast

from sanic.exceptions import BadRequest as SanicBadRequest
from sanic.exceptions import PayloadTooLarge
from sanic.http import Http, Stage
from sanic.request import Request
from sanic.server.protocols.http_protocol import HttpProtocol

from ams.service.errors import BadRequest, ServiceError, TooLarge

#: Seconds a client may pause while it sends a body.
BODY_PAUSE_SECONDS = 60.0
#: Seconds for which the rest of a refused body is thrown away, so that a client that is still
#: sending it gets to read the answer rather than a broken connection.
LINGER_SECONDS = 5
#: A body longer than this, in bytes, is not copied behind its headers but sent on its own.
SEPARATE_BODY_BYTES = 65_536

#: A request, whatever its application and context.
AnyRequest: TypeAlias = "Request[Any, Any]"


_LINE_BREAK = b"\r\n"


class RequestTimeout(ServiceError):
    """408: the client has not sent all of its request in time."""

    http_status = 408
    status = "TIMEOUT"


class Connection(Http):
    """What Sanic calls a request's stream. One request at a time."""

    @staticmethod
    def of(request: AnyRequest) -> "Connection":
        """The connection that a request came by."""
        return cast(Connection, request.stream)

    @property
    def given_up(self) -> bool:
        """Whether the client is gone, or takes its answer too slowly."""
        transport = self.protocol.transport
        return transport is None or transport.is_closing() or self.stage is Stage.RESPONSE

    @property
    def body_is_too_large(self) -> bool:
        """Whether the body, as far as it has been announced, is longer than allowed."""
        return bool(self.request_bytes and self.request_bytes > self.request_max_size)

    async def read_body(self, most: int | None = None) -> bytes:
        """The body of the current request.

        Args:
            most: longest body that is accepted, in bytes, if that is less than usual.

        Raises:
            TooLarge: it is longer than allowed.
            BadRequest: it is not encoded as it should be.
            RequestTimeout: the client stopped sending.
        """
        if most is not None and most < self.request_max_size:
            self.request_max_size = most
            if self.body_is_too_large:
                raise TooLarge
        try:
            if 0 < (self.request_bytes_left or 0) <= len(self.recv_buffer):
                return await self._read_all()  # It is all there: no time limit needs to be set.
            return await self._read_slowly()
        except PayloadTooLarge as error:
            raise TooLarge from error
        except SanicBadRequest as error:
            raise BadRequest(str(error)) from error
        except TimeoutError as error:
            self.keep_alive = False
            raise RequestTimeout("Request Timeout") from error

    async def read(self) -> bytes | None:
        """Some bytes of the body; None at its end. Called by Sanic too.

        Sanic takes any two bytes for the line break behind a chunk. Where a proxy in front of us
        disagrees about them, a request could be smuggled past it.
        """
        encoding: object = self.request_body  # Sanic types it more narrowly than it uses it.
        if encoding == "chunked" and self.request_bytes_left == 0:
            while len(self.recv_buffer) < len(_LINE_BREAK):
                await self._receive_more()
            if not self.recv_buffer.startswith(_LINE_BREAK):
                self.keep_alive = False
                raise SanicBadRequest("Bad chunked encoding")
        return await super().read()

    async def _read_all(self) -> bytes:
        data = await self.read()
        if self.request_body:
            await self.read()
        return data or b""

    async def _read_slowly(self) -> bytes:
        parts = []
        while self.request_body:
            async with asyncio.timeout(BODY_PAUSE_SECONDS):
                if part := await self.read():
                    parts.append(part)
        return b"".join(parts)

    def decide_whether_to_stay(self, *, draining: bool) -> bool:
        """Whether the connection is kept after the answer that is about to be sent."""
        if self.request_body and (self.expecting_continue or self.body_is_too_large):
            # Nobody can tell whether the client is going to send the body it has announced.
            self.keep_alive = False
        if draining:
            self.keep_alive = False
        return bool(self.keep_alive)

    async def answer(self, head: bytes, body: bytes) -> None:
        """Sends an answer, and returns when most of it has left this process."""
        self.expecting_continue = False
        if len(body) <= SEPARATE_BODY_BYTES:
            await self._write(head + body)
        else:
            await self._write(head)
            self.stage = Stage.RESPONSE
            await self._write(body)
            await self._write(b"")  # Waits for room in the buffer, that is for a slow reader.
        self.stage = Stage.IDLE

    async def leave(self) -> None:
        """Ends a connection on which the client may still be sending, once it has its answer."""
        if self.request_body and not self.keep_alive:
            self.request_body = None
            await self.linger()

    async def _write(self, data: bytes) -> None:
        await self.protocol.send(data)  # type: ignore[no-untyped-call]  # Sanic's has no types.

    async def linger(self) -> None:
        """Throws away what the client is still sending, until it stops."""
        transport = self.protocol.transport
        if transport is not None and transport.can_write_eof():
            transport.write_eof()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while True:
                    self.recv_buffer.clear()
                    # Cancelled when the client closes.
                    await self.protocol.receive_more()  # type: ignore[no-untyped-call]
        except TimeoutError:
            pass

    def create_empty_request(self) -> None:
        """Stands in for a request that could not be read, with nothing of it that could be bad."""
        url, self.url = self.url, None
        super().create_empty_request()
        self.url = url


class Protocol(HttpProtocol):
    """Makes each connection one of ours."""

    HTTP_CLASS = Connection
