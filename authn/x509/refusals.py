"""Why a certificate gets no token: one exception for each answer of the contract (authn 4.2-4.4).

Each carries the HTTP status and the message that the client reads; what only operators may know
stands in `detail`, for the log.
"""

from typing import ClassVar


class Refusal(Exception):
    """A check went against the certificate, or could not be done."""

    http_status: ClassVar[int] = 403

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class AmbiguousSubject(Refusal):
    """403: the subject can't be read, or could be taken for another one."""


class HostMismatch(Refusal):
    """403: the certificate is not one of the host that it came from."""


class HostUnknown(Refusal):
    """400: who the host is can't be found out."""

    http_status = 400


class Expired(Refusal):
    """403: the certificate was valid once."""

    def __init__(self) -> None:
        super().__init__("Your certificate has expired")


class NotActive(Refusal):
    """403: the certificate will be valid."""

    def __init__(self) -> None:
        super().__init__("Your certificate is not active yet")


class Untrusted(Refusal):
    """403: no trusted authority vouches for the certificate, or not for this use."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Your certificate is invalid. {reason}")
        self.reason = reason


class NoDistributionPoints(Refusal):
    """403: the certificate doesn't say where it would be revoked."""

    def __init__(self) -> None:
        super().__init__(
            "Your certificate is invalid. No CRLDistributionPoints found on the certificate"
        )


class Revoked(Refusal):
    """403: its authority, or the one above that, has taken it back."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("Your certificate has been revoked", detail)


class RevocationUnknown(Refusal):
    """500: whether the certificate is revoked can't be found out."""

    http_status = 500

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"Internal Error: {reason}", detail)
        self.reason = reason
