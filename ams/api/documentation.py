"""The API's own documentation, served by the API: the OpenAPI document, and a page to read it."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Final

import msgspec

from ams.api.openapi import document
from ams.api.operations import Operation
from ams.service.http import App, Request
from ams.service.responses import Response

#: Files of the page are served below `/docs`, but for this, which is `/docs` itself.
_INDEX: Final = "index.html"
_CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: The page runs its own files only, and talks to its own broker only.
_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add_documentation(app: App, operations: Sequence[Operation]) -> None:
    """Adds `/v1/openapi.json` and `/docs`."""
    openapi = msgspec.json.encode(document(operations))

    async def answer_openapi(_: Request, __: Mapping[str, str]) -> bytes:
        return openapi

    app.resource("/v1/openapi.json", {("GET", None): ("documentation:openapi", answer_openapi)})
    for part in (files(__package__) / "page").iterdir():
        content_type = _CONTENT_TYPES[PurePath(part.name).suffix]
        file = Response(part.read_bytes(), 200, content_type, _HEADERS)

        async def answer_file(_: Request, __: Mapping[str, str], file: Response = file) -> Response:
            return file

        path = "/docs" if part.name == _INDEX else f"/docs/{part.name}"
        app.resource(path, {("GET", None): ("documentation:page", answer_file)})
