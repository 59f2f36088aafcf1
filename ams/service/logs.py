"""Logs: one JSON object a line on standard error (contract: ams-users-metrics 12)."""

import atexit
import logging
import time
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from ams.service.log_writer import LineWriter

#: The request that is being answered; empty outside of one.
trace_id: ContextVar[str] = ContextVar("trace_id", default="")

#: Fields that hold a secret, whoever logs them.
SECRET_FIELDS: Final = frozenset(
    {"token", "password", "secret", "authorization", "x-api-key", "service_token"}
)

#: Libraries that say at level info or debug what is of no use here, or what others have sent, which
#: may be secret; their warnings are kept.
CHATTY_LOGGERS: Final = ("sanic", "tortoise", "httpx", "httpcore", "asyncio", "redis")

_STANDARD_ERROR = 2

#: Where all log lines of this process go.
writer: Final = LineWriter(_STANDARD_ERROR)

_encoder: Final = msgspec.json.Encoder(enc_hook=repr)


def get_logger() -> FilteringBoundLogger:
    """What to log with.

    log = get_logger()
    log.info("what happened", field=value)
    """
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure_logging(level: str) -> None:
    """Sends our own log lines and those of every library to standard error, as JSON.

    Args:
        level: the least that is logged: debug, info, warning or error.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[_render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Sink,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler()]
    root.setLevel(number)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(True)
    atexit.register(writer.stop)


class Clock:
    """The time of day as log lines have it; asking costs next to nothing within one second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        """RFC 3339, UTC, with milliseconds."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{int((now - second) * 1000):03d}Z"


_clock: Final = Clock()


class _Sink:
    """What structlog hands a rendered line to, whatever its level."""

    def __init__(self, *_: object) -> None:
        pass

    def _write(self, line: bytes) -> None:
        writer.write(line)

    debug = info = warning = error = critical = msg = _write


class _LibraryHandler(logging.Handler):
    """Gives what libraries log the shape of our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, object] = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        writer.write(_render(None, record.levelname.lower(), fields))


# Any: structlog's type of a processor.
def _render(_: object, method: str, event: MutableMapping[str, Any]) -> bytes:
    fields: dict[str, object] = {
        "time": _clock.now(),
        "level": "error" if method == "exception" else method,
        "msg": event.pop("event", ""),
        "type": "service_log",
    }
    if request := trace_id.get():
        fields["trace_id"] = request
    if (failure := event.pop("exc_info", None)) is not None:
        fields["exception"] = _stack(failure)
    fields.update(_masked(event))
    return encode_line(fields)


def _masked(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        name: "***" if name.lower() in SECRET_FIELDS else value for name, value in fields.items()
    }


def _stack(failure: object) -> str:
    """The stack of an exception, or of the one being handled."""
    error = structlog.processors.format_exc_info(None, "", {"exc_info": failure})
    return str(error.get("exception", ""))


def encode_line(fields: object) -> bytes:
    """One log line of JSON: a mapping, or a struct of msgspec."""
    try:
        return _encoder.encode(fields) + b"\n"
    except (TypeError, ValueError, msgspec.MsgspecError):
        # Text with lone surrogates, say from a file name, or keys that JSON has not.
        return _encoder.encode({"level": "error", "msg": ascii(fields)}) + b"\n"
