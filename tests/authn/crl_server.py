"""A real HTTP server of lists of revoked certificates, well-behaved or not."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class CrlServer:
    """Serves what is published, on a free port of 127.0.0.1.

        with CrlServer() as server:
            url = server.publish("/ca.crl", authority.crl())

    `requests` counts what was asked for, by path.
    """

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.bodies: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.held: dict[str, threading.Event] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for held in self.held.values():
            held.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def publish(self, path: str, body: bytes) -> str:
        """Answers a path with these bytes from now on; gives its URL. Others are answered 404."""
        self.bodies[path] = body
        return self.url(path)

    def withdraw(self, path: str) -> None:
        """Answers a path with 404 again."""
        del self.bodies[path]

    def redirect(self, path: str, location: str) -> str:
        self.redirects[path] = location
        return self.url(path)

    def hold(self, path: str) -> str:
        """Makes requests for a path wait until `release`, or the end."""
        self.held[path] = threading.Event()
        return self.url(path)

    def release(self, path: str) -> None:
        self.held.pop(path).set()


def _handler(server: CrlServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests[self.path] += 1
            if held := server.held.get(self.path):
                held.wait()
            if location := server.redirects.get(self.path):
                self._answer(302, b"", location)
            elif self.path in server.bodies:
                self._answer(200, server.bodies[self.path])
            else:
                self._answer(404, b"<html>no such page</html>")

        def _answer(self, status: int, body: bytes, location: str = "") -> None:
            # Who asked may have gone away meanwhile.
            try:
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler
