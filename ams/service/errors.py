"""The errors an AMS service answers with, and the JSON body they have on the wire.

Raise one of these anywhere below a handler; the HTTP kit turns it into its answer. Kinds, codes,
texts and statuses are contract ams-core 1 and ams-users-metrics 1.9.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import ClassVar

#: Seconds a client is told to wait before it tries an unavailable service again.
RETRY_AFTER_SECONDS = 1


class ServiceError(Exception):
    """A failure with an answer of its own.

    Subclasses fix `http_status` (the HTTP code) and `status` (the contract's status word);
    `message` is the text a client reads.
    """

    http_status: ClassVar[int] = 500
    status: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers this error needs besides the content type."""
        return {}

    def body(self) -> bytes:
        """The JSON error envelope, UTF-8 encoded."""
        error = {"code": self.http_status, "message": self.message, "status": self.status}
        return json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "replace")


class BadRequest(ServiceError):
    """400: the request could not be read."""

    http_status = 400
    status = "BAD_REQUEST"

    def __init__(self, message: str = "Invalid Request Body") -> None:
        super().__init__(message)


class InvalidArgument(ServiceError):
    """400: the request was read, and something in it is wrong."""

    http_status = 400
    status = "INVALID_ARGUMENT"


class Unauthorized(ServiceError):
    """401: no token, an unknown one, or one without any role here."""

    http_status = 401
    status = "UNAUTHORIZED"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(ServiceError):
    """403: the caller is known and may not do this."""

    http_status = 403
    status = "FORBIDDEN"

    def __init__(self, message: str = "Access to this resource is forbidden") -> None:
        super().__init__(message)


class NotFound(ServiceError):
    """404: `thing` (a noun such as "Topic") does not exist."""

    http_status = 404
    status = "NOT_FOUND"

    def __init__(self, thing: str) -> None:
        super().__init__(f"{thing} doesn't exist")
        self.thing = thing


class UsersNotFound(ServiceError):
    """404: some users of an access list do not exist, named in the order they were asked for."""

    http_status = 404
    status = "NOT_FOUND"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"User(s): {', '.join(self.names)} do not exist")


class MethodNotAllowed(ServiceError):
    """405: the path exists, the method does not. `allow` names the methods that do."""

    http_status = 405
    status = "METHOD_NOT_ALLOWED"

    def __init__(self, allow: Iterable[str]) -> None:
        super().__init__("Method Not Allowed")
        self.allow = tuple(allow)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allow)}


class AckTimeout(ServiceError):
    """408: an acknowledgement came after its deadline."""

    http_status = 408
    status = "TIMEOUT"

    def __init__(self, message: str = "ack timeout") -> None:
        super().__init__(message)


class AlreadyExists(ServiceError):
    """409: the name of `thing` (a noun such as "Topic") is taken."""

    http_status = 409
    status = "ALREADY_EXISTS"

    def __init__(self, thing: str) -> None:
        super().__init__(f"{thing} already exists")
        self.thing = thing


class Conflict(ServiceError):
    """409: the request does not fit the state things are in."""

    http_status = 409
    status = "CONFLICT"


class TooLarge(ServiceError):
    """413: a message or a request body is larger than allowed."""

    http_status = 413
    status = "INVALID_ARGUMENT"

    def __init__(self, message: str = "Message size is too large") -> None:
        super().__init__(message)


class InternalError(ServiceError):
    """500: a failure that is no fault of the caller's."""

    http_status = 500
    status = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str = "Internal error") -> None:
        super().__init__(message)


class Unavailable(ServiceError):
    """503: a store this service needs does not answer at present."""

    http_status = 503
    status = "UNAVAILABLE"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
