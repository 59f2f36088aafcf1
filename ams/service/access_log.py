"""One log line a request (contract: ams-users-metrics 12)."""

from typing import Final

import msgspec

from ams.service.logs import Clock, encode_line, writer

#: What the log calls a request whose client did not wait for the answer.
CLIENT_GONE = 499

_clock: Final = Clock()


class AccessLine(msgspec.Struct, omit_defaults=True):
    """A request that was answered. `msg` is the error's message, if the answer is one."""

    time: str
    level: str
    type: str
    trace_id: str
    method: str
    path: str
    action: str
    requester: str
    status_code: int
    processing_time: float
    msg: str = ""


def log_request(
    trace_id: str,
    method: str,
    path: str,
    action: str,
    requester: str,
    status: int,
    seconds: float,
    message: str,
) -> None:
    """Logs a request that took so many seconds; the rest is as in `AccessLine`."""
    line = AccessLine(
        _clock.now(),
        "info",
        "request_log",
        trace_id,
        method,
        path,
        action,
        requester,
        status,
        round(seconds, 6),
        message,
    )
    writer.write(encode_line(line), soon=False)
