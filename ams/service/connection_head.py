"""The head of a request, and the next on the same connection that is like it."""

import re
from typing import Any, Final, NamedTuple, Self, TypeAlias

from sanic.compat import Header
from sanic.request import Request

#: A request, whatever its application and context.
AnyRequest: TypeAlias = "Request[Any, Any]"

_REQUEST_LINE: Final = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1")
_LENGTH: Final = re.compile(rb"(?:\A|\r\n)content-length:[ \t]*([0-9]+)", re.IGNORECASE)
#: Headers with which a request is read in another way than most.
_UNUSUAL: Final = ("expect", "transfer-encoding", "upgrade")
#: Most bytes of headers that are kept, for as long as their connection.
_MOST_BYTES: Final = 4096
#: Most digits of a length that need no second look.
_MOST_DIGITS: Final = 15


class Similar(NamedTuple):
    """What a head says that is like the one before; `length` is None where no body follows."""

    method: str
    url: bytes
    length: int | None
    headers: Header


class Head(NamedTuple):
    """The headers of a request that was in order.

    Args:
        before, after: what stands before and after the length of its body; `after` is None, and
            `before` all of them, if they don't say one.
        headers: what they say.
    """

    before: bytes
    after: bytes | None
    headers: Header

    @classmethod
    def of(cls, request: AnyRequest) -> Self | None:
        """That of a request; None if the next should be read from scratch."""
        headers = request.headers
        if request.version != "1.1" or any(name in headers for name in _UNUSUAL):
            return None
        fields = request.head.partition(b"\r\n")[2]
        if len(fields) > _MOST_BYTES:
            return None
        length = _LENGTH.search(fields)
        if length is None:
            return cls(fields, None, headers)
        return cls(fields[: length.start(1)], fields[length.end(1) :], headers)

    def similar(self, head: bytes) -> Similar | None:
        """What the next head says; None if it differs in more than request line and length."""
        line, _, fields = head.partition(b"\r\n")
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            return None
        method, url = match[1].decode(), match[2]
        if self.after is None:
            return Similar(method, url, None, self.headers) if fields == self.before else None
        digits = fields[len(self.before) : len(fields) - len(self.after)]
        if not (
            digits.isdigit()
            and len(digits) <= _MOST_DIGITS
            and fields.startswith(self.before)
            and fields.endswith(self.after)
        ):
            return None
        headers = self.headers
        length = digits.decode()
        if headers["content-length"] != length:
            headers = headers.copy()
            headers["content-length"] = length
        return Similar(method, url, int(digits), headers)
