"""A client's HTTP/1.1 connection: Sanic's, with our way of reading bodies and sending answers."""

import asyncio
import re
from asyncio import BaseTransport, Transport
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, cast

from sanic.exceptions import BadRequest as SanicBadRequest
from sanic.exceptions import PayloadTooLarge, RequestCancelled
from sanic.exceptions import RequestTimeout as SanicRequestTimeout
from sanic.http import Http, Stage
from sanic.server.protocols.http_protocol import HttpProtocol

from ams.service.connection_head import AnyRequest, Head
from ams.service.errors import BadRequest, ServiceError, TooLarge, Unavailable
from ams.service.instruments import Counter

if TYPE_CHECKING:
    from ams.service.http import App

#: Bytes of a request that are read before somebody asks for them.
READ_AHEAD_BYTES: Final = 262_144
#: Seconds a client may pause while it sends a body.
BODY_PAUSE_SECONDS = 60.0
#: Seconds for which the rest of a refused body is thrown away, so that a client that is still
#: sending it gets to read the answer rather than a broken connection.
LINGER_SECONDS = 5.0
#: Longest bodies that a process holds at the same time; shorter ones are more in number. A body
#: that came along with its headers does not count.
BODIES_AT_ONCE = 4
#: A body longer than this, in bytes, is not copied behind its headers but sent on its own.
SEPARATE_BODY_BYTES = 65_536

BUSY: Final = "Too many large requests at once, try again later"

_LINE_BREAK: Final = b"\r\n"
_END_OF_HEAD: Final = b"\r\n\r\n"
#: Request line and headers as RFC 9112 has them: a token names a header, nothing but digits is a
#: length, and no control character is taken for a line break by some and not by others.
_HEAD: Final = re.compile(
    rb"""[^\0-\x1f\x7f]++ (?: \r\n (?:
        (?i:content-length) : [ \t]*+ [0-9]++ [ \t]*+
      | (?i:transfer-encoding) : [ \t]*+ [a-z]++
      | (?! (?i:content-length|transfer-encoding) : )
        [!\#$%&'*+.^_`|~0-9A-Za-z-]++ : [^\0-\x08\x0a-\x1f\x7f]*+
    ) )*+""",
    re.VERBOSE,
)
#: How each client begins that speaks TLS: type of record, and version.
_TLS_HANDSHAKE: Final = b"\x16\x03"
#: What stands before the bytes of a chunk, the line break behind the chunk before it included.
_CHUNK_HEAD: Final = re.compile(rb"\r\n [0-9A-Fa-f]++ (?: [ \t]*+ ; [^\r\n]*+ )? \r\n", re.VERBOSE)
#: Longest that it may be, in bytes.
_LONGEST_CHUNK_HEAD: Final = 64


class RequestTimeout(ServiceError):
    """408: the client has not sent all of its request in time."""

    http_status = 408
    status = "TIMEOUT"


