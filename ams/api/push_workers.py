"""Who pushes messages: the user in whose name it is done, and what is known of the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ams.api.broker import Broker
from ams.auth.tokens import digest
from ams.service.errors import Conflict, InternalError, NotFound

PUSH_DISABLED: Final = "Push functionality is currently disabled"
PUSH_UNAVAILABLE: Final = "Push functionality is currently unavailable"
#: What clients read of a subscription that nobody drives (contract: ams-core 4.6, 7.7).
NO_SERVER: Final = "Push server is currently unavailable"

#: How a request may fail that needs somebody to push.
ERRORS: Final = (Conflict(PUSH_DISABLED), InternalError(PUSH_UNAVAILABLE))


async def find_worker(broker: Broker) -> int | None:
    """The id of the user who pushes; None if the token of the settings is nobody's."""
    token = broker.settings.push.worker_token.get_secret_value()
    if not token:
        return None
    key = digest(token)
    worker = broker.catalog.caller_cached(key) or await broker.catalog.caller(key)
    return None if worker is None else worker.user_id


async def require_worker(broker: Broker) -> int:
    """The id of the user who pushes, or the error that says why there is none."""
    if not broker.settings.push.enabled:
        raise Conflict(PUSH_DISABLED)
    worker = await find_worker(broker)
    if worker is None:
        raise InternalError(PUSH_UNAVAILABLE)
    return worker


@contextmanager
def worker_stays() -> Iterator[None]:
    """A worker who is removed meanwhile is as good as none."""
    try:
        yield
    except NotFound as missing:
        if missing.thing == "User":
            raise InternalError(PUSH_UNAVAILABLE) from missing
        raise
