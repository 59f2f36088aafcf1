"""A real HTTPS server in the place of the configuration database, well-behaved or not."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from tests.certificates import Certificates


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any kind; without a length it ends when the connection does."""

    body: bytes = b""
    status: int = 200
    location: str = ""
    packed: bool = False
    endless: bool = False


class ConfigurationDatabase:
    """Serves what it has over HTTPS, on a free port of 127.0.0.1.

        with ConfigurationDatabase(certificates) as database:
            database.endpoints["my.type"] = [endpoint("my.type", "a.example.org", "/CN=a")]

    `requests` counts what was asked for: `my.type`, the name of a site, or a path. What is in
    `replies` under such a name is answered in its place. `subjects` are those of the certificates
    that clients have shown, as text.
    """

    def __init__(self, certificates: Certificates) -> None:
        self.endpoints: dict[str, list[str]] = {}
        self.sites: dict[str, str] = {}
        self.replies: dict[str, Reply] = {}
        self.page_size = 0
        self.requests: Counter[str] = Counter()
        self.subjects: set[str] = set()
        self._server = _Server(self)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(certificates.certificate, certificates.key)
        # The handshake is the handler's: a client that refuses it must not stop others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, target: str) -> Reply:
        """The answer to a request for a path with a query."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
        asked = query.get("service_type") or query.get("sitename") or urlsplit(target).path
        self.requests[asked] += 1
        if asked in self.replies:
            return self.replies[asked]
        if query.get("method") == "get_site":
            return Reply(results(self.sites.get(asked, "")))
        if query.get("method") == "get_service_endpoint":
            return Reply(self._page(asked, int(query.get("next_cursor", 0))))
        return Reply(status=404)

    def _page(self, service_type: str, start: int) -> bytes:
        found = self.endpoints.get(service_type, [])
        end = start + (self.page_size or len(found))
        meta = ""
        if end < len(found):
            path = "/?method=get_service_endpoint&service_type="
            link = quoteattr(f"{path}{service_type}&next_cursor={end}")
            meta = f'<meta><link rel="self" href="/"/><link rel="next" href={link}/></meta>'
        return results(meta, *found[start:end])


def results(*elements: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><results>{"".join(elements)}</results>'.encode()


def endpoint(
    service_type: str, host: str, subject: str | None, site: str = "SITE.A", **fields: str
) -> str:
    """An endpoint in production; `fields` are others, or others for these."""
    told = {
        "PRIMARY_KEY": "1G0",
        "HOSTNAME": host,
        **({} if subject is None else {"HOSTDN": subject}),
        "SERVICE_TYPE": service_type,
        "IN_PRODUCTION": "Y",
        "SITENAME": site,
        **fields,
    }
    extra = "<ENDPOINTS><ENDPOINT><HOSTNAME>inner</HOSTNAME></ENDPOINT></ENDPOINTS>"
    return f"<SERVICE_ENDPOINT>{_fields(told)}{extra}</SERVICE_ENDPOINT>"


def site(email: str, infrastructure: str = "Production", status: str = "Certified") -> str:
    fields = {
        "PRODUCTION_INFRASTRUCTURE": infrastructure,
        "CERTIFICATION_STATUS": status,
        "CONTACT_EMAIL": email,
    }
    return f"<SITE>{_fields(fields)}</SITE>"


def answering(body: object, status: int = 200) -> Reply:
    """A reply in JSON."""
    return Reply(json.dumps(body).encode(), status)


def _fields(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, database: ConfigurationDatabase) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.database = database


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self._note_certificate(self.server.database)
        reply = self.server.database.answer(self.path)
        # Who asked may have seen enough.
        try:
            self._send(reply)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def _note_certificate(self, database: ConfigurationDatabase) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert() or {}
        database.subjects.add(str(certificate.get("subject", "")))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        if reply.location:
            self.send_header("Location", reply.location)
        if reply.packed:
            self.send_header("Content-Encoding", "gzip")
        if not reply.endless:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        for piece in _pieces(reply):
            self.wfile.write(piece)


def _pieces(reply: Reply) -> Iterator[bytes]:
    yield reply.body
    while reply.endless:
        yield b" " * 65536
