"""What the client library raises."""


class ClientError(Exception):
    """Base of all errors of this library; its text is a sentence for people."""


class ServiceError(ClientError):
    """The broker answered, and its answer is an error.

    Attributes:
        code: HTTP status code.
        status: the contract's status word, such as NOT_FOUND; empty if a proxy or the like answered
            in the broker's place.
        message: what the answer says is wrong.
    """

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message


class ConnectionFailed(ClientError):
    """The broker could not be reached, or the connection broke before it answered."""


class UnexpectedAnswer(ClientError):
    """An answer that says success, and yet is not what the broker answers to this request."""


class InvalidName(ClientError, ValueError):
    """A name that no resource can have, refused before anything is sent."""
