"""The API's own documentation, served by the API: the OpenAPI document, and a page to read it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import msgspec

from ams.api.openapi import document
from ams.api.operations import Operation
from ams.service.http import App, Request
from ams.service.responses import Response

#: Files of the page, by path, with their content types.
_PAGE: Final = {
    "/docs": ("index.html", "text/html; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
}
#: The page runs its own files only, and talks to its own broker only.
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add_documentation(app: App, operations: Sequence[Operation]) -> None:
    """Adds `/v1/openapi.json` and `/docs`."""
    openapi = msgspec.json.encode(document(operations))

    async def answer_openapi(_: Request) -> bytes:
        return openapi

    app.resource("/v1/openapi.json", {("GET", None): ("documentation:openapi", answer_openapi)})
    folder = files(__package__) / "page"
    for path, (name, content_type) in _PAGE.items():
        file = Response((folder / name).read_bytes(), 200, content_type, _HEADERS)

        async def answer_file(_: Request, file: Response = file) -> Response:
            return file

        app.resource(path, {("GET", None): ("documentation:page", answer_file)})
