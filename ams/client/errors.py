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
        retry_after: how long to wait before trying again, in seconds, as the answer says; 0 if it
            doesn't.
    """

    def __init__(self, code: int, status: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.retry_after = retry_after


class ConnectionFailed(ClientError):
    """The broker could not be reached, or the connection broke before it answered."""


class NotConnected(ConnectionFailed):
    """There was no connection: nothing was sent, so nothing was done."""


class NotTrusted(ConnectionFailed):
    """The broker's certificate is not one to trust: nothing was sent."""


class ConnectionLost(ConnectionFailed):
    """The connection broke after sending: what was asked for may have been done or not."""


class NoAnswer(ConnectionFailed):
    """Time ran out: what was asked for may have been done or not."""


class UnexpectedAnswer(ClientError):
    """An answer that says success, and yet is not what the broker answers to this request."""


class InvalidName(ClientError, ValueError):
    """A name that no resource can have, refused before anything is sent."""
