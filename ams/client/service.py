"""The broker itself: the requests for its status and version, which anybody may send."""

from ams.client.call import Call, answer
from ams.client.objects import Status, Version

_status = answer(Status)
_version = answer(Version)


def status() -> Call[Status]:
    """The request for how the broker is."""
    return Call("GET", "/v1/status", _status)


def version() -> Call[Version]:
    """The request for what the broker runs on."""
    return Call("GET", "/v1/version", _version)
