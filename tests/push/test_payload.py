"""What is sent to receivers, beyond what they show to get."""

import base64

import msgspec
import pytest

from ams.messages.records import Run
from ams.metadata.records import PushConfig
from ams.push.payload import http_body, most_bytes

SIZE = 30_000
#: Bytes of a body besides the data.
REST = 200


@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"x", b'"', b"\n"])
@pytest.mark.parametrize("decode", [False, True])
def test_a_body_is_no_longer_than_the_room_that_is_taken_for_it(byte: bytes, decode: bool) -> None:
    push = PushConfig(type="http_endpoint", base64_decode=decode)
    stored = msgspec.json.encode({"data": base64.b64encode(byte * SIZE).decode()})
    body = http_body(push, "projects/p/subscriptions/s", [Run(0, [stored], len(stored), bytes(7))])
    assert len(body) <= most_bytes(push, len(stored)) + REST


def test_that_room_is_needed() -> None:
    push = PushConfig(type="http_endpoint", base64_decode=True)
    stored = msgspec.json.encode({"data": base64.b64encode(b"\0" * SIZE).decode()})
    body = http_body(push, "projects/p/subscriptions/s", [Run(0, [stored], len(stored), bytes(7))])
    assert len(body) > 4 * len(stored)
