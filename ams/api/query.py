"""The query of a request."""

import re
from typing import Final
from urllib.parse import unquote_plus

from ams.service.http import Request

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def query_values(request: Request, name: str) -> list[str]:
    """The values of a query parameter.

    One that can't be decoded is as good as absent (contract: ams-core 1.14).
    """
    parts = (part.partition("=") for part in request.query_string.split("&"))
    return [
        unquote_plus(value)
        for key, _, value in parts
        if unquote_plus(key) == name and not _BAD_ESCAPE.search(value)
    ]
