"""A real HTTP server that answers as a test says: errors, lost connections, late answers."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Self


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has come."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    certificate: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; a code of 0 closes the connection instead."""

    code: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


#: The connection breaks once the request is there.
LOST = Answer(0)
UNAVAILABLE = Answer(503, headers={"Retry-After": "0"})


class OddServer:
    """Answers one request after the other from `answers`; without one, by `otherwise`."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer | Callable[[Request], Answer]] = []
        self.otherwise: Answer | Callable[[Request], Answer] = Answer()
        self._tls = tls
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", port), self)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = Thread(target=self._server.serve_forever, args=[0.02])

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        """What was asked for."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else self.otherwise
        return answer if isinstance(answer, Answer) else answer(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], odd: OddServer) -> None:
        self.odd = odd
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or is sent away, is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Each answer ends its connection, so that none outlives its test.
    protocol_version = "HTTP/1.0"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        peer = getattr(self.connection, "getpeercert", None)
        request = Request(
            self.command, self.path, dict(self.headers), body, bool(peer and peer(True))
        )
        answer = self.server.odd.answer(request)
        if not answer.code:
            return
        self.send_response(answer.code)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815  # http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Standard error is for pytest."""
