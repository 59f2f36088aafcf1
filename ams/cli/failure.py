"""How a command fails: one line on standard error, and an exit status."""

import enum


class Exit(enum.IntEnum):
    """Exit statuses of the `ams` command; 130 means that Ctrl-C ended it."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_CONNECTION = 3


class CommandFailed(Exception):
    """Ends the command; the text is for people."""

    def __init__(self, message: str, exit_status: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status
