"""Trying again: when it is safe, and how long to wait before."""

import random
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx

from ams.client.call import Call, Repeat, no_answer
from ams.client.errors import ClientError, ConnectionLost, NotConnected, ServiceError

T = TypeVar("T")

#: Attempts of one call, the first included, unless the caller says otherwise.
ATTEMPTS = 5
#: The longest pause before the second attempt, in seconds; it doubles with each further one.
BASE_SECONDS = 0.25
#: The longest pause there is, in seconds.
CAP_SECONDS = 10.0

#: More doublings than this exceed any cap.
_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and how patiently, a client tries again.

    A call is sent again if there was no connection, so that nothing was sent. After a 502, 503 or
    504, or a connection that broke, it may have been done; then it is sent again if that does no
    harm: everything but what is refused once it was done, which is repeated after a 503 only
    (creating something, giving it a new name, adding and removing members, deciding on a
    registration), what would then be there twice (messages, registrations), and purging, which
    would remove more.
    Nothing is repeated after another answer or after a timeout.

    The pause before an attempt is random, between 0 and a limit that doubles from
    `base_seconds` to `cap_seconds`, plus what the broker asks for by `Retry-After`.

    ```python
    patient = Client(url, token, retries=Retries(attempts=10, cap_seconds=30))
    ```

    Attributes:
        attempts: most attempts of one call, the first included.
        base_seconds: longest pause before the second attempt.
        cap_seconds: longest pause, also if the broker asks for a longer one.
        may_duplicate: whether to repeat a publish or a registration, too, that may have been stored
            already.
    """

    attempts: int = ATTEMPTS
    base_seconds: float = BASE_SECONDS
    cap_seconds: float = CAP_SECONDS
    may_duplicate: bool = False

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base_seconds < 0 or self.cap_seconds < 0:
            raise ValueError("there is at least one attempt, and no pause is shorter than none")

    def pause_seconds(self, failures: int, error: Exception | None = None) -> float:
        """How long to wait after so many failures in a row, of which `error` is the last."""
        longest = self.base_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        asked = error.retry_after if isinstance(error, ServiceError) else 0.0
        # Random all the way down to nothing, so that clients who failed together come back apart.
        pause = random.uniform(0.0, min(longest, self.cap_seconds))
        return pause + min(asked, self.cap_seconds)

    def allow(self, call: Call[object], error: ClientError) -> bool:
        """Whether a call that failed so may be sent once more."""
        repeat = call.repeat
        if repeat is Repeat.DUPLICATES and self.may_duplicate:
            repeat = Repeat.SAFE
        match error:
            case NotConnected():
                return True
            case ServiceError(code=503):
                # Where a store's answer was lost, it has been done and yet the answer is 503.
                return repeat in (Repeat.SAFE, Repeat.REFUSED)
            case ConnectionLost() | ServiceError(code=502 | 504):
                return repeat is Repeat.SAFE
        return False


def as_retries(retries: int | Retries) -> Retries:
    """A policy; a number is how often to try again after the first attempt."""
    return retries if isinstance(retries, Retries) else Retries(attempts=retries + 1)


class Attempting(Protocol):
    """Sends a call once, and waits."""

    async def once(self, call: Call[T], /) -> T: ...

    async def pause(self, seconds: float, /) -> None: ...


async def send(connection: Attempting, call: Call[T], retries: Retries) -> T:
    """Sends a call, again if that is allowed and the first attempt fails."""
    failures, may_be_done = 0, False
    while True:
        try:
            return await connection.once(call)
        except ClientError as error:
            if may_be_done and _is_gone(call, error):
                return call.read(b"")
            failures += 1
            if failures == retries.attempts or not retries.allow(call, error):
                raise
            may_be_done = may_be_done or not isinstance(error, NotConnected)
            seconds = retries.pause_seconds(failures, error)
        await connection.pause(seconds)


def _is_gone(call: Call[object], error: ClientError) -> bool:
    """Whether a repeated delete has found that the first one had done it."""
    return (
        call.method == "DELETE"
        # Else it only asks what a deletion would do.
        and call.read is no_answer
        and isinstance(error, ServiceError)
        and error.code == httpx.codes.NOT_FOUND
    )
