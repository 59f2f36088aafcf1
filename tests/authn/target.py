"""A service that AuthN gets tokens from, well-behaved or not."""

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.certificates import Certificates


@dataclass
class Answer:
    """What the service says; `pause` is waited for before the body."""

    body: bytes = b'{"token": "the-token"}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: threading.Event | None = None


@dataclass
class Asked:
    """A request as the service got it."""

    path: str
    headers: dict[str, str]
    client: tuple[str, int]


class Target:
    """Listens with TLS on a free port of 127.0.0.1; answers by path, else with `answer`.

    with Target(certificates) as target:
        target.answer = Answer(b"no JSON")
    """

    def __init__(self, certificates: Certificates) -> None:
        self.answer = Answer()
        self.by_path: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        return self._server.server_port

    def says(self, document: object) -> None:
        """Answers with JSON from now on."""
        self.answer = Answer(json.dumps(document).encode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for answer in (self.answer, *self.by_path.values()):
            if answer.pause is not None:
                answer.pause.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(target: Target) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            target.asked.append(Asked(self.path, dict(self.headers), self.client_address))
            answer = target.by_path.get(self.path, target.answer)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.pause is not None:
                answer.pause.wait()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base
            pass

    return Handler
