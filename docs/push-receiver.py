"""A receiver of pushed messages, to try things and to start from.

python push-receiver.py ams-data/tls https://127.0.0.1:8000 VERIFICATION_HASH AUTHORIZATION
"""

import base64
import hmac
import sys
from urllib.parse import urlsplit

from sanic import Request, Sanic, empty, text
from sanic.response import HTTPResponse

certificates, url, verification_hash, authorization = sys.argv[1:]
app = Sanic("receiver")


@app.get("/ams_verification_hash")
async def verify(_: Request) -> HTTPResponse:
    """Shows the broker that whoever runs this wants the messages."""
    return text(verification_hash)


@app.post("/messages")
async def receive(request: Request) -> HTTPResponse:
    """Prints what comes. Only after the answer does the broker send the next messages."""
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), authorization.encode()):
        return empty(status=401)
    for item in request.json.get("messages", [request.json]):
        message = item["message"]
        data = base64.b64decode(message["data"]).decode(errors="replace")
        # The same message may come again: its id tells.
        print(item["subscription"], message["messageId"], data, flush=True)  # noqa: T201
    return empty(status=204)


if __name__ == "__main__":
    app.run(
        host=urlsplit(url).hostname,
        port=urlsplit(url).port,
        ssl={"cert": f"{certificates}/server.pem", "key": f"{certificates}/server.key"},
        single_process=True,
        motd=False,
    )
