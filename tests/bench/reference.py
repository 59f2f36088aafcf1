"""The reference: a bare Sanic handler that parses a body and answers with a few bytes."""

import sys

from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

ANSWER = b'{"messageIds":["0"]}'
JSON = "application/json; charset=utf-8"

app = Sanic("reference", configure_logging=False)


@app.post("/v1/projects/<project>/topics/<topic>")
async def parse(request: Request, project: str, topic: str) -> HTTPResponse:
    """Parses what a publisher sends, in the framework's own way."""
    _ = request.json
    return raw(ANSWER, content_type=JSON)


@app.get("/")
async def empty(_: Request) -> HTTPResponse:
    """Does nothing."""
    return raw(b"{}", content_type=JSON)


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False)
