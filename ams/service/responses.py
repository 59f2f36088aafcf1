"""Answers and the bytes they are sent as."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from ams.service.errors import ServiceError

JSON: Final = "application/json; charset=utf-8"

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_STATUS_LINES: Final = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}


class Response:
    """What a handler answers where bytes, the body of a 200, don't do.

    Args:
        body: may be empty.
        status: HTTP code.
        content_type: of the body; sent with an empty one too (contract: ams-core 1.10); empty for
            none.
        headers: further headers.
    """

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        content_type: str = JSON,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = headers

    def head(self, trace_id: str, *, cross_origin: bool, keep_alive: bool) -> bytes:
        """Status line and headers.

        Args:
            trace_id: of the request.
            cross_origin: whether the request came from a page of some other origin.
            keep_alive: whether the connection stays open.
        """
        kind = f"Content-Type: {self.content_type}\r\n" if self.content_type else ""
        # One with this status has no body, and by RFC 9110 must not say how long it is.
        no_body = self.status == HTTPStatus.NO_CONTENT
        length = "" if no_body else f"Content-Length: {len(self.body)}\r\n"
        more = "Access-Control-Allow-Origin: *\r\n" if cross_origin else ""
        if self.headers:
            fields = self.headers.items()
            more += "".join(
                [f"{name}: {value.translate(_LINE_ENDS)}\r\n" for name, value in fields]
            )
        return (
            f"{_STATUS_LINES[self.status]}{kind}{length}Date: {_date.now()}\r\n"
            f"X-Request-Id: {trace_id}\r\n"
            f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n{more}\r\n"
        ).encode("latin-1", "replace")


def error_response(error: ServiceError) -> Response:
    """The answer that an error stands for."""
    return Response(error.body(), error.http_status, headers=error.headers)


class _Date:
    """The Date header, made anew when a second has passed."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True)
        return self._text


_date: Final = _Date()
#: What would end a header before its time.
_LINE_ENDS: Final = str.maketrans("", "", "\r\n\0")
