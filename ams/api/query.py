"""The query of a request."""

import re
from typing import Final
from urllib.parse import unquote_plus

from ams.service.http import Request

#: What a value can't hold: an escape that is none, or an unescaped semicolon.
_UNREADABLE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|;")


def query_values(request: Request, name: str) -> list[str]:
    """The values of a query parameter.

    One that can't be decoded is as good as absent (contract: ams-core 1.14, ams-users-metrics 16).
    """
    parts = (part.partition("=") for part in request.query_string.split("&"))
    return [
        unquote_plus(value)
        for key, _, value in parts
        if unquote_plus(key) == name and not _UNREADABLE.search(value)
    ]
