"""AuthN's errors, and the form they have on the wire (contract: authn 1.4).

Other than the broker's: statuses have spaces in between, the members another order, and a path
that does not exist or a wrong method has no JSON at all (1.2).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from ams.service.errors import MethodNotAllowed, ServiceError
from ams.service.responses import Response
from ams.service.routes import NoSuchPath
from authn.rendering import pretty


class AuthnError(ServiceError):
    """An error of AuthN's own, whose `status` is the contract's."""


class MalformedBody(AuthnError):
    """400: a body that is no JSON, or not of the right shape."""

    http_status = 400
    status = "BAD REQUEST"

    def __init__(self, why: str) -> None:
        super().__init__(f"Poorly formatted JSON. {why}")


class NoCertificate(AuthnError):
    """400: the client has shown no certificate."""

    http_status = 400
    status = "BAD REQUEST"

    def __init__(self) -> None:
        super().__init__("No certificate provided")


class UnusableRequest(AuthnError):
    """400: something that the message tells can't be worked with."""

    http_status = 400
    status = "BAD REQUEST"


class WrongCredentials(AuthnError):
    """401: no service token, or another one."""

    http_status = 401
    status = "UNAUTHORIZED"

    def __init__(self) -> None:
        super().__init__("Wrong Credentials")


class TokenNotAccepted(AuthnError):
    """401: no access token, or one that does not count."""

    http_status = 401
    status = "UNAUTHORIZED"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class CertificateRefused(AuthnError):
    """403: the certificate counts for nothing here."""

    http_status = 403
    status = "ACCESS_FORBIDDEN"


class NotFound(AuthnError):
    """404: `thing` (such as "Binding") does not exist."""

    http_status = 404
    status = "NOT FOUND"

    def __init__(self, thing: str) -> None:
        super().__init__(f"{thing} was not found")


class Conflict(AuthnError):
    """409: another `resource` has this value already."""

    http_status = 409
    status = "CONFLICT"

    def __init__(self, resource: str, field: str, value: str) -> None:
        super().__init__(f"{resource} object with {field}: {value} already exists")


class EmptyField(AuthnError):
    """422: a field that must say something doesn't."""

    http_status = 422
    status = "UNPROCESSABLE ENTITY"

    def __init__(self, resource: str, field: str) -> None:
        super().__init__(f"{resource} object contains empty fields. empty value for field: {field}")


class Unsupported(AuthnError):
    """422: a value is none of those that are known."""

    http_status = 422
    status = "UNPROCESSABLE ENTITY"

    def __init__(self, place: str, value: str, supported: Sequence[str]) -> None:
        super().__init__(f"{place}: {value} is not yet supported.Supported:[{' '.join(supported)}]")


class DatabaseFailure(AuthnError):
    """500: the database does not answer, or has what should not be."""

    http_status = 500
    status = "INTERNAL SERVER ERROR"

    def __init__(self, why: str) -> None:
        super().__init__(f"Database Error: {why}")


class InternalFailure(AuthnError):
    """500: something else is not as it should be."""

    http_status = 500
    status = "INTERNAL SERVER ERROR"

    def __init__(self, why: str) -> None:
        super().__init__(f"Internal Error: {why}")


def render_error(error: ServiceError) -> Response:
    """The answer that an error stands for, the kit's own included."""
    if isinstance(error, NoSuchPath):
        return Response(
            b"404 page not found\n",
            404,
            "text/plain; charset=utf-8",
            {"X-Content-Type-Options": "nosniff"},
        )
    if isinstance(error, MethodNotAllowed):
        return Response(status=405, content_type="")
    code = error.http_status
    own = isinstance(error, AuthnError)
    status = error.status if own else HTTPStatus(code).phrase.upper()
    body = {"error": {"message": error.message, "code": code, "status": status}}
    return Response(pretty(body), code, headers=error.headers)