class Connection(Http):
    """What Sanic calls a request's stream. One request at a time."""

    __slots__ = ("_head_before", "_held")

    #: Bytes of bodies that this process holds.
    _held_by_all: ClassVar[int] = 0

    def __init__(self, protocol: HttpProtocol) -> None:
        super().__init__(protocol)  # type: ignore[no-untyped-call]  # Sanic's has no types.
        self._held = 0
        self._head_before: Head | None = None

    @staticmethod
    def of(request: AnyRequest) -> "Connection":
        """The connection that a request came by."""
        stream: Connection = request.stream  # type: ignore[assignment]  # `Protocol` makes no other.
        return stream

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
            Unavailable: this process holds as many bytes of bodies as it may.
        """
        if most is not None and most < self.request_max_size:
            self.request_max_size = most
            if self.body_is_too_large:
                raise TooLarge
        try:
            return self._take_body() or await self._read_slowly()
        except PayloadTooLarge as error:
            raise TooLarge from error
        except SanicBadRequest as error:
            raise BadRequest(str(error)) from error
        except TimeoutError as error:
            self.keep_alive = False
            raise RequestTimeout("Request Timeout") from error

    async def http1_request_header(self) -> None:
        """Reads a request up to its body. Called by Sanic.

        Sanic takes for a header whatever has a colon in it, and for a length whatever Python takes
        for a number. Where a proxy in front of us sees a request end elsewhere than we do, another
        one could be smuggled past it: so what is not as it should be is refused.
        """
        if self.recv_buffer.startswith(_TLS_HANDSHAKE):
            # No end of headers will ever come, and no client waits without a limit for an answer.
            raise SanicBadRequest("This port takes plain HTTP, not HTTPS")
        end = self.recv_buffer.find(_END_OF_HEAD)
        if end < 0:
            await self._read_head_slowly()
        elif self._head_before is not None and self._take_similar_head(end, self._head_before):
            return
        else:
            await super().http1_request_header()  # type: ignore[no-untyped-call]  # Sanic's has no types.
        # From now on it may be idle for as long as others.
        limits = cast("App", self.protocol.app).limits
        self.protocol.keep_alive_timeout = limits.keep_alive_seconds
        if not _HEAD.fullmatch(self.request.head):
            raise SanicBadRequest("Bad Request")
        if self.keep_alive:
            self._head_before = Head.of(self.request)

    def _take_similar_head(self, end: int, before: Head) -> bool:
        """Takes the head that ends there, if it is like the last one of this connection.

        Most clients send the same headers again and again, and Sanic takes long to read them.
        """
        if end >= self.HEADER_MAX_SIZE:
            return False
        head = bytes(self.recv_buffer[:end])
        similar = before.similar(head)
        if similar is None:
            return False
        method, url, length, headers = similar
        self.url = url.decode()
        self.keep_alive = True
        self.head_only = method == "HEAD"
        protocol = self.protocol
        # It may refuse the URL. Until then no body is awaited.
        self.request = protocol.request_class(
            url_bytes=url,
            headers=headers,
            head=head,
            version="1.1",
            method=method,
            transport=protocol.transport,  # type: ignore[arg-type]  # Who reads is connected.
            app=protocol.app,
        )
        self.request.stream = self
        self.request_body = length is not None  # type: ignore[assignment]  # Sanic's type is too narrow.
        self.request_bytes_left = self.request_bytes = length or 0
        del self.recv_buffer[: end + len(_END_OF_HEAD)]
        return True

    async def _read_head_slowly(self) -> None:
        """Reads a head that is not there as a whole, however little of it comes at a time."""
        try:
            async with asyncio.timeout(self.protocol.request_timeout):
                await super().http1_request_header()  # type: ignore[no-untyped-call]  # Sanic's has no types.
        except TimeoutError as error:
            raise SanicRequestTimeout("Request Timeout") from error

    async def read(self) -> bytes | None:
        """Some bytes of the body; None at its end. Called by Sanic too.

        Sanic takes any two bytes for the line break behind a chunk, and for the size of the next
        whatever Python takes for a number: see `http1_request_header`.
        """
        encoding: object = self.request_body  # Sanic types it more narrowly than it uses it.
        if encoding == "chunked" and self.request_bytes_left == 0:
            await self._receive_chunk_head()
        return await super().read()

    async def _receive_chunk_head(self) -> None:
        buffer = self.recv_buffer
        while buffer.find(_LINE_BREAK, 2) < 0 and len(buffer) <= _LONGEST_CHUNK_HEAD:
            await self._receive_more()
        if not _CHUNK_HEAD.match(buffer):
            self.keep_alive = False
            raise SanicBadRequest("Bad chunked encoding")

    def _take_body(self) -> bytes:
        """What is left of a body, if all of it is there, as most are at once; else nothing."""
        encoding: object = self.request_body
        length = self.request_bytes_left or 0
        if (
            encoding is not True
            or len(self.recv_buffer) < length
            or length > self.request_max_size
            or self.expecting_continue
        ):
            return b""
        body = bytes(self.recv_buffer[:length])
        del self.recv_buffer[:length]
        self.request_bytes_left = 0
        self.request_body = None
        return body

    async def _read_slowly(self) -> bytes:
        parts = []
        while self.request_body:
            async with asyncio.timeout(BODY_PAUSE_SECONDS):
                part = await self.read()
            if part:
                self._hold(len(part))
                parts.append(part)
        return b"".join(parts)

    def _hold(self, size: int) -> None:
        room = BODIES_AT_ONCE * self.protocol.request_max_size
        if Connection._held_by_all + size > room:
            self.let_go_of_body()
            raise Unavailable(BUSY)
        Connection._held_by_all += size
        self._held += size

    def let_go_of_body(self) -> None:
        """Nobody uses the body any more."""
        Connection._held_by_all -= self._held
        self._held = 0

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
            await self._send(head + body)
        else:
            await self._send(head)
            self.stage = Stage.RESPONSE
            await self._send(body)
            await self._send(b"")  # Waits for room in the buffer, that is for a slow reader.
        self.stage = Stage.IDLE

    async def leave(self) -> None:
        """Ends a connection on which the client may still be sending, once it has its answer."""
        if self.request_body and not self.keep_alive:
            self.request_body = None
            await self.linger()

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
                    await self.protocol.receive_more()  # type: ignore[no-untyped-call]  # Sanic's has no types.
        except TimeoutError:
            pass

    def create_empty_request(self) -> None:
        """Stands in for a request that could not be read, with nothing of it that could be bad."""
        url, self.url = self.url, None
        super().create_empty_request()
        self.url = url


_HANDSHAKES: Final = Counter(
    "ams_tls_handshakes_done_total",
    "TLS handshakes that came to a good end. In others client and service did not trust each"
    " other's certificate, or the client went away.",
).labels()


class Protocol(HttpProtocol):
    """Makes each connection one of ours, and room for it."""

    HTTP_CLASS = Connection
    __slots__ = ("_more",)

    #: Told when the client has sent more; None while nobody waits for that.
    _more: asyncio.Future[None] | None

    def connection_made(self, transport: BaseTransport) -> None:
        """A client has connected, and is done with its TLS handshake. Called by the event loop."""
        if transport.get_extra_info("sslcontext") is not None:
            _HANDSHAKES.inc()
        self._more = None
        # Who has not sent anything yet need not be given as long as one that is coming back.
        self.keep_alive_timeout = self.request_timeout
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # Sanic's has no types.

    def data_received(self, data: bytes) -> None:
        """The client has sent some bytes. Called by the event loop."""
        self._time = monotonic()
        buffer = self.recv_buffer
        buffer += data
        if len(buffer) >= READ_AHEAD_BYTES:
            cast(Transport, self.transport).pause_reading()
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def receive_more(self) -> None:
        """Waits until the client has sent more. Called by Sanic too."""
        cast(Transport, self.transport).resume_reading()
        self._more = self.loop.create_future()
        try:
            await self._more
        finally:
            self._more = None

    async def send(self, data: bytes) -> None:
        """Sends some bytes, once there is room for them. Called by Sanic too.

        Raises:
            RequestCancelled: the client is gone.
        """
        if not self._can_write.is_set():
            await self._can_write.wait()
        transport = self.transport
        if transport is None or transport.is_closing():
            raise RequestCancelled
        transport.write(data)
        self._time = monotonic()

    @property
    def is_waiting(self) -> bool:
        """Whether the client has sent nothing that is being worked on."""
        return self.http is not None and self.http.stage in (Stage.IDLE, Stage.REQUEST)

    @property
    def last_heard(self) -> float:
        """When the client last sent or got something, of `time.monotonic()`."""
        return self._time

    def make_room(self) -> None:
        """Ends the connection at once, in favour of another."""
        self.connections.discard(self)
        cast(Transport, self.transport).abort()
