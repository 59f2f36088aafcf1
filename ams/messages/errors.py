"""What a caller of the log must handle itself."""

from ams.service.errors import Conflict, Unavailable


class StaleMetadata(Unavailable):
    """The caller's metadata is older than what the log knows: load it again, then try again.

    A caller that never catches up answers 503.
    """

    def __init__(self) -> None:
        super().__init__("The topic or subscription is being changed, try again")


class PushLost(Conflict):
    """The caller has no right to push a subscription: another worker may have taken it over."""

    def __init__(self) -> None:
        super().__init__("The subscription is pushed by another worker")
