"""When tokens were last used: remembered in passing, written down once a minute."""

from datetime import UTC, datetime
from typing import Final

from ams.messages.periodic import Periodic
from ams.metadata import users
from ams.metadata.records import Caller
from ams.metadata.store import Store
from ams.service.errors import ServiceError
from ams.service.logs import get_logger

#: How often uses are written down, seconds.
INTERVAL: Final = 60.0

_FAILURE: Final = "The use of tokens could not be noted"


class TokenUse(Periodic):
    """Notes whose tokens are used.

    Args:
        store: where it is written down.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(_FAILURE)
        self._store = store
        self._used: set[int] = set()

    def note(self, caller: Caller) -> None:
        """A caller's token has just been used; the service token is nobody's."""
        if caller.user_id is not None:
            self._used.add(caller.user_id)

    async def write(self) -> None:
        """Writes down whose tokens were used since the last time; if it fails, the next time.

        Raises:
            Unavailable: The database can't be reached.
        """
        used, self._used = self._used, set()
        try:
            await users.token_used(self._store, used, datetime.now(UTC))
        except BaseException:
            self._used |= used
            raise

    async def stop(self) -> None:
        """Ends, and writes down what is left."""
        await super().stop()
        try:
            await self.write()
        except ServiceError as error:
            get_logger().warning(_FAILURE, error=error.message)

    async def _turn(self) -> None:
        await self.write()

    def _pause(self) -> float:
        return INTERVAL
