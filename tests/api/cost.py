"""What requests cost: SQL statements and round trips to Redis."""

from types import SimpleNamespace
from typing import cast

import pytest

from ams.api.broker import Broker
from ams.api.calls import Call, authorised
from ams.api.operations import Operation
from ams.messages import lane
from ams.messages.lane import Lane
from ams.messages.redis_connections import Borrowed
from ams.service.http import Request
from tests.metadata.conftest import Statements
from tests.metadata.make import token_of

#: Whose requests they are: `make_user` makes them.
ADMIN = "admin"


class Cost:
    """Counts what requests cost, each of them in a `with`."""

    def __init__(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        self._statements = Statements(caplog)
        self._round_trips = 0
        send = Lane._send

        async def note(sender: Lane, calls: list[lane.Call], borrowed: Borrowed) -> None:
            self._round_trips += 1
            await send(sender, calls, borrowed)

        monkeypatch.setattr(Lane, "_send", note)

    async def of(
        self, broker: Broker, operation: Operation, *, query: str = "", **names: str
    ) -> tuple[int, int]:
        """SQL statements and round trips to Redis of a request, authorisation included."""
        ctx = SimpleNamespace()
        headers = {"x-api-key": token_of(ADMIN)}
        sent = SimpleNamespace(headers=headers, query_string=query, ctx=ctx)
        request = cast("Request", sent)
        before = self._round_trips
        with self._statements:
            if operation.is_open:
                call = Call(operation=operation, request=request, broker=broker, names=names)
            else:
                call = await authorised(broker, request, operation, names)
            await operation.endpoint(call)
        return self._statements.count, self._round_trips - before
