"""The requests for the broker's own status and version, which anybody may send."""

from ams.client.call import Call, Repeat, answer
from ams.client.objects import Status, Version

_status = answer(Status)
_version = answer(Version)


def status() -> Call[Status]:
    """How the broker is."""
    return Call("GET", "/v1/status", _status, Repeat.SAFE)


def version() -> Call[Version]:
    """What the broker runs on."""
    return Call("GET", "/v1/version", _version, Repeat.SAFE)
